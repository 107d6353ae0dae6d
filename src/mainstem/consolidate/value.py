"""What a reading says, and whether two values are the same, differ, or cannot be told apart (harmonise 1.3)."""

from decimal import Decimal, InvalidOperation
from typing import Any, cast

from msgspec import Struct

from mainstem.consolidate.block import codings
from mainstem.consolidate.sameness import Tolerance
from mainstem.consolidate.shape import dicts
from mainstem.model.fact import Resource
from mainstem.model.json import canonical
from mainstem.model.names import SOURCE_VALUE

_HALF = Decimal("0.5")
_ZERO = Decimal(0)


class Measured(Struct, frozen=True, kw_only=True):
    """A number with its unit; `half` is half of the last digit that the source wrote, in this unit."""

    number: Decimal
    unit: str
    comparator: str
    half: Decimal
    rescaled: bool
    """The source sent it in another unit: only then may its rounding excuse a difference."""


class Coded(Struct, frozen=True, kw_only=True):
    """A concept by its codes and by its folded words; plain text is a concept without codes."""

    codes: frozenset[tuple[str, str]]
    labels: frozenset[str]


class Exact(Struct, frozen=True, kw_only=True):
    """Anything else (Boolean, Range, Ratio, Period, SampledData …): equal only byte by byte."""

    text: str


Value = Measured | Coded | Exact


def value_of(element: Resource) -> Value | None:
    """Return the `value[x]` of an Observation or of one of its components; None when it states none."""
    quantity: Any = element.get("valueQuantity")
    if isinstance(quantity, dict):
        return _measured(cast("dict[str, Any]", quantity))
    concept: Any = element.get("valueCodeableConcept")
    if isinstance(concept, dict):
        return coded(cast("dict[str, Any]", concept))
    text: Any = element.get("valueString")
    if isinstance(text, str):
        return Coded(codes=frozenset(), labels=frozenset({fold(text)}))
    for name, other in element.items():
        if name.startswith("value"):
            return Exact(text=canonical({name: other}).decode())
    return None


def coded(concept: dict[str, Any]) -> Coded:
    """Return a CodeableConcept as codes and folded words."""
    items = cast("list[dict[str, Any]]", concept.get("coding", []))
    words = [concept.get("text"), *(item.get("display") for item in items)]
    return Coded(
        codes=frozenset(codings(concept)),
        labels=frozenset(fold(word) for word in words if isinstance(word, str)),
    )


def fold(text: str) -> str:
    """Return words without case, outer blanks and blank runs."""
    return " ".join(text.casefold().split())


def source_value(element: dict[str, Any]) -> dict[str, Any] | str | None:
    """Return what the source sent where harmonising changed it: a Quantity, or its text."""
    for extension in dicts(element.get("extension")):
        if extension.get("url") == SOURCE_VALUE:
            return extension.get("valueQuantity") or extension.get("valueString") or ""
    return None


def same(left: Value, right: Value, tolerance: Tolerance) -> bool | None:
    """Return whether two values say the same: True, False, or None when they cannot be compared.

    Symmetric. Numbers are the same within the tolerance or within the rounding of either source.
    """
    if isinstance(left, Measured) and isinstance(right, Measured):
        return _close(left, right, tolerance)
    if isinstance(left, Coded) and isinstance(right, Coded):
        return _alike(left, right)
    if isinstance(left, Exact) and isinstance(right, Exact):
        return left.text == right.text
    return None


def repeated(left: Value, right: Value, tolerance: Tolerance) -> bool:
    """Return whether one source may state both of one reading: equal but for rounding, never merely close."""
    if isinstance(left, Measured) and isinstance(right, Measured):
        comparable = left.unit == right.unit and left.comparator == right.comparator
        return comparable and _rounded(left, right, tolerance)
    return same(left, right, tolerance) is True


def distance(left: Value, right: Value) -> Decimal:
    """Return how far apart two values are that were found the same; 0 for all but numbers."""
    if isinstance(left, Measured) and isinstance(right, Measured):
        return abs(left.number - right.number)
    return _ZERO


def _close(left: Measured, right: Measured, tolerance: Tolerance) -> bool | None:
    if left.unit != right.unit:
        return None
    if left.comparator != right.comparator:
        return False
    apart = abs(left.number - right.number)
    allowed = tolerance.relative * max(abs(left.number), abs(right.number))
    if tolerance.absolute is not None:
        allowed = tolerance.absolute
    return apart <= allowed or _rounded(left, right, tolerance)


def _rounded(left: Measured, right: Measured, tolerance: Tolerance) -> bool:
    """Equal when the coarser one is the finer one rounded; not where rounding swallows the value (1 is not 1.4)."""
    apart, half = abs(left.number - right.number), max(left.half, right.half)
    if not (left.rescaled or right.rescaled):
        return apart == 0
    return apart == 0 or apart < half <= tolerance.rounding * max(abs(left.number), abs(right.number))


def _alike(left: Coded, right: Coded) -> bool | None:
    if left.codes & right.codes or left.labels & right.labels:
        return True
    if left.codes and right.codes:
        systems = {system for system, _ in left.codes} & {system for system, _ in right.codes}
        return False if systems else None
    return False


def _measured(quantity: dict[str, Any]) -> Measured | None:
    number = decimal(quantity.get("value"))
    if number is None:
        return None
    sent = source_value(quantity)
    written = decimal(sent.get("value")) if isinstance(sent, dict) else None
    rescaled = written not in (None, number)
    return Measured(
        number=number,
        unit=str(quantity.get("code") or quantity.get("unit") or ""),
        comparator=str(quantity.get("comparator", "")),
        half=_half(number, written or number),
        rescaled=rescaled,
    )


def _half(number: Decimal, written: Decimal) -> Decimal:
    """Half of the last digit written, carried over by the ratio of the two numbers."""
    exponent = written.as_tuple().exponent
    half = _HALF.scaleb(exponent) if isinstance(exponent, int) else _ZERO
    return half * abs(number / written) if written else half


def decimal(value: object) -> Decimal | None:
    """Return a JSON number or its text as a Decimal; None when it is none."""
    if isinstance(value, bool) or not isinstance(value, (int, str, Decimal)):
        return None
    try:
        number = Decimal(value)
    except InvalidOperation:
        return None
    return number if number.is_finite() else None
