"""Encounters of the section and of the header: the same visit in two places is one Encounter (CCDA-9)."""

from mainstem.formats.cda import keys, tables, times
from mainstem.formats.cda.absence import Subject, absence
from mainstem.formats.cda.nodes import attribute, many, one, plain
from mainstem.formats.cda.people import extended, location, locations, organization, performers, practitioner
from mainstem.formats.cda.reading import Json, Reading, Section
from mainstem.formats.cda.statements import comments
from mainstem.formats.cda.values import codes, codings, concept, identifiers, required_concept
from mainstem.formats.xml import Node

_ACT_CODE = "http://terminology.hl7.org/CodeSystem/v3-ActCode"
_UNKNOWN_CLASS = {"system": "http://terminology.hl7.org/CodeSystem/v3-NullFlavor", "code": "UNK"}


def encounter(node: Node, section: Section, reading: Reading) -> str | None:
    """Read an Encounter Activity; its diagnoses are read on their own and say within which visit they stood."""
    code = one(node, "code")
    period = times.period(one(node, "effectiveTime"), reading.zone_for(node, section))
    empty = absence(node, Subject("encounters", (code,)), section, reading)
    if empty and not ({"start", "end"} & period.keys()) and not locations(node, reading):
        reading.settle(node, "container")
        return None
    body = reading.base("Encounter", node)
    body["status"] = _status(node, period)
    body["class"] = _class_of(code)
    body["type"] = [required_concept(code, reading.texts)] if concept(code, reading.texts) else []
    body["period"] = period
    body["participant"] = [{"individual": who} for who in performers(node, reading)]
    body["location"] = [{"location": place} for place in locations(node, reading)]
    disposition = extended(node, "dischargeDispositionCode")
    if disposition and (found := concept(disposition[0], reading.texts)):
        body["hospitalization"] = {"dischargeDisposition": found}
    body["extension"] = [{"url": "urn:mainstem:note", "valueString": item["text"]} for item in comments(node, reading)]
    reference = reading.state(node, "encounter", body, section)
    if found := keys.usable(node):
        reading.encounters[found] = reference
    return reference


def _status(node: Node, period: Json) -> str:
    """Return the status (CCDA-5): a single time or a written end means that the visit is over."""
    written = tables.target("encounter-status", attribute(one(node, "statusCode"), "code"))
    if attribute(one(node, "effectiveTime"), "value") or "end" in period:
        return written if written in {"cancelled", "entered-in-error"} else "finished"
    return written or "unknown"


def _class_of(code: Node | None) -> Json:
    found = next((item for item in codings(code) if item.get("system") == _ACT_CODE), None)
    return found or _UNKNOWN_CLASS


def encompassing(reading: Reading) -> Json | None:
    """Read the header's encompassingEncounter; a visit that a section states too stays one (CCDA-9)."""
    node = one(reading.root, "componentOf", "encompassingEncounter")
    if node is None:
        return None
    body = _header_body(node, reading)
    known = keys.usable(node)
    same = reading.encounters.get(known) if known else None
    same = same or _same_time(body["period"], reading)
    if same:
        reading.amend(same, {name: value for name, value in body.items() if value})
        return {"reference": same}
    if not body["identifier"] and not body["period"]:
        return None
    code = next(iter(codes(one(node, "code"))), "")
    time = times.start_of(one(node, "effectiveTime")) or ""
    key = keys.derive(reading.patient, "Encounter", *(("id", *known) if known else ("content",)), code, time)
    reference = reading.state_document("Encounter", key, body, node)
    if known:
        reading.encounters[known] = reference
    return {"reference": reference}


def _header_body(node: Node, reading: Reading) -> Json:
    period = times.period(one(node, "effectiveTime"), reading.zone)
    code = one(node, "code")
    body: Json = {"identifier": identifiers(node), "subject": {"reference": f"Patient/{reading.patient}"}}
    body["status"] = "finished" if "end" in period else "unknown"
    body["class"] = _class_of(code)
    body["type"] = [required_concept(code, reading.texts)] if concept(code, reading.texts) else []
    body["period"] = period
    people = [one(item, "assignedEntity") for item in many(node, "encounterParticipant")]
    people.append(one(node, "responsibleParty", "assignedEntity"))
    found = [who for item in people if (who := practitioner(item, reading))]
    body["participant"] = [{"individual": who} for index, who in enumerate(found) if who not in found[:index]]
    if (disposition := concept(one(node, "dischargeDispositionCode"), reading.texts)) is not None:
        body["hospitalization"] = {"dischargeDisposition": disposition}
    facility = one(node, "location", "healthCareFacility")
    if facility is not None:
        place = location(facility, plain(one(facility, "location", "name")), reading)
        body["location"] = [{"location": place}] if place else []
        body["serviceProvider"] = organization(one(facility, "serviceProviderOrganization"), reading)
    return body


def _same_time(period: Json, reading: Reading) -> str | None:
    """Return the one section encounter that began and ended at the very same times, if there is exactly one."""
    start = period.get("start")
    if not start:
        return None
    same = [
        reference
        for reference in dict.fromkeys(reading.encounters.values())
        if reading.facts[reference].resource.get("period", {}).get("start") == start
        and reading.facts[reference].resource["period"].get("end") == period.get("end")
    ]
    return same[0] if len(same) == 1 else None
