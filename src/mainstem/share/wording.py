"""What a resource says in plain words: title, value, date, sources; pure, the same for every page."""

import csv
import re
from collections.abc import Iterator, Mapping
from decimal import Decimal
from importlib.resources import files
from types import MappingProxyType
from typing import Any, cast

from msgspec import Struct

from mainstem.fhir.element import values_at
from mainstem.fhir.types import TYPES
from mainstem.model.fact import Resource
from mainstem.model.names import CONFLICT_TAG, LOINC, SOURCE_TAG

_ABSENT = frozenset({"refuted", "not-done", "not-taken", "not-started"})
"""FHIR R4 codes by which a source states that something is not so; they are shown, never dropped."""
_PROPERTY = re.compile(r" \[[^\]]{2,40}\](?= in )")
"""The kind of quantity in a LOINC long name, `Potassium [Moles/volume] in Serum`; the unit says it already."""
_COMPLEX = frozenset(
    {"valueQuantity", "valueCodeableConcept", "valueRange", "valueRatio", "valuePeriod", "valueSampledData"}
)
"""Choices of Observation.value[x] that are objects (FHIR R4 §10.1.4); what is not of its shape has no words."""
_PLAIN = {"True": "yes", "False": "no", "None": ""}
_RETRACTED = "entered-in-error"


class Kind(Struct, frozen=True, kw_only=True):
    """How one FHIR type appears on the timeline; a row of `kinds.csv`."""

    type: str
    kind: str
    title: tuple[str, ...]
    """Elements that may name it, best first."""
    detail: str


class Value(Struct, frozen=True, kw_only=True):
    """A value in words, and as a number with its unit where it is one."""

    text: str
    number: Decimal | None = None
    unit: str = ""


def _rows(name: str) -> list[dict[str, str]]:
    text = files("mainstem.share").joinpath(name).read_text(encoding="utf-8")
    return list(csv.DictReader(text.splitlines()))


KINDS: Mapping[str, Kind] = MappingProxyType(
    {
        row["type"]: Kind(type=row["type"], kind=row["kind"], title=tuple(row["title"].split()), detail=row["detail"])
        for row in _rows("kinds.csv")
    }
)
"""By FHIR type: what the timeline shows."""

_UNITS: Mapping[str, str] = MappingProxyType({row["ucum"]: row["shown"] for row in _rows("units.csv")})


def title_of(resource: Resource) -> str:
    """Return what the resource is called in few words, never empty."""
    return _PROPERTY.sub("", called(resource))


def called(resource: Resource) -> str:
    """Return what the resource is called, as stated; its type where nothing is."""
    kind = KINDS.get(resource["resourceType"])
    for path in kind.title if kind else ("code", "type", "name", "description"):
        for node in nodes(resource, path):
            words = _said(node, resource)
            if words:
                return words
    return resource["resourceType"]


def detail_of(resource: Resource) -> str:
    """Return the one further thing worth a line: a value, a dose, a reaction; may be empty."""
    kind = KINDS.get(resource["resourceType"])
    if kind is None or not kind.detail:
        return ""
    if kind.detail == "value":
        return value_of(resource).text
    said = [_said(node, resource) for node in nodes(resource, kind.detail)]
    return ", ".join(dict.fromkeys(words for words in said if words))


def value_of(resource: Resource) -> Value:
    """Return the value of an Observation or one of its components, joined by ` / ` where there are several."""
    own = _own_value(resource)
    if own is not None:
        return own
    parts = [part for part in map(_own_value, _listed(resource.get("component"))) if part is not None]
    if not parts:
        return Value(text=concept(resource.get("dataAbsentReason")))
    units = {part.unit for part in parts}
    if len(units) == 1 and all(part.number is not None for part in parts):
        unit = units.pop()
        return Value(text=f"{' / '.join(str(part.number) for part in parts)} {unit}".strip(), unit=unit)
    return Value(text=" / ".join(part.text for part in parts))


def _own_value(node: Mapping[str, Any]) -> Value | None:
    name = next((name for name in node if name.startswith("value")), None)
    if name is None:
        return None
    stated = node[name]
    if name not in _COMPLEX or not isinstance(stated, dict):
        return Value(text="" if isinstance(stated, (dict, list)) else _PLAIN.get(str(stated), str(stated)))
    return _compound(name, cast("dict[str, Any]", stated))


def _compound(name: str, stated: dict[str, Any]) -> Value:
    match name:
        case "valueQuantity":
            return quantity(stated)
        case "valueCodeableConcept":
            return Value(text=concept(stated))
        case "valueRange":
            return Value(text=f"{_bound(stated, 'low')} to {_bound(stated, 'high')}")
        case "valueRatio":
            return Value(text=f"{_bound(stated, 'numerator')} : {_bound(stated, 'denominator')}")
        case "valuePeriod":
            return Value(text=f"{word(stated, 'start')} to {word(stated, 'end')}".strip())
        case _:
            return Value(text="")


def _bound(stated: Mapping[str, Any], name: str) -> str:
    return quantity(stated.get(name)).text


