"""Writes a chart as FHIR R4 resources the way a hospital's server holds them: local codes first, its own ids."""

from collections.abc import Iterator, Sequence
from datetime import timedelta

from msgspec import Struct

from mainstem.model.fact import Resource
from mainstem.model.names import LOINC, UCUM
from mainstem.simulate.plan import ARC, Chart, Copy, Event, Part, Status, Visit, Written
from mainstem.simulate.tables import rounded

MEMBER = f"{ARC}.77"
"""OID of the health plan's card numbers."""
_CATEGORY = "http://terminology.hl7.org/CodeSystem/observation-category"
_CLINICAL = "http://terminology.hl7.org/CodeSystem/condition-clinical"
_VERIFICATION = "http://terminology.hl7.org/CodeSystem/condition-ver-status"
_ALLERGY_CLINICAL = "http://terminology.hl7.org/CodeSystem/allergyintolerance-clinical"
_ALLERGY_VERIFICATION = "http://terminology.hl7.org/CodeSystem/allergyintolerance-verification"
_CLASS = "http://terminology.hl7.org/CodeSystem/v3-ActCode"
_IDENTIFIER = "http://terminology.hl7.org/CodeSystem/v2-0203"


class Row(Struct, frozen=True, kw_only=True):
    """A resource of the server and the phase in which this version of it appeared."""

    resource: Resource
    phase: int


def rows(chart: Chart, assigner: str) -> Iterator[Row]:
    """Yield all versions of all resources of a chart; `assigner` is the OID of the site's own numbers."""
    subject = f"pt-{chart.written.mrn}"
    yield Row(resource=_patient(chart.written, subject, assigner), phase=1)
    for number, visit in enumerate(chart.visits):
        yield Row(resource=_encounter(visit, subject, f"enc-{chart.written.mrn}-{number}"), phase=1)
    for copy in chart.copies:
        yield from _observations(copy, subject, f"obs-{chart.written.mrn}-{copy.reading.number}", assigner)
    for kind, events in (
        (_condition, chart.conditions),
        (_allergy, chart.allergies),
        (_medication, chart.medications),
        (_immunization, chart.immunizations),
    ):
        for number, event in enumerate(events):
            key = f"{kind.__name__.strip('_')[:3]}-{chart.written.mrn}-{number}"
            yield Row(resource={**kind(event, subject), "id": key}, phase=1)


def _patient(written: Written, key: str, assigner: str) -> Resource:
    person = written.person
    identifiers = [_identifier("MR", assigner, written.mrn)]
    if written.member:
        identifiers.append(_identifier("HC", MEMBER, written.member))
    return {
        "resourceType": "Patient",
        "id": key,
        "identifier": identifiers,
        "name": _names(written),
        "telecom": [
            {"system": "phone", "value": written.phone, "use": "home"},
            {"system": "email", "value": written.email},
        ],
        "gender": person.sex,
        "birthDate": person.birth_date.isoformat(),
        "address": [
            {
                "line": [person.line],
                "city": person.city,
                "state": person.state,
                "postalCode": person.postal,
                "country": "US",
            }
        ],
    }


def _names(written: Written) -> list[Resource]:
    official = {"use": "official", "family": written.family, "given": [written.given]}
    known_as = {"use": "nickname", "family": written.family, "given": [written.nickname]}
    return [official, known_as] if written.nickname else [official]


def _identifier(kind: str, oid: str, value: str) -> Resource:
    return {"type": {"coding": [{"system": _IDENTIFIER, "code": kind}]}, "system": f"urn:oid:{oid}", "value": value}


def _encounter(visit: Visit, subject: str, key: str) -> Resource:
    end = visit.start + timedelta(minutes=visit.minutes)
    return {
        "resourceType": "Encounter",
        "id": key,
        "status": "finished",
        "class": {"system": _CLASS, "code": "AMB"},
        "subject": _to(subject),
        "period": {"start": visit.start.isoformat(), "end": end.isoformat()},
    }


