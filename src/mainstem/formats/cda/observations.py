"""Results, vital signs, social history, functional and mental status: Observations and DiagnosticReports."""

from typing import Any

from mainstem.formats.cda import tables, times
from mainstem.formats.cda.absence import Subject, absence
from mainstem.formats.cda.nodes import attribute, many, one, plain, roots, statements
from mainstem.formats.cda.people import performers
from mainstem.formats.cda.reading import Json, Reading, Section, is_negated
from mainstem.formats.cda.statements import comments, contained, encounter_of, entry_status, recorded
from mainstem.formats.cda.times import Zone, put
from mainstem.formats.cda.values import (
    absent,
    concept,
    flavor,
    identifier,
    interval,
    quantity,
    required_concept,
    typed,
)  # fmt: skip
from mainstem.formats.xml import Node
from mainstem.model.names import LOINC

CATEGORY = "http://terminology.hl7.org/CodeSystem/observation-category"
SERVICE_SECTION = "http://terminology.hl7.org/CodeSystem/v2-0074"

ABSENT_CODES = "http://terminology.hl7.org/CodeSystem/data-absent-reason"
NEGATED_VALUE = "urn:mainstem:negated-value"
"""Extension on an Observation: the value that the source negated."""

_QUANTITIES = frozenset({"PQ", "REAL", "MO"})
_ASSERTION = "ASSERTION"
"""HL7 v3 ActCode: the observation asserts its value and has no question of its own."""
_MEASURED = frozenset({"results", "vitals"})
_CODED = frozenset({"CD", "CE", "CO", "CV", "CS"})
_INTERVALS = frozenset({"IVL_PQ", "IVL_INT", "IVL_REAL"})
_PERIODS = frozenset({"IVL_TS"})
_RATIOS = frozenset({"RTO", "RTO_PQ_PQ", "RTO_QTY_QTY"})


def observation(node: Node, section: Section, reading: Reading) -> str | None:
    """Read an observation as an Observation with its value as sent; one that states nothing is no fact."""
    zone = reading.zone_for(node, section)
    values = many(node, "value")
    stated = [found for value in values if (found := value_of(value, zone, reading))]
    if _empty(node, stated, section, reading):
        return None
    body = reading.base("Observation", node)
    body["status"] = tables.target("observation-status", attribute(one(node, "statusCode"), "code")) or "final"
    body["category"] = categories(section)
    body["code"] = _code(node, reading)
    _time(node, body, section, zone)
    _set_values(body, values, stated)
    if is_negated(node):
        _deny(body)
    _interpret(node, body, reading)
    _provenance(node, body, section, reading)
    reference = reading.state(node, "observation", body, section)
    _members(node, reference, section, reading)
    return reference


def _code(node: Node, reading: Reading) -> Json:
    """Return the code; where R1.1 writes only ASSERTION, the code that R2.1 fixes for the template goes first."""
    found = required_concept(one(node, "code"), reading.texts, reading.entry_text(node))
    asserted = next((code for root in roots(node) if (code := tables.target_with_display("asserted-code", root))), None)
    if asserted is None or attribute(one(node, "code"), "code") != _ASSERTION:
        return found
    return {**found, "coding": [{"system": LOINC, "code": asserted[0], "display": asserted[1]}, *found["coding"]]}


def _empty(node: Node, stated: list[Json], section: Section, reading: Reading) -> bool:
    """Return whether an observation says only that there is nothing, and note which way (CCDA-3)."""
    subject = Subject(section.kind, (one(node, "code"),), _texts(stated))
    meaning: tables.Absence | None
    if stated and not is_negated(node):
        meaning = _absence_in_words(stated, section)
    else:
        meaning = absence(node, subject, section, reading)
    if meaning is None:
        return False
    reading.absorb(node)
    reading.fates[node] = meaning
    return True


def _absence_in_words(stated: list[Json], section: Section) -> tables.Absence | None:
    """Return what an observation's only value says of absence, as in `Mental Status excluded/not available`.

    A laboratory's `none seen` is a result, so words count only where people are asked, not where something is measured.
    """
    texts = _texts(stated)
    if section.kind in _MEASURED or len(texts) < len(stated):
        return None
    return next((said for text in texts if (said := tables.absence_in(text))), None)


