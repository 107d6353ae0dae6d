"""Immunizations given and refused (C-CDA on FHIR, immunizations)."""

from mainstem.formats.cda import sig, tables, times
from mainstem.formats.cda.absence import Subject, absence
from mainstem.formats.cda.medications import material, planned_medication
from mainstem.formats.cda.nodes import attribute, many, one, plain, statements
from mainstem.formats.cda.people import organization, performers
from mainstem.formats.cda.reading import Json, Reading, Section, is_negated
from mainstem.formats.cda.statements import comments, encounter_of, entry_status, recorded
from mainstem.formats.cda.times import ABSENT, put
from mainstem.formats.cda.values import concept, number, quantity, required_concept
from mainstem.formats.xml import Node

_REFUSAL = "2.16.840.1.113883.10.20.22.4.53"


def immunization(node: Node, section: Section, reading: Reading) -> str | None:
    """Read an Immunization Activity; refused or not done keeps the vaccine with status `not-done` (CCDA-3)."""
    code, names = material(node)
    activity = tables.marker("immunizations", attribute(one(node, "code"), "code"))
    empty = absence(node, Subject("immunizations", (code,), names), section, reading)
    if activity is not None and activity.meaning == "none-known":
        empty = "none-known"
    if empty:
        reading.absorb(node)
        reading.fates[node] = empty
        return None
    if attribute(node, "moodCode") not in {None, "EVN"} and not is_negated(node):
        return planned_medication(node, section, reading)
    body = reading.base("Immunization", node, "patient")
    body["vaccineCode"] = required_concept(code, reading.texts, next(iter(names), "") or reading.entry_text(node))
    _status(node, body, reading)
    _occurrence(node, body, section, reading)
    _product(node, body, reading)
    body["performer"] = [{"actor": who} for who in performers(node, reading)]
    body["note"] = comments(node, reading)
    body |= encounter_of(node, "Immunization", reading)
    recorded(node, body, (None, "recorded"), section, reading)
    body["extension"] = entry_status(node, reading)
    _dose_number(node, body)
    return reading.state(node, "immunization", body, section)


def _status(node: Node, body: Json, reading: Reading) -> None:
    written = tables.target("immunization-status", attribute(one(node, "statusCode"), "code"))
    body["status"] = "not-done" if is_negated(node) else written or "completed"
    reasons: list[Json] = []
    for link, child in statements(node):
        refusal = any(item.get("root") == _REFUSAL for item in many(child, "templateId"))
        if link.get("typeCode") != "RSON" and not refusal:
            continue
        found = concept(one(child, "code"), reading.texts) if refusal else concept(one(child, "value"), reading.texts)
        reading.absorb(child)
        reasons += [found] if found else []
        if refusal:
            body["status"] = "not-done"
    if body["status"] == "not-done":
        body["statusReason"] = reasons[0] if reasons else None
    else:
        body["reasonCode"] = reasons


def _occurrence(node: Node, body: Json, section: Section, reading: Reading) -> None:
    zone = reading.zone_for(node, section)
    stated = next((time for time in many(node, "effectiveTime") if times.start_of(time)), None)
    if stated is not None:
        put(body, "occurrenceDateTime", stated, zone)
    if not body.keys() & {"occurrenceDateTime", "_occurrenceDateTime"}:
        body["_occurrenceDateTime"] = {"extension": [{"url": ABSENT, "valueCode": "unknown"}]}


def _product(node: Node, body: Json, reading: Reading) -> None:
    inside = one(node, "consumable", "manufacturedProduct", "manufacturedMaterial")
    lot = one(inside, "lotNumberText")
    body["lotNumber"] = plain(lot) if attribute(lot, "nullFlavor") is None else ""
    maker = organization(one(node, "consumable", "manufacturedProduct", "manufacturerOrganization"), reading)
    body["manufacturer"] = maker if maker and maker.get("display", "").upper() not in {"NULL", "NONE"} else None
    body["route"] = concept(one(node, "routeCode"), reading.texts)
    body["site"] = concept(one(node, "approachSiteCode"), reading.texts)
    amount = quantity(one(node, "doseQuantity"))
    unit = concept(one(node, "administrationUnitCode"), reading.texts)
    if amount and unit and "unit" not in amount:
        amount["extension"] = [{"url": sig.ADMINISTRATION_UNIT, "valueCodeableConcept": unit}]
    body["doseQuantity"] = amount


def _dose_number(node: Node, body: Json) -> None:
    repeats = number(attribute(one(node, "repeatNumber"), "value"))
    if repeats is not None and repeats >= 1 and repeats == int(repeats):
        body["protocolApplied"] = [{"doseNumberPositiveInt": int(repeats)}]
