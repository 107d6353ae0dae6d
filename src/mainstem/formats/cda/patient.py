"""The recordTarget as Patient: every name, id and address as stated; US Core race, ethnicity and birth sex."""

from mainstem.formats.cda import keys, tables
from mainstem.formats.cda.nodes import SDTC, V3, attribute, many, one, plain
from mainstem.formats.cda.people import addresses, extended, human_names, organization, practitioner, telecoms
from mainstem.formats.cda.reading import Json, Reading
from mainstem.formats.cda.times import ABSENT, put, read
from mainstem.formats.cda.values import codings, concept, flavor, identifiers
from mainstem.formats.xml import Node
from mainstem.model.names import SOURCE_VALUE

_CORE = "http://hl7.org/fhir/us/core/StructureDefinition/"
_NULLS = "http://terminology.hl7.org/CodeSystem/v3-NullFlavor"
_BIRTH_SEX = "76689-9"
_PRIMARY = "PCP"
"""HL7 v3 ParticipationFunction: primary care physician."""
_BIRTHPLACE = "http://hl7.org/fhir/StructureDefinition/patient-birthPlace"
_RELIGION = "http://hl7.org/fhir/StructureDefinition/patient-religion"
_PROFICIENCY = "http://hl7.org/fhir/StructureDefinition/patient-proficiency"
_ROLES = "http://terminology.hl7.org/CodeSystem/v2-0131"


def key_of(root: Node) -> str | None:
    """Return the key of the document's patient, or None when it names none.

    The first real id of the patientRole, so that all documents of one source about one person share one record;
    without one, name, birth date and sex.
    """
    role = one(root, "recordTarget", "patientRole")
    person = one(role, "patient")
    if role is None:
        return None
    found = keys.usable(role)
    if found:
        return keys.derive("Patient", "id", *found)
    name = " ".join(plain(one(person, "name")).lower().split())
    born = attribute(one(person, "birthTime"), "value") or ""
    sex = attribute(one(person, "administrativeGenderCode"), "code") or ""
    return keys.derive("Patient", "person", name, born[:8], sex) if name else None


def patient(reading: Reading) -> str:
    """State the Patient; return its reference."""
    role = one(reading.root, "recordTarget", "patientRole")
    person = one(role, "patient")
    if role is None:
        return f"Patient/{reading.patient}"
    body: Json = {"identifier": identifiers(role), "name": human_names(person, reading.zone)}
    body |= {"telecom": telecoms(role), "address": addresses(role, reading.zone)}
    _birth_and_death(person, body, reading)
    gender = one(person, "administrativeGenderCode")
    body["gender"] = tables.target("gender", attribute(gender, "code")) or ("unknown" if flavor(gender) else None)
    body["maritalStatus"] = concept(one(person, "maritalStatusCode"), reading.texts)
    body["communication"] = _languages(person)
    body["contact"] = _contacts(person, reading)
    body["extension"] = _extensions(person, reading)
    _care(role, body, reading)
    return reading.state_document("Patient", reading.patient, body, role)


def _birth_and_death(person: Node | None, body: Json, reading: Reading) -> None:
    born = read(attribute(one(person, "birthTime"), "value") or "", reading.zone)
    if born:
        body["birthDate"] = born.text[:10]
        if "T" in born.text:
            url = "http://hl7.org/fhir/StructureDefinition/patient-birthTime"
            body["_birthDate"] = {"extension": [{"url": url, "valueDateTime": born.text}]}
    elif raw := attribute(one(person, "birthTime"), "value"):
        body["_birthDate"] = {
            "extension": [{"url": ABSENT, "valueCode": "error"}, {"url": SOURCE_VALUE, "valueString": raw}]
        }
    dead = next(iter(extended(person, "deceasedInd")), None)
    time = next(iter(extended(person, "deceasedTime")), None)
    put(body, "deceasedDateTime", time, reading.zone)
    if "deceasedDateTime" not in body and (said := attribute(dead, "value")) in {"true", "false"}:
        body["deceasedBoolean"] = said == "true"


def _languages(person: Node | None) -> list[Json]:
    result: list[Json] = []
    for item in many(person, "languageCommunication"):
        code = attribute(one(item, "languageCode"), "code")
        if code is None:
            continue
        spoken: Json = {"language": {"coding": [{"system": "urn:ietf:bcp:47", "code": code}]}}
        if (preferred := attribute(one(item, "preferenceInd"), "value")) in {"true", "false"}:
            spoken["preferred"] = preferred == "true"
        parts: list[Json] = []
        for name, url in (("proficiencyLevelCode", "level"), ("modeCode", "type")):
            parts += [{"url": url, "valueCoding": found} for found in codings(one(item, name))]
        if parts:
            spoken["extension"] = [{"url": _PROFICIENCY, "extension": parts}]
        if spoken not in result:
            result.append(spoken)
    return result