def quantity(told: object) -> Value:
    """Return a FHIR Quantity in words: comparator, number to the digit, and the unit as people write it."""
    stated = cast("dict[str, Any]", told) if isinstance(told, dict) else {}
    value = stated.get("value")
    unit = unit_of(stated)
    if isinstance(value, bool) or not isinstance(value, (int, float, Decimal)):
        return Value(text=unit)
    comparator = word(stated, "comparator")
    text = f"{comparator}{value} {unit}".strip()
    return Value(text=text, number=None if comparator else Decimal(str(value)), unit=unit)


def unit_of(stated: Mapping[str, Any]) -> str:
    """Return a Quantity's unit as people write it: `mm[Hg]` reads mmHg."""
    code, unit = word(stated, "code"), word(stated, "unit")
    for known in (code, unit):
        if known in _UNITS:
            return _UNITS[known]
    shown = unit or code
    return "" if shown.startswith("{") and shown.endswith("}") else shown


def concept(stated: object) -> str:
    """Return a CodeableConcept or Coding in words: its text, else a display, else a code."""
    if not isinstance(stated, dict):
        return ""
    node = cast("dict[str, Any]", stated)
    codings = _listed(node.get("coding")) or [node]
    for words in (node.get("text"), *(coding.get("display") for coding in codings)):
        if isinstance(words, str) and words.strip():
            return words.strip()
    return next((coding["code"] for coding in codings if isinstance(coding.get("code"), str)), "")


def date_of(resource: Resource) -> str:
    """Return the clinical date as its source wrote it, precision kept; empty when there is none."""
    for path in TYPES[resource["resourceType"]].date_paths:
        for node in nodes(resource, path):
            if isinstance(node, str):
                return node
    return ""


def status_of(resource: Resource) -> str:
    """Return the status that matters to a person: of a problem whether it is active, else the resource's own."""
    clinical = resource.get("clinicalStatus")
    status = resource.get("status", "") if clinical is None else code_of(clinical)
    return status if isinstance(status, str) else ""


def absent(resource: Resource) -> bool:
    """Whether the source states that this is not so, or did not happen."""
    stated = {word(resource, "status"), code_of(resource.get("verificationStatus"))}
    return bool(stated & _ABSENT) or resource.get("doNotPerform") is True


def retracted(resource: Resource) -> bool:
    """Whether every source has taken it back."""
    return _RETRACTED in {word(resource, "status"), code_of(resource.get("verificationStatus"))}


def sources_of(resource: Resource) -> list[str]:
    """Return the names of the sources that state it."""
    return [word(tag, "code") for tag in _tags(resource) if tag.get("system") == SOURCE_TAG]


def differs(resource: Resource) -> bool:
    """Whether sources disagree about it."""
    return any(tag.get("system") == CONFLICT_TAG for tag in _tags(resource))


def code_of(stated: object) -> str:
    """Return the first code of a CodeableConcept, or a plain code itself."""
    if isinstance(stated, str):
        return stated
    codings = _listed(cast("dict[str, Any]", stated).get("coding")) if isinstance(stated, dict) else []
    return next((coding["code"] for coding in codings if isinstance(coding.get("code"), str)), "")


def measurement(resource: Mapping[str, Any]) -> str:
    """Return the LOINC code of what was measured, the canonical one first; empty when there is none."""
    loinc = [word(coding, "code") for coding in objects(resource, "code.coding") if coding.get("system") == LOINC]
    return next(filter(None, loinc), "")


def word(node: Mapping[str, Any], name: str) -> str:
    """Return a text element; empty when it is missing or of another shape."""
    value = node.get(name)
    return value if isinstance(value, str) else ""


def objects(resource: Mapping[str, Any], path: str) -> list[dict[str, Any]]:
    """Return the objects that stand at a plain element path; whatever else stands there is left out."""
    return [node for node in nodes(resource, path) if isinstance(node, dict)]


def nodes(resource: Mapping[str, Any], path: str) -> Iterator[Any]:
    """Yield what stands at a plain element path, lists opened on the way."""
    return values_at(resource, path.split("."))


def _said(node: object, resource: Resource) -> str:
    if isinstance(node, str):
        return node.strip()
    if not isinstance(node, dict):
        return ""
    stated = cast("dict[str, Any]", node)
    reference = stated.get("reference")
    if isinstance(reference, str) and reference.startswith("#"):
        held = [one for one in _listed(resource.get("contained")) if one.get("id") == reference[1:]]
        return word(stated, "display") or next((concept(one.get("code")) for one in held), "")
    return word(stated, "display") if reference else concept(stated)


def _tags(resource: Resource) -> list[dict[str, Any]]:
    meta = resource.get("meta")
    return _listed(cast("dict[str, Any]", meta).get("tag")) if isinstance(meta, dict) else []


def _listed(value: object) -> list[dict[str, Any]]:
    items = cast("list[Any]", value) if isinstance(value, list) else []
    return [item for item in items if isinstance(item, dict)]
