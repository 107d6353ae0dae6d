"""What is planned, ordered, aimed at or advised: orders, planned visits, goals, instructions."""

from mainstem.formats.cda import tables, times
from mainstem.formats.cda.absence import Subject, absence
from mainstem.formats.cda.nodes import attribute, local, many, one, statements
from mainstem.formats.cda.observations import value_of
from mainstem.formats.cda.people import author_of, performers
from mainstem.formats.cda.reading import Json, Reading, Section, is_negated
from mainstem.formats.cda.statements import comments, encounter_of, recorded
from mainstem.formats.cda.times import put
from mainstem.formats.cda.values import concept, required_concept
from mainstem.formats.xml import Node
from mainstem.model.names import SNOMED

_LIFECYCLE_DEFAULT = "active"


def order(node: Node, section: Section, reading: Reading) -> str | None:
    """Read a planned act, procedure, observation or supply as a ServiceRequest; in goal mood it is a Goal."""
    if attribute(node, "moodCode") == "GOL":
        return goal(node, section, reading)
    code = one(node, "code")
    domain = "procedures" if section.kind in {"procedures", "plan"} else section.kind
    empty = absence(node, Subject(domain, (code,)), section, reading)
    if empty and not reading.entry_text(node):
        return _nothing(node, empty, reading)
    if empty and tables.absence_in(reading.entry_text(node)):
        return _nothing(node, empty, reading)
    zone = reading.zone_for(node, section)
    body = reading.base("ServiceRequest", node)
    body["status"] = tables.target("order-status", attribute(one(node, "statusCode"), "code")) or "unknown"
    body["intent"] = tables.target("order-intent", attribute(node, "moodCode")) or "plan"
    body["code"] = required_concept(code, reading.texts, reading.entry_text(node))
    if is_negated(node):
        body["doNotPerform"] = True
    _when(node, body, "occurrence", zone)
    value = one(node, "value")
    if value is not None and (found := value_of(value, zone, reading)):
        body["extension"] = [{"url": "urn:mainstem:planned-value", **found}]
    body["note"] = comments(node, reading) + _note(node, reading)
    body["performer"] = performers(node, reading)
    body["reasonCode"] = _reasons(node, reading)
    body |= encounter_of(node, "ServiceRequest", reading)
    recorded(node, body, ("requester", "authoredOn"), section, reading)
    return reading.state(node, "order", body, section)


def _nothing(node: Node, empty: tables.Absence, reading: Reading) -> None:
    reading.absorb(node)
    reading.fates[node] = empty


def _note(node: Node, reading: Reading) -> list[Json]:
    text = reading.texts(one(node, "text"))
    return [{"text": text}] if text else []


def _reasons(node: Node, reading: Reading) -> list[Json]:
    result: list[Json] = []
    for link, child in statements(node):
        if link.get("typeCode") != "RSON" or local(child) != "observation" or child in reading.fates:
            continue
        found = concept(one(child, "value"), reading.texts) or concept(one(child, "code"), reading.texts)
        text = reading.texts(one(child, "text"))
        reading.absorb(child)
        if found and text and "text" not in found:
            found["text"] = text
        if found or text:
            result.append(found or {"text": text})
    return result


def _when(node: Node, body: Json, name: str, zone: times.Zone) -> None:
    time = one(node, "effectiveTime")
    if times.start_of(time) is None:
        return
    if attribute(one(time, "low"), "value") and attribute(one(time, "high"), "value"):
        body[f"{name}Period"] = times.period(time, zone)
    else:
        put(body, f"{name}DateTime", time, zone)