def _texts(stated: list[Json]) -> tuple[str, ...]:
    return tuple(str(value["valueString"]) for value in stated if "valueString" in value)


def categories(section: Section) -> list[Json]:
    """Return the observation category of a section's entries."""
    found = tables.target_with_display("observation-category", section.kind)
    return [{"coding": [{"system": CATEGORY, "code": found[0], "display": found[1]}]}] if found else []


def _time(node: Node, body: Json, section: Section, zone: Zone) -> None:
    """Set effective[x]: its own time, else that of the organizer around it."""
    time = one(node, "effectiveTime")
    if times.start_of(time) is None:
        link = node.getparent()
        above = link.getparent() if link is not None else None
        time = one(above, "effectiveTime") if above is not section.node else time
    if time is None:
        return
    low, high = attribute(one(time, "low"), "value"), attribute(one(time, "high"), "value")
    if attribute(time, "value") is None and (high and high != low):
        body["effectivePeriod"] = times.period(time, zone)
    else:
        put(body, "effectiveDateTime", time, zone)


def value_of(value: Node, zone: Zone, reading: Reading) -> Json | None:
    """Return one `value[x]` element of FHIR from a CDA value, as sent; None for a null flavour."""
    kind = typed(value)
    if kind in _QUANTITIES:
        return _number_or_text(value)
    if kind in _CODED:
        found = concept(value, reading.texts)
        return {"valueCodeableConcept": found} if found else None
    if kind in _INTERVALS:
        between = interval(value)
        return {f"value{between[0]}": between[1]} if between else None
    return _other_value(kind, value, zone, reading)


def _number_or_text(value: Node) -> Json | None:
    found = quantity(value)
    if found:
        return {"valueQuantity": found}
    words = " ".join(part for part in (attribute(value, "value"), attribute(value, "unit")) if part)
    text = words if attribute(value, "value") else plain(value)
    return {"valueString": text} if text else None


def _other_value(kind: str, value: Node, zone: Zone, reading: Reading) -> Json | None:
    raw = attribute(value, "value")
    if kind == "INT" and raw and raw.lstrip("+-").isdigit():
        return {"valueInteger": int(raw)}
    if kind == "BL" and raw in {"true", "false"}:
        return {"valueBoolean": raw == "true"}
    if kind == "TS" and raw:
        result: Json = {}
        put(result, "valueDateTime", value, zone)
        return result if "valueDateTime" in result else {"valueString": raw}
    if kind in _PERIODS:
        found = times.period(value, zone)
        return {"valuePeriod": found} if found else None
    if kind in _RATIOS:
        return _ratio(value)
    return _words(value, raw, reading)


def _ratio(value: Node) -> Json | None:
    parts = {name: found for name in ("numerator", "denominator") if (found := quantity(one(value, name)))}
    return {"valueRatio": parts} if parts else None


def _words(value: Node, raw: str | None, reading: Reading) -> Json | None:
    found = identifier(value) if value.get("root") else None
    text = reading.texts(value) or raw or (str(found.get("value", "")) if found else "")
    return {"valueString": text} if text else None


def _set_values(body: Json, values: list[Node], stated: list[Json]) -> None:
    """Set the value; further values become components under the same code; none says why (CCDA-2)."""
    if stated:
        body |= stated[0]
        body["component"] = [{"code": body["code"], **value} for value in stated[1:]]
    elif values:
        reason = absent(flavor(values[0]))["valueCode"]
        body["dataAbsentReason"] = {"coding": [{"system": ABSENT_CODES, "code": reason}]}


def _deny(body: Json) -> None:
    """Turn a negated observation into one without a value; what was denied stays beside it, in the source's words."""
    denied = [{"url": NEGATED_VALUE, name: body.pop(name)} for name in list(body) if name.startswith("value")]
    body["extension"] = denied
    body["status"] = "cancelled"
    body["dataAbsentReason"] = {"coding": [{"system": ABSENT_CODES, "code": "not-performed"}]}


