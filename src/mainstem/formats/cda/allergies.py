"""Allergies and intolerances with reactions and severities (C-CDA on FHIR, allergies)."""

from mainstem.formats.cda import tables
from mainstem.formats.cda.absence import Subject, absence, marker_of, name_of, named, negated_code
from mainstem.formats.cda.nodes import attribute, many, one, statements
from mainstem.formats.cda.reading import Json, Reading, Section, is_negated
from mainstem.formats.cda.statements import comments, encounter_of, observation_value, recorded
from mainstem.formats.cda.times import ABSENT, period, put
from mainstem.formats.cda.values import codes, concept, required_concept
from mainstem.formats.xml import Node
from mainstem.model.names import SNOMED

CLINICAL = "http://terminology.hl7.org/CodeSystem/allergyintolerance-clinical"
VERIFICATION = "http://terminology.hl7.org/CodeSystem/allergyintolerance-verification"

_NO_KNOWN = ("716186003", "No known allergy")


def allergy(node: Node, section: Section, reading: Reading) -> str | None:
    """Read an Allergy Intolerance Observation; a negated unspecific one is the concept of its absence (CCDA-3)."""
    substance, names = _substance(node)
    empty = _absence(node, substance, names, section, reading)
    if empty == "no-information":
        reading.absorb(node)
        reading.fates[node] = "no-information"
        return None
    body = reading.base("AllergyIntolerance", node, "patient")
    recorded(node, body, ("recorder", "recordedDate"), section, reading)
    body |= encounter_of(node, "AllergyIntolerance", reading)
    if empty == "none-known":
        return _none_known(node, body, section, reading)
    _describe(node, body, substance, names, reading)
    if is_negated(node):
        body |= _statuses(None, "refuted")
    else:
        body |= _statuses(_clinical_status(node, reading), "confirmed")
    _qualify(node, body, section, reading)
    return reading.state(node, "allergy", body, section)


def _substance(node: Node) -> tuple[Node | None, tuple[str, ...]]:
    """Return the code of what the person reacts to, and its name in words."""
    for entity in many(node, "participant", "participantRole", "playingEntity"):
        return one(entity, "code"), tuple(name for name in (name_of(entity),) if name)
    return None, ()


def _absence(
    node: Node, substance: Node | None, names: tuple[str, ...], section: Section, reading: Reading
) -> tables.Absence | None:
    allergen = absence(node, Subject("allergens", (substance,), names), section, reading)
    stated = {tables.marker("allergies", code) for code in codes(substance)}
    if any(marker is not None and marker.meaning == "none-known" for marker in stated):
        return "none-known"
    if allergen is None:
        return None
    value = absence(node, Subject("allergies", (one(node, "value"),), names), section, reading)
    if value == "no-information" and allergen == "no-information" and _reacts(node):
        return None
    return value


def _reacts(node: Node) -> bool:
    """Return whether a reaction with a coded finding is given, so that the entry is an allergy to something unnamed."""
    return any(
        codes(value)
        for link, child in statements(node)
        if link.get("typeCode") == "MFST"
        for value in many(child, "value")
    )


def _none_known(node: Node, body: Json, section: Section, reading: Reading) -> str:
    substance, names = _substance(node)
    marker = marker_of(Subject("allergies", (substance, one(node, "value"))))
    code, display = (marker.target, marker.display) if marker else _NO_KNOWN
    body["code"] = {
        "coding": [{"system": SNOMED, "code": code, "display": display}],
        **named(next(iter(names), "") or reading.entry_text(node)),
    }
    body["extension"] = negated_code([concept(one(node, "value"), reading.texts)])
    body |= _statuses("active", "confirmed")
    reading.absorb(node)
    return reading.state(node, "allergy", body, section)


def _describe(node: Node, body: Json, substance: Node | None, names: tuple[str, ...], reading: Reading) -> None:
    value = one(node, "value")
    fallback = next(iter(names), "") or reading.entry_text(node)
    unnamed = not codes(substance) and not names
    precise = any(tables.marker("allergies", code) is None for code in codes(value))
    body["code"] = required_concept(value if unnamed and precise else substance, reading.texts, fallback)
    if names and "text" not in body["code"]:
        body["code"]["text"] = names[0]
    kinds = codes(value)
    body["type"] = next((found for code in kinds if (found := tables.target("allergy-type", code))), None)
    category = next((found for code in kinds if (found := tables.target("allergy-category", code))), None)
    body["category"] = [category] if category else []


def _clinical_status(node: Node, reading: Reading) -> str:
    stated = observation_value(node, "allergy-status", "status-observation", reading)
    if stated:
        return stated
    if attribute(one(node, "effectiveTime", "high"), "value"):
        return "resolved"
    link = node.getparent()
    act = link.getparent() if link is not None else None
    return tables.target("concern-status", attribute(one(act, "statusCode"), "code")) or "active"


def _qualify(node: Node, body: Json, section: Section, reading: Reading) -> None:
    zone = reading.zone_for(node, section)
    time = one(node, "effectiveTime")
    put(body, "onsetDateTime", time if attribute(time, "value") else one(time, "low"), zone)
    body["criticality"] = observation_value(node, "criticality", "criticality-observation", reading)
    overall = observation_value(node, "severity", "severity-observation", reading)
    reactions = [found for link, child in statements(node) if (found := _reaction(link, child, section, reading))]
    if overall and not reactions:
        reactions = [{"manifestation": [{"extension": [{"url": ABSENT, "valueCode": "unknown"}]}]}]
    body["reaction"] = [{"severity": overall, **reaction} for reaction in reactions] if overall else reactions
    body["note"] = comments(node, reading)


def _reaction(link: Node, child: Node, section: Section, reading: Reading) -> Json | None:
    if link.get("typeCode") != "MFST" or child in reading.fates:
        return None
    severity = observation_value(child, "severity", "severity-observation", reading)
    manifestation = concept(one(child, "value"), reading.texts)
    text = reading.entry_text(child)
    reading.absorb(child)
    if manifestation is None and not text:
        return None
    result: Json = {"manifestation": [manifestation or {"text": text}]}
    if severity:
        result["severity"] = severity
    onset = period(one(child, "effectiveTime"), reading.zone_for(child, section))
    if "start" in onset:
        result["onset"] = onset["start"]
        if "_start" in onset:
            result["_onset"] = onset["_start"]
    return result


def _statuses(clinical: str | None, verification: str) -> Json:
    result: Json = {"verificationStatus": {"coding": [{"system": VERIFICATION, "code": verification}]}}
    if clinical:
        result["clinicalStatus"] = {"coding": [{"system": CLINICAL, "code": clinical}]}
    return result