def planned_encounter(node: Node, section: Section, reading: Reading) -> str | None:
    """Read a Planned Encounter as an Encounter with status `planned`."""
    code = one(node, "code")
    words = reading.entry_text(node)
    period = times.period(one(node, "effectiveTime"), reading.zone_for(node, section))
    reasons = _reasons(node, reading)
    if concept(code, reading.texts) is None and not words and not reasons and not ({"start", "end"} & period.keys()):
        return _nothing(node, "no-information", reading)
    body = reading.base("Encounter", node)
    body["status"] = "planned"
    body["class"] = {"system": "http://terminology.hl7.org/CodeSystem/v3-NullFlavor", "code": "UNK"}
    body["type"] = [required_concept(code, reading.texts, words)] if concept(code, reading.texts) or words else []
    body["period"] = _place_center(node, period, section, reading)
    body["reasonCode"] = reasons
    body["participant"] = [{"individual": who} for who in performers(node, reading)]
    return reading.state(node, "planned-encounter", body, section)


def _place_center(node: Node, period: Json, section: Section, reading: Reading) -> Json:
    if period:
        return period
    result: Json = {}
    put(result, "start", one(node, "effectiveTime"), reading.zone_for(node, section))
    return result


def goal(node: Node, section: Section, reading: Reading) -> str | None:
    """Read a Goal Observation as a Goal; `no goals` is no goal."""
    code, value = one(node, "code"), one(node, "value")
    zone = reading.zone_for(node, section)
    target = value_of(value, zone, reading) if value is not None else None
    empty = absence(node, Subject("goals", (code,)), section, reading)
    negation = is_negated(node)
    if negation or (empty and target is None):
        reading.absorb(node)
        reading.fates[node] = empty or "none-known"
        return None
    body = reading.base("Goal", node)
    status = tables.target("goal-status", attribute(one(node, "statusCode"), "code"))
    body["lifecycleStatus"] = status or _LIFECYCLE_DEFAULT
    words = reading.entry_text(node)
    found = concept(code, reading.texts)
    body["description"] = (
        {**found, **({"text": words} if words else {})} if found else required_concept(code, reading.texts, words)
    )
    if target:
        body["target"] = [_target(target, found)]
    put(body, "startDate", one(node, "effectiveTime"), zone)
    _dates_only(body, "startDate")
    who, _ = author_of(node, reading)
    body["expressedBy"] = who if who and str(who.get("reference", "")).startswith("Practitioner/") else None
    body["note"] = comments(node, reading)
    return reading.state(node, "goal", body, section)


def _target(value: Json, code: Json | None) -> Json:
    """Return Goal.target: detail[x] has fewer types than value[x], so others are words."""
    name, found = next(iter(value.items()))
    kind = name.removeprefix("value")
    result: Json = {"measure": code} if code else {}
    kept = {"Quantity", "Range", "CodeableConcept", "String", "Boolean", "Integer", "Ratio"}
    return result | ({f"detail{kind}": found} if kind in kept else {"detailString": str(found)})


def _dates_only(body: Json, name: str) -> None:
    """Cut a dateTime to the date that FHIR's element holds; what was written stays in an extension."""
    text = body.get(name)
    if isinstance(text, str) and "T" in text:
        body[name] = text[:10]
        body[f"_{name}"] = {"extension": [{"url": "urn:mainstem:source-time", "valueDateTime": text}]}


def instruction(node: Node, section: Section, reading: Reading) -> str | None:
    """Read an Instruction as a ServiceRequest of advice to the patient."""
    code = one(node, "code")
    text = reading.entry_text(node)
    empty = absence(node, Subject("instructions", (code,)), section, reading)
    if is_negated(node) or tables.absence_in(text) or (empty and not text):
        return _nothing(node, tables.absence_in(text) or "no-information", reading)
    body = reading.base("ServiceRequest", node)
    body["status"] = tables.target("order-status", attribute(one(node, "statusCode"), "code")) or "unknown"
    body["intent"] = "plan"
    body["category"] = [{"coding": [_EDUCATION]}]
    body["code"] = required_concept(code, reading.texts, text)
    body["patientInstruction"] = text
    for _, child in statements(node):
        if not many(child, "templateId"):
            reading.absorb(child)
    return reading.state(node, "instruction", body, section)


_EDUCATION = {"system": SNOMED, "code": "409073007", "display": "Education"}
