"""Sentences for people: values, sources and differences, short and exact."""

from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Any, cast

from mainstem.consolidate.sameness import FAMILIES
from mainstem.consolidate.shape import dicts
from mainstem.consolidate.value import decimal, source_value
from mainstem.model.fact import Resource

_SHOWN = 4
"""Significant digits of a converted number."""
_NAMED = 3
"""Sources named before the rest is counted."""


def name_of(concept: object) -> str:
    """Return what a CodeableConcept is called: its text, else a display, else a code."""
    if not isinstance(concept, dict):
        return "something without a name"
    stated = cast("dict[str, Any]", concept)
    codings = cast("list[dict[str, Any]]", stated.get("coding", []))
    displays = [coding["display"] for coding in codings if coding.get("display")]
    codes = [coding["code"] for coding in codings if coding.get("code")]
    known = [FAMILIES[code].name for code in codes if code in FAMILIES]
    return str(next(filter(None, [*displays, stated.get("text"), *known, *codes]), "something without a name"))


def values_of(resource: Resource) -> str:
    """Return all that an Observation states, components by name."""
    own = value_words(resource)
    components = cast("list[dict[str, Any]]", resource.get("component", []))
    named = [f"{name_of(each.get('code'))} {words}" for each in components if (words := value_words(each))]
    return ", ".join(filter(None, [own, *named])) or "no value"


def value_words(element: Resource) -> str:
    """Return the `value[x]` of an element in words; "" for none."""
    quantity = element.get("valueQuantity")
    if isinstance(quantity, dict):
        return quantity_words(cast("dict[str, Any]", quantity))
    if isinstance(element.get("valueCodeableConcept"), dict):
        return name_of(element["valueCodeableConcept"])
    found = [element[name] for name in element if name.startswith("value")]
    return (
        str(found[0]) if found and isinstance(found[0], (str, int, Decimal)) else "another kind of value" * bool(found)
    )


def quantity_words(quantity: dict[str, Any]) -> str:
    """Return a Quantity as sent: `< 5 mmol/L`."""
    parts = (quantity.get("comparator"), quantity.get("value"), quantity.get("code") or quantity.get("unit"))
    return " ".join(str(part) for part in parts if part not in (None, "", "1"))


def conversions(resource: Resource) -> str:
    """Return what was converted, as sent and as it stands: `180 [lb_av] = 81.65 kg`."""
    return "; ".join(filter(None, map(_conversion, [resource, *dicts(resource.get("component"))])))


def sources_words(sources: Iterable[str]) -> str:
    """Return names of sources, the first few by name: `a, b, c and 2 more`."""
    names = sorted(set(sources))
    if len(names) > _NAMED + 1:
        return f"{', '.join(names[:_NAMED])} and {len(names) - _NAMED} more"
    return " and ".join(filter(None, [", ".join(names[:-1]), *names[-1:]]))


def listed(parts: Sequence[str]) -> str:
    """Return clauses as one: `88 kg (a); 194 kg (b)`."""
    return "; ".join(parts)


def _conversion(element: dict[str, Any]) -> str:
    quantity = element.get("valueQuantity")
    if not isinstance(quantity, dict):
        return ""
    held = cast("dict[str, Any]", quantity)
    sent = source_value(held)
    if sent is None:
        return ""
    words = quantity_words(sent) if isinstance(sent, dict) else f'"{sent}"'
    return f"{words} = {quantity_words({**held, 'value': _short(held.get('value'))})}"


def _short(value: object) -> object:
    number = decimal(value)
    if number is None or number == 0 or len(number.as_tuple().digits) <= _SHOWN:
        return value
    rounded = number.quantize(Decimal(1).scaleb(number.adjusted() - _SHOWN + 1))
    return f"{rounded.normalize():f}"
