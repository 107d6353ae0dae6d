"""Family history (C-CDA Family History Organizer) as FamilyMemberHistory."""

from mainstem.formats.cda import keys, tables
from mainstem.formats.cda.nodes import SDTC, attribute, local, many, one, plain, statements
from mainstem.formats.cda.people import human_names
from mainstem.formats.cda.reading import Json, Reading, Section, is_negated
from mainstem.formats.cda.times import read
from mainstem.formats.cda.values import concept, quantity, required_concept
from mainstem.formats.xml import Node

_GENDER = "http://hl7.org/fhir/administrative-gender"


def family(node: Node, section: Section, reading: Reading) -> str | None:
    """Read one relative and what he or she had; a negated finding is not a finding."""
    relative = one(node, "subject", "relatedSubject")
    conditions = [found for _, child in statements(node) if (found := _condition(child, reading))]
    if not conditions and (relative is None or concept(one(relative, "code"), reading.texts) is None):
        reading.settle(node, "container")
        return None
    body = reading.base("FamilyMemberHistory", node, "patient")
    body["status"] = tables.target("family-status", attribute(one(node, "statusCode"), "code")) or "partial"
    body["relationship"] = required_concept(one(relative, "code"), reading.texts)
    body |= _person(one(relative, "subject"), reading)
    body["condition"] = conditions
    code = plain(one(relative, "code")) or attribute(one(relative, "code"), "code") or ""
    if keys.usable(node) is None:
        key = keys.derive(reading.patient, "FamilyMemberHistory", code, str(body.get("name", "")), str(conditions))
        return reading.state_document("FamilyMemberHistory", key, body, node)
    return reading.state(node, "family", body, section)


def _person(subject: Node | None, reading: Reading) -> Json:
    result: Json = {}
    if names := human_names(subject, reading.zone):
        result["name"] = " ".join([*names[0].get("given", []), names[0].get("family", "")]).strip()
    gender = one(subject, "administrativeGenderCode")
    if mapped := tables.target("gender", attribute(gender, "code")):
        result["sex"] = {"coding": [{"system": _GENDER, "code": mapped}]}
    born = read(attribute(one(subject, "birthTime"), "value") or "", reading.zone)
    if born:
        result["bornDate"] = born.text[:10]
    dead = subject.find(SDTC + "deceasedInd") if subject is not None else None
    if (said := attribute(dead, "value")) in {"true", "false"}:
        result["deceasedBoolean"] = said == "true"
    return result


def _condition(node: Node, reading: Reading) -> Json | None:
    found = concept(one(node, "value"), reading.texts)
    text = reading.entry_text(node)
    result: Json = {"code": found or {"text": text}}
    notes: list[Json] = []
    for _, child in statements(node):
        code = attribute(one(child, "code"), "code")
        if tables.target("age-observation", code) and (age := quantity(one(child, "value"))):
            result["onsetAge"] = age
        elif attribute(one(child, "value"), "code"):
            words = concept(one(child, "value"), reading.texts) or {}
            displays = [item.get("display", "") for item in words.get("coding", [])]
            notes += [{"text": text} for text in (words.get("text") or next(iter(displays), ""),) if text]
    reading.absorb(node)
    if notes:
        result["note"] = notes
    if is_negated(node) or not (found or text) or local(node) != "observation" or not many(node, "value"):
        return None
    return result
