"""An Observation in the same words as everyone's, its source's words beside; unchanged when it is canonical already."""

from typing import cast

from msgspec import Struct

from mainstem.harmonise.analytes import Analyte
from mainstem.harmonise.codes import (
    analyte_of,
    canonical_code,
    graded_concept,
    interpretations,
    ordinal,
)
from mainstem.harmonise.json_shapes import Json, applied, mapped
from mainstem.harmonise.quality import Finding, tagged
from mainstem.harmonise.quantities import Reading, read
from mainstem.harmonise.units import resolve
from mainstem.harmonise.values import Number, grade, number
from mainstem.model.fact import Resource
from mainstem.model.names import SOURCE_VALUE

_SHORTEST_UNIT = 2
"""Without knowing the measurement, `5 C` or `12 A` in a text is no quantity."""


_OTHER_VALUES = frozenset({"valueQuantity", "valueCodeableConcept", "_valueString"})
"""Beside one of these a text is not the only answer, and stays as it is."""


class Sent(Struct, frozen=True):
    """A number as it was sent; `original` is the text that it was read from, as an extension's value."""

    quantity: Json
    original: Json | None


def observation(resource: Resource) -> Resource:
    """Return the harmonised Observation; the same object when nothing is to be said."""
    findings: set[Finding] = set()
    changes = _item(resource, findings)
    if "component" in resource:
        fresh = mapped(resource["component"], lambda each: applied(each, _item(each, findings)))
        if fresh:
            changes["component"] = fresh
    if findings and (meta := tagged(resource.get("meta"), findings)):
        changes["meta"] = meta
    return applied(resource, changes)


def _item(node: Json, findings: set[Finding]) -> Json:
    """Return what changes in an Observation or in one of its components, by element name; None = the element goes."""
    analyte = analyte_of(node.get("code"))
    changes: Json = {}
    sent = _sent(node, analyte)
    reading = read(sent.quantity, analyte, sent.original) if sent else None
    if sent is None or reading is None:
        _graded(node, changes)
    else:
        _answer(node, sent, reading, changes)
        findings |= {reading.finding} if reading.finding and (analyte or not sent.original) else set()
    if "referenceRange" in node and not (reading and reading.refused):
        _ranges(node, analyte, sent.quantity if sent else {}, changes)
    if "interpretation" in node and (fresh := interpretations(node["interpretation"])):
        changes["interpretation"] = fresh
    earned = analyte.canonical if analyte and reading and not reading.refused else ""
    if code := canonical_code(node.get("code"), earned):
        changes["code"] = code
    return changes


def _sent(node: Json, analyte: Analyte | None) -> Sent | None:
    """Return the number that a value states, as a Quantity or as a text; None when it states none."""
    quantity = node.get("valueQuantity")
    if isinstance(quantity, dict):
        return Sent(cast("Json", quantity), None)
    text = node.get("valueString")
    if not isinstance(text, str) or not _OTHER_VALUES.isdisjoint(node):
        return None
    found = number(text)
    if found is None or (analyte is None and not _names_unit(found)):
        return None
    stated: Json = {"value": found.value}
    stated |= {"comparator": found.comparator} if found.comparator else {}
    stated |= {"unit": found.unit} if found.unit else {}
    return Sent(stated, {"valueString": text})


def _answer(node: Json, sent: Sent, reading: Reading, changes: Json) -> None:
    if reading.quantity is sent.quantity:
        return
    changes["valueQuantity"] = reading.quantity
    if "valueQuantity" not in node:
        changes["valueString"] = None


def _names_unit(found: Number) -> bool:
    return bool(resolve(found.unit)) and (found.unit == "%" or len(found.unit) >= _SHORTEST_UNIT)


def _graded(node: Json, changes: Json) -> None:
    """Give a graded answer its ordinal step, beside the text or the codes in which it was sent."""
    if "valueCodeableConcept" in node:
        if fresh := graded_concept(node["valueCodeableConcept"]):
            changes["valueCodeableConcept"] = fresh
        return
    text = node.get("valueString")
    step = grade(text) if isinstance(text, str) and _OTHER_VALUES.isdisjoint(node) else None
    if step:
        sent = {"url": SOURCE_VALUE, "valueString": text}
        concept = {"extension": [sent], "coding": [ordinal(step)], "text": text}
        changes |= {"valueString": None, "valueCodeableConcept": concept}


def _ranges(node: Json, analyte: Analyte | None, value: Json, changes: Json) -> None:
    """Convert reference ranges with their value; a bound without a unit is in the unit in which the value was sent."""
    units = {name: each for name, each in value.items() if name in {"unit", "system", "code"}}
    if fresh := mapped(node["referenceRange"], lambda each: _range(each, analyte, units)):
        changes["referenceRange"] = fresh


def _range(stated: Json, analyte: Analyte | None, units: Json) -> Json:
    changes: Json = {}
    for name in ("low", "high"):
        bound = stated.get(name)
        if not isinstance(bound, dict):
            continue
        sent = cast("Json", bound)
        stated_unit = "unit" in sent or "code" in sent or not units
        own = sent if stated_unit else {**sent, **units}
        reading = read(own, analyte, None if stated_unit else {"valueQuantity": sent})
        if not reading.refused and reading.quantity is not own:
            changes[name] = reading.quantity
    return applied(stated, changes)
