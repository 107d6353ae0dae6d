"""An Observation in the same words as everyone's, its source's words beside; unchanged when it is canonical already."""

from typing import cast

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
    extra, refused = "", False
    reading = _value(node, analyte, changes)
    if reading is not None:
        refused = reading.refused
        extra = analyte.canonical if analyte and not refused else ""
        if reading.finding:
            findings.add(reading.finding)
    if "referenceRange" in node and not refused:
        _ranges(node, analyte, changes)
    if "interpretation" in node and (fresh := interpretations(node["interpretation"])):
        changes["interpretation"] = fresh
    if code := canonical_code(node.get("code"), extra):
        changes["code"] = code
    return changes


def _value(node: Json, analyte: Analyte | None, changes: Json) -> Reading | None:
    """Harmonise `value[x]` into `changes`; return what became of a number, None when there is none."""
    quantity = node.get("valueQuantity")
    if isinstance(quantity, dict):
        reading = read(cast("Json", quantity), analyte)
        if reading.quantity is not quantity:
            changes["valueQuantity"] = reading.quantity
        return reading
    text = node.get("valueString")
    if isinstance(text, str):
        return _text(text, analyte, changes)
    if "valueCodeableConcept" in node and (fresh := graded_concept(node["valueCodeableConcept"])):
        changes["valueCodeableConcept"] = fresh
    return None


def _text(text: str, analyte: Analyte | None, changes: Json) -> Reading | None:
    """Turn a text into a number or a graded answer where it is one; the text itself stays beside it."""
    found = number(text)
    if found is None:
        _graded(text, changes)
        return None
    if analyte is None and not _names_unit(found):
        return None
    sent: Json = {"value": found.value}
    sent |= {"comparator": found.comparator} if found.comparator else {}
    sent |= {"unit": found.unit} if found.unit else {}
    reading = read(sent, analyte, {"valueString": text})
    if reading.quantity is sent:
        return reading if analyte else None
    changes |= {"valueString": None, "valueQuantity": reading.quantity}
    return reading


def _names_unit(found: Number) -> bool:
    unit = resolve(found.unit)
    return bool(unit) and (unit == "%" or len(unit) >= _SHORTEST_UNIT)


def _graded(text: str, changes: Json) -> None:
    step = grade(text)
    if step:
        sent = {"url": SOURCE_VALUE, "valueString": text}
        concept = {"extension": [sent], "coding": [ordinal(step)], "text": text}
        changes |= {"valueString": None, "valueCodeableConcept": concept}


def _ranges(node: Json, analyte: Analyte | None, changes: Json) -> None:
    """Convert reference ranges with their value; a bound without a unit is in the unit in which the value was sent."""
    units = _units(node.get("valueQuantity"))
    if fresh := mapped(node["referenceRange"], lambda each: _range(each, analyte, units)):
        changes["referenceRange"] = fresh


def _units(quantity: object) -> Json:
    if not isinstance(quantity, dict):
        return {}
    return {name: each for name, each in cast("Json", quantity).items() if name in {"unit", "system", "code"}}


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
