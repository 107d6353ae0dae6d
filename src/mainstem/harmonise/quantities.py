"""A Quantity in the canonical unit of what it measures, with the one that was sent kept in an extension."""

from decimal import Decimal
from functools import lru_cache

from msgspec import Struct

from mainstem.harmonise.analytes import SAME, Analyte, Family, Recipe, convert, recipe
from mainstem.harmonise.json_shapes import Json, dicts
from mainstem.harmonise.quality import Finding
from mainstem.harmonise.units import UNSTATED, folded, resolve
from mainstem.model.names import SOURCE_VALUE, UCUM

_SIZE_MOST = 18
_DIGITS_MOST = 28


class Reading(Struct, frozen=True):
    """What became of a Quantity: itself when it is canonical already or was refused."""

    quantity: Json
    finding: Finding | None = None
    refused: bool = False
    """It stays as sent, so nothing beside it may be converted either."""


def read(sent: Json, analyte: Analyte | None, original: Json | None = None) -> Reading:
    """Return the Quantity in canonical words; `original` is the extension's value, by default the Quantity as sent."""
    value = decimal(sent.get("value"))
    if value is None or ("extension" in sent and not dicts(sent["extension"])):
        return Reading(sent, refused=True)
    if analyte is None:
        return _spelled(sent, original)
    family = analyte.family
    unit = _unit_for(sent, family)
    if not unit:
        return Reading(sent, Finding.UNIT_MISSING if unit == UNSTATED else Finding.UNIT_UNKNOWN, refused=True)
    how = recipe(family.name, unit, family.unit)
    if how is None:
        return Reading(sent, Finding.UNIT_MISSING if unit == "1" else Finding.UNIT_MISMATCH, refused=True)
    if _contradicts(sent, unit, family.name):
        return Reading(sent, Finding.UNIT_SUSPECT, refused=True)
    return _converted(sent, value, how, family, original)


def _converted(sent: Json, value: Decimal, how: Recipe, family: Family, original: Json | None) -> Reading:
    if how.power_of_ten and abs(value) > _SIZE_MOST:
        return Reading(sent, Finding.UNIT_SUSPECT, refused=True)
    result = convert(value, how)
    bounded = "comparator" in sent  # `<5` is no value of 5: nothing to weigh
    if not bounded and _outside(result, family.limits.absolute):
        return Reading(sent, Finding.UNIT_SUSPECT, refused=True)
    doubt = Finding.UNIT_SUSPECT if not bounded and _outside(result, family.limits.plausible) else None
    if how is SAME and original is None and sent.get("code") == family.unit and sent.get("system") == UCUM:
        return Reading(sent, doubt)
    stated = sent["value"] if how is SAME else result
    return Reading(_rewritten(sent, stated, family.unit, original), doubt)


def _spelled(sent: Json, original: Json | None) -> Reading:
    """Give the unit of an unknown measurement its UCUM code, and no more."""
    unit = _unit_of(sent)
    if unit is None:
        return Reading(sent, Finding.UNIT_UNKNOWN)
    if unit == UNSTATED or (original is None and sent.get("code") == unit and sent.get("system") == UCUM):
        return Reading(sent)
    return Reading(_rewritten(sent, sent["value"], unit, original))


def _unit_for(sent: Json, family: Family) -> str | None:
    """Return the UCUM unit that was meant, `UNSTATED`, or None when unknown; a unit by definition is filled in."""
    unit = _unit_of(sent)
    if unit is None:
        # The canonical unit in another case can only be itself: NG/ML for a drug level.
        return family.unit if folded(str(sent.get("code") or sent.get("unit"))) == folded(family.unit) else None
    return family.unit if unit == UNSTATED and family.assumed else unit


def _unit_of(sent: Json) -> str | None:
    """Read `code` if it claims to be UCUM or claims nothing, else `unit` (rule book 1.3)."""
    code, unit = sent.get("code"), sent.get("unit")
    if isinstance(code, str) and sent.get("system", UCUM) == UCUM:
        found = resolve(code)
        if found:
            return found
    if isinstance(unit, str):
        return resolve(unit)
    return None if code else UNSTATED


def _contradicts(sent: Json, code: str, family: str) -> bool:
    words = sent.get("unit")
    return isinstance(words, str) and words != code and _names_another(words, code, family)


@lru_cache(maxsize=20_000)
def _names_another(words: str, code: str, family: str) -> bool:
    """Whether `unit` plainly names another unit than the code; words that cannot be compared do not count."""
    other = resolve(words)
    how = recipe(family, other, code) if other else None
    return how is not None and (how.top, how.shift) != (how.bottom, 0)


def _rewritten(sent: Json, value: object, unit: str, original: Json | None) -> Json:
    kept = {name: each for name, each in sent.items() if name not in {"value", "unit", "system", "code"}}
    extensions = dicts(sent.get("extension"))
    if not any(each.get("url") == SOURCE_VALUE for each in extensions):
        as_sent = {name: each for name, each in sent.items() if name != "extension"}
        extensions = [*extensions, {"url": SOURCE_VALUE, **(original or {"valueQuantity": as_sent})}]
    return {**kept, "extension": extensions, "value": value, "unit": unit, "system": UCUM, "code": unit}


def _outside(value: Decimal, band: tuple[Decimal, Decimal] | None) -> bool:
    return band is not None and not band[0] <= value <= band[1]


def decimal(value: object) -> Decimal | None:
    """Return a JSON number as a Decimal; None when it is none, or of a size that no measurement has."""
    if isinstance(value, bool) or not isinstance(value, Decimal | int | float):
        return None
    number = Decimal(repr(value)) if isinstance(value, float) else Decimal(value)
    measurable = number.is_finite() and abs(number.adjusted()) <= _SIZE_MOST
    return number if measurable and len(number.as_tuple().digits) <= _DIGITS_MOST else None