def _interpret(node: Node, body: Json, reading: Reading) -> None:
    flags = [found for item in many(node, "interpretationCode") if (found := concept(item, reading.texts))]
    body["interpretation"] = flags
    body["referenceRange"] = [
        found for item in many(node, "referenceRange", "observationRange") if (found := _range(item, reading))
    ]
    body["method"] = concept(one(node, "methodCode"), reading.texts)
    body["bodySite"] = concept(one(node, "targetSiteCode"), reading.texts)


def _range(node: Node, reading: Reading) -> Json | None:
    """Return a referenceRange: numbers where the source gives numbers, its words always."""
    result: Json = {}
    value = one(node, "value")
    if value is not None and typed(value) in _INTERVALS:
        result |= {end: found for end in ("low", "high") if (found := quantity(one(value, end)))}
    elif value is not None:
        result |= _range_words(value, reading)
    if text := reading.texts(one(node, "text")):
        result["text"] = text
    if applies := concept(one(node, "interpretationCode"), reading.texts):
        result["type"] = applies
    return result if result.keys() - {"type"} else None


def _range_words(value: Node, reading: Reading) -> Json:
    found = concept(value, reading.texts) if typed(value) in _CODED else None
    text = (found or {}).get("text") or next((item.get("display") for item in (found or {}).get("coding", [])), None)
    words = text or reading.texts(value) or attribute(value, "value")
    return {"text": words} if words else {}


def _provenance(node: Node, body: Json, section: Section, reading: Reading) -> None:
    body["performer"] = performers(node, reading)
    if not body["performer"]:
        who: Json = {}
        recorded(node, who, ("author", None), section, reading)
        body["performer"] = [who["author"]] if who else []
    body["note"] = comments(node, reading)
    body |= encounter_of(node, "Observation", reading)
    body["extension"] = [*body.get("extension", []), *entry_status(node, reading)]


def _members(node: Node, reference: str, section: Section, reading: Reading) -> None:
    """Read observations inside an observation (assessment scales) and name them as members."""
    members = _read_all(contained(node, {"observation"}, section), section, reading)
    if members:
        reading.amend(reference, {"hasMember": members})


def _read_all(nodes: list[Node], section: Section, reading: Reading) -> list[Json]:
    found = (observation(child, section, reading) for child in nodes if child not in reading.fates)
    return [{"reference": reference} for reference in found if reference]


def panel(node: Node, section: Section, reading: Reading) -> str | None:
    """Read an organizer as a panel Observation that names its members; each member stands on its own (CONS-5)."""
    members = _read_all(contained(node, {"observation"}, section), section, reading)
    if not members:
        reading.settle(node, "container")
        return None
    body = _group(node, "Observation", section, reading)
    body["status"] = tables.target("observation-status", attribute(one(node, "statusCode"), "code")) or "final"
    body["category"] = categories(section)
    body["hasMember"] = members
    return reading.state(node, "panel", body, section)


def results(node: Node, section: Section, reading: Reading) -> str | None:
    """Read a Result Organizer as a DiagnosticReport with one Observation for each result."""
    members = _read_all(contained(node, {"observation"}, section), section, reading)
    if not members:
        reading.settle(node, "container")
        return None
    body = _group(node, "DiagnosticReport", section, reading)
    body["status"] = tables.target("report-status", attribute(one(node, "statusCode"), "code")) or "final"
    body["category"] = [{"coding": [{"system": SERVICE_SECTION, "code": "LAB", "display": "Laboratory"}]}]
    body["result"] = members
    body["performer"] = performers(node, reading)
    return reading.state(node, "results", body, section)


def _group(node: Node, type_: str, section: Section, reading: Reading) -> Json:
    zone = reading.zone_for(node, section)
    body: dict[str, Any] = reading.base(type_, node)
    body["code"] = required_concept(one(node, "code"), reading.texts)
    time = one(node, "effectiveTime")
    if times.start_of(time) is None:
        time = next((one(child, "effectiveTime") for _, child in statements(node)), None)
        put(body, "effectiveDateTime", time, zone)
    elif attribute(time, "value"):
        put(body, "effectiveDateTime", time, zone)
    else:
        body["effectivePeriod"] = times.period(time, zone)
    body |= encounter_of(node, type_, reading)
    return body