def _contacts(person: Node | None, reading: Reading) -> list[Json]:
    """Return guardians and the header's related participants (next of kin, emergency contact, support)."""
    found = [(item, one(item, "guardianPerson")) for item in many(person, "guardian")]
    for item in many(reading.root, "participant"):
        role = one(item, "associatedEntity")
        if role is not None and one(role, "associatedPerson") is not None:
            found.append((role, one(role, "associatedPerson")))
    result: list[Json] = []
    for role, who in found:
        contact = _contact(role, who, reading)
        if contact and contact not in result:
            result.append(contact)
    return result


def _contact(role: Node, who: Node | None, reading: Reading) -> Json:
    names = human_names(who, reading.zone)
    result: Json = {}
    relations = [item for item in (concept(one(role, "code"), reading.texts),) if item]
    mapped = tables.target_with_display("contact-role", role.get("classCode"))
    if mapped:
        relations.append({"coding": [{"system": _ROLES, "code": mapped[0], "display": mapped[1]}]})
    if relations:
        result["relationship"] = relations
    if names:
        result["name"] = names[0]
    if lines := telecoms(role):
        result["telecom"] = lines
    if places := addresses(role, reading.zone):
        result["address"] = places[0]
    return result if names or lines else {}


def _extensions(person: Node | None, reading: Reading) -> list[Json]:
    result = [
        _race(person, "raceCode", "us-core-race"),
        _race(person, "ethnicGroupCode", "us-core-ethnicity"),
        _birth_sex(reading),
    ]
    place = one(person, "birthplace", "place")
    if where := addresses(place, reading.zone):
        result.append({"url": _BIRTHPLACE, "valueAddress": where[0]})
    if faith := concept(one(person, "religiousAffiliationCode"), reading.texts):
        result.append({"url": _RELIGION, "valueCodeableConcept": faith})
    return [item for item in result if item]


def _race(person: Node | None, name: str, profile: str) -> Json | None:
    """Return the US Core race or ethnicity: the first category is OMB's, sdtc ones are the detail; nulls say why."""
    if person is None:
        return None
    nodes = [*person.findall(V3 + name), *person.findall(SDTC + name)]
    found: list[Json] = []
    for node in nodes:
        found += [item for item in codings(node) if item not in found]
    main = {id(node) for node in person.findall(V3 + name)}
    broad = [item for node in nodes if id(node) in main for item in codings(node)]
    parts: list[Json] = [{"url": "ombCategory", "valueCoding": item} for item in broad]
    parts += [{"url": "detailed", "valueCoding": item} for item in found if item not in broad]
    text = ", ".join(item.get("display", item["code"]) for item in found)
    if not found:
        unknown = next(
            (seen for node in nodes if (seen := tables.target_with_display("race-unknown", flavor(node)))), None
        )
        if unknown is None:
            reason = next((value for node in nodes if (value := flavor(node))), None)
            return _unstated(profile, reason) if reason else None
        parts, text = [{"url": "ombCategory", "valueCoding": {"system": _NULLS, "code": unknown[0]}}], unknown[1]
    return {"url": _CORE + profile, "extension": [*parts, {"url": "text", "valueString": text}]}


def _unstated(profile: str, reason: str) -> Json:
    absent = {"url": ABSENT, "valueCode": tables.target("null-flavor", reason) or "unknown"}
    return {"url": _CORE + profile, "extension": [{"url": "text", "_valueString": {"extension": [absent]}}]}


def _birth_sex(reading: Reading) -> Json | None:
    """Return the US Core birth sex from the Birth Sex Observation of the social history, wherever it stands."""
    for node in reading.root.iter(V3 + "observation"):
        value = one(node, "value")
        if attribute(one(node, "code"), "code") != _BIRTH_SEX or value is None:
            continue
        code = attribute(value, "code") or (flavor(value) if flavor(value) in {"UNK", "ASKU", "OTH"} else None)
        if code:
            return {"url": _CORE + "us-core-birthsex", "valueCode": code}
    return None


def _care(role: Node, body: Json, reading: Reading) -> None:
    """Set the provider organization, and the primary care provider among the header's performers."""
    body["managingOrganization"] = organization(one(role, "providerOrganization"), reading)
    found: list[Json] = []
    for item in many(reading.root, "documentationOf", "serviceEvent", "performer"):
        if attribute(one(item, "functionCode"), "code") == _PRIMARY:
            who = practitioner(one(item, "assignedEntity"), reading)
            found += [who] if who and who not in found and "reference" in who else []
    body["generalPractitioner"] = found
