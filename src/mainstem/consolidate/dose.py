"""How a drug is taken, as far as two statements can be compared: another dose is another treatment (CONS-7)."""

from typing import Any, cast

from msgspec import Struct

from mainstem.consolidate.value import decimal, fold
from mainstem.model.json import canonical

_RATES = ("doseQuantity", "doseRange", "rateQuantity", "rateRatio", "rateRange")


class Dose(Struct, frozen=True, kw_only=True):
    """Amounts, timings and words of a list of Dosage; sorted, so that their order does not matter."""

    amounts: tuple[str, ...] = ()
    timings: tuple[str, ...] = ()
    texts: tuple[str, ...] = ()

    @property
    def stated(self) -> bool:
        """Whether it says how much."""
        return bool(self.amounts or self.texts)


def dose_of(dosages: object) -> Dose:
    """Return the dose of a `dosage` or `dosageInstruction` list."""
    items = cast("list[dict[str, Any]]", dosages) if isinstance(dosages, list) else []
    return Dose(
        amounts=tuple(sorted(amount for item in items for amount in _amounts(item))),
        timings=tuple(sorted(_timing(item["timing"]) for item in items if item.get("timing"))),
        texts=tuple(sorted(fold(item["text"]) for item in items if item.get("text"))),
    )


def same_dose(left: Dose, right: Dose) -> bool:
    """Return whether nothing that both state differs; words count where one of them has no amount."""
    if left.amounts and right.amounts:
        return left.amounts == right.amounts and (
            not left.timings or not right.timings or left.timings == right.timings
        )
    if left.texts and right.texts:
        return left.texts == right.texts
    return not (left.stated and right.stated)


def _amounts(dosage: dict[str, Any]) -> list[str]:
    rates = cast("list[dict[str, Any]]", dosage.get("doseAndRate", []))
    return [_quantity(each[name]) for each in rates for name in _RATES if name in each]


def _quantity(element: dict[str, Any]) -> str:
    number = decimal(element.get("value"))
    if number is None:
        return canonical(element).decode()
    unit = str(element.get("code") or element.get("unit") or "1").strip("{}")
    return f"{number.normalize():f} {fold(unit)}"


def _timing(timing: dict[str, Any]) -> str:
    repeat = timing.get("repeat", {})
    told = {name: repeat[name] for name in ("frequency", "period", "periodUnit", "when", "timeOfDay") if name in repeat}
    return canonical(told or timing.get("code", {})).decode()
