"""Problems, encounter and discharge diagnoses, health concerns (C-CDA on FHIR, problems)."""

from mainstem.formats.cda import tables
from mainstem.formats.cda.absence import Subject, absence, is_alone, marker_of, named, negated_code
from mainstem.formats.cda.nodes import attribute, local, one, statements
from mainstem.formats.cda.reading import Json, Reading, Section, is_negated
from mainstem.formats.cda.statements import comments, encounter_of, kind_of, observation_value, recorded
from mainstem.formats.cda.times import ended, put
from mainstem.formats.cda.values import concept, quantity, required_concept
from mainstem.formats.xml import Node
from mainstem.model.names import SNOMED

CLINICAL = "http://terminology.hl7.org/CodeSystem/condition-clinical"
VERIFICATION = "http://terminology.hl7.org/CodeSystem/condition-ver-status"
CATEGORY = "http://terminology.hl7.org/CodeSystem/condition-category"
CORE_CATEGORY = "http://hl7.org/fhir/us/core/CodeSystem/condition-category"

_NONE_KNOWN = "160245001"


def problem(node: Node, section: Section, reading: Reading) -> str | None:
    """Read a Problem Observation as a Condition; empty and negated ones never become a positive (CCDA-3)."""
    value = one(node, "value")
    subject = Subject("problems", (value,), (), alone=is_alone(section) and section.kind == "problems")
    empty = absence(node, subject, section, reading)
    if empty == "no-information":
        reading.absorb(node)
        reading.fates[node] = "no-information"
        return None
    body = reading.base("Condition", node)
    body["category"] = _categories(section)
    if empty == "none-known":
        return _none_known(node, body, subject, section, reading)
    body["code"] = required_concept(value, reading.texts, reading.entry_text(node))
    _describe(node, body, section, reading)
    return reading.state(node, "problem", body, section)


def _none_known(node: Node, body: Json, subject: Subject, section: Section, reading: Reading) -> str | None:
    if section.kind not in {"problems", "concerns"}:
        reading.absorb(node)
        reading.fates[node] = "none-known"
        return None
    marker = marker_of(subject)
    code, display = (marker.target, marker.display) if marker else (_NONE_KNOWN, "No current problems or disability")
    coding = {"system": SNOMED, "code": code, "display": display}
    body["code"] = {"coding": [coding], **named(reading.entry_text(node))}
    body["extension"] = negated_code([concept(one(node, "value"), reading.texts)])
    body |= _statuses("active", "confirmed")
    recorded(node, body, ("recorder", "recordedDate"), section, reading)
    reading.absorb(node)
    return reading.state(node, "problem", body, section)


def _describe(node: Node, body: Json, section: Section, reading: Reading) -> None:
    zone = reading.zone_for(node, section)
    time = one(node, "effectiveTime")
    if is_negated(node):
        body |= _statuses(None, "refuted")
    else:
        body |= _statuses(_clinical_status(node, reading), "confirmed")
    put(body, "onsetDateTime", time if attribute(time, "value") else one(time, "low"), zone)
    put(body, "abatementDateTime", one(time, "high"), zone)
    age = _age(node, reading)
    if age and "onsetDateTime" not in body:
        body["onsetAge"] = age
    body["note"] = comments(node, reading)
    body |= encounter_of(node, "Condition", reading)
    sites = [found for item in node if local(item) == "targetSiteCode" and (found := concept(item, reading.texts))]
    body["bodySite"] = sites
    _author(node, body, section, reading)


def _author(node: Node, body: Json, section: Section, reading: Reading) -> None:
    recorded(node, body, ("recorder", "recordedDate"), section, reading)


def _clinical_status(node: Node, reading: Reading) -> str:
    """Return FHIR's clinicalStatus (CCDA-5): status observation, else a written end, else the concern's own status."""
    stated = observation_value(node, "clinical-status", "status-observation", reading)
    if stated:
        return stated
    concern = _concern(node)
    if ended(node) or (concern is not None and ended(concern)):
        return "resolved"
    status = attribute(one(concern, "statusCode"), "code")
    if status == "completed" and one(node, "effectiveTime", "high") is not None:
        return "inactive"
    return tables.target("concern-status", status) or "active"


def _concern(node: Node) -> Node | None:
    link = node.getparent()
    above = link.getparent() if link is not None else None
    return above if above is not None and local(above) == "act" else None


def _statuses(clinical: str | None, verification: str) -> Json:
    result: Json = {"verificationStatus": {"coding": [{"system": VERIFICATION, "code": verification}]}}
    if clinical:
        result["clinicalStatus"] = {"coding": [{"system": CLINICAL, "code": clinical}]}
    return result


def _categories(section: Section) -> list[Json]:
    found = tables.target_with_display("condition-category", section.kind)
    if found is None:
        return []
    code, display = found
    system = CORE_CATEGORY if code == "health-concern" else CATEGORY
    return [{"coding": [{"system": system, "code": code, "display": display}]}]


def _age(node: Node, reading: Reading) -> Json | None:
    for _, child in statements(node):
        if tables.target("age-observation", attribute(one(child, "code"), "code")):
            reading.absorb(child)
            return quantity(one(child, "value"))
    return None


def concern(node: Node, section: Section, reading: Reading) -> str | None:
    """Read a concern act: it holds the statements inside it; one that holds none states its own words or nothing."""
    inner = [child for _, child in statements(node) if kind_of(child, section) not in {"entry-reference", "part"}]
    if inner:
        reading.settle(node, "container")
        return None
    value = one(node, "value")
    subject = Subject("concerns", (value,))
    empty = absence(node, subject, section, reading)
    if empty is None and section.kind in {"concerns", "problems", "diagnoses"}:
        return _narrative_concern(node, section, reading)
    reading.absorb(node)
    reading.fates[node] = empty or "container"
    return None


def _narrative_concern(node: Node, section: Section, reading: Reading) -> str | None:
    text = reading.entry_text(node)
    body = reading.base("Condition", node)
    body["category"] = _categories(section)
    body["code"] = concept(one(node, "value"), reading.texts) or {"text": text}
    zone = reading.zone_for(node, section)
    status = tables.target("concern-status", attribute(one(node, "statusCode"), "code"))
    body |= _statuses(None, "refuted") if is_negated(node) else _statuses(status or "active", "confirmed")
    put(body, "onsetDateTime", one(node, "effectiveTime"), zone)
    recorded(node, body, ("recorder", "recordedDate"), section, reading)
    for _, child in statements(node):
        reading.absorb(child)
    return reading.state(node, "concern", body, section)