def _observations(copy: Copy, subject: str, key: str, assigner: str) -> Iterator[Row]:
    yield Row(resource=_observation(copy, copy.parts, "final", subject, assigner) | {"id": key}, phase=copy.phase)
    if copy.later:
        later = _observation(copy, copy.later, copy.later_status, subject, assigner)
        yield Row(resource=later | {"id": key}, phase=2)


def _observation(copy: Copy, parts: Sequence[Part], status: Status, subject: str, assigner: str) -> Resource:
    laboratory = parts[0].analyte.kind == "lab"
    at = copy.reading.at
    resource: Resource = {
        "resourceType": "Observation",
        "status": status,
        "category": [{"coding": [{"system": _CATEGORY, "code": "laboratory" if laboratory else "vital-signs"}]}],
        "subject": _to(subject),
        "effectiveDateTime": at.date().isoformat() if copy.day_only else at.isoformat(),
    }
    if len(parts) == 1:
        return {**resource, "code": _code(parts[0], assigner), "valueQuantity": _quantity(parts[0])}
    panel = {
        "coding": [{"system": LOINC, "code": "85354-9", "display": "Blood pressure panel"}],
        "text": "Blood pressure",
    }
    components = [{"code": _code(part, assigner), "valueQuantity": _quantity(part)} for part in parts]
    return {**resource, "code": panel, "component": components}


def _code(part: Part, assigner: str) -> Resource:
    analyte = part.analyte
    return {
        "coding": [
            {"system": f"urn:oid:{assigner}.1", "code": analyte.local, "display": analyte.local},
            {"system": LOINC, "code": analyte.loinc, "display": analyte.name},
        ],
        "text": analyte.name,
    }


def _quantity(part: Part) -> Resource:
    value = rounded(part.value, max(part.analyte.decimals, 0))
    return {"value": value, "unit": part.analyte.unit, "system": UCUM, "code": part.analyte.unit}


def _condition(event: Event, subject: str) -> Resource:
    concept = event.concept
    return {
        "resourceType": "Condition",
        "clinicalStatus": {"coding": [{"system": _CLINICAL, "code": "active"}]},
        "verificationStatus": {"coding": [{"system": _VERIFICATION, "code": "confirmed"}]},
        "category": [
            {
                "coding": [
                    {"system": "http://terminology.hl7.org/CodeSystem/condition-category", "code": "problem-list-item"}
                ]
            }
        ],
        "code": {
            "coding": [
                {"system": concept.other_system, "code": concept.other_code, "display": concept.other_display},
                {"system": concept.system, "code": concept.code, "display": concept.display},
            ],
            "text": concept.display,
        },
        "subject": _to(subject),
        "onsetDateTime": event.on.isoformat(),
    }


def _allergy(event: Event, subject: str) -> Resource:
    return {
        "resourceType": "AllergyIntolerance",
        "clinicalStatus": {"coding": [{"system": _ALLERGY_CLINICAL, "code": "active"}]},
        "verificationStatus": {"coding": [{"system": _ALLERGY_VERIFICATION, "code": "confirmed"}]},
        "code": _concept(event),
        "patient": _to(subject),
        "onsetDateTime": event.on.isoformat(),
    }


def _medication(event: Event, subject: str) -> Resource:
    return {
        "resourceType": "MedicationRequest",
        "status": "active",
        "intent": "order",
        "medicationCodeableConcept": _concept(event),
        "subject": _to(subject),
        "authoredOn": event.on.isoformat(),
        "dosageInstruction": [{"text": event.dose}],
    }


def _immunization(event: Event, subject: str) -> Resource:
    return {
        "resourceType": "Immunization",
        "status": "completed",
        "vaccineCode": _concept(event),
        "patient": _to(subject),
        "occurrenceDateTime": event.on.isoformat(),
    }


def _concept(event: Event) -> Resource:
    concept = event.concept
    return {
        "coding": [{"system": concept.system, "code": concept.code, "display": concept.display}],
        "text": concept.display,
    }


def _to(subject: str) -> Resource:
    return {"reference": f"Patient/{subject}"}
