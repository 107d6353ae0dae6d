"""Small worlds for the invariants: few people, few sources, facts that agree, differ, are corrected and retracted."""

import json
from datetime import UTC, datetime

from hypothesis import strategies as st

from mainstem.model.fact import Delivery

LOINC = "http://loinc.org"
UCUM = "http://unitsofmeasure.org"
_PEOPLE = (("Adair", "Mona", "1961-02-03", "female"), ("Birk", "Olaf", "1980-11-30", "male"))
_READINGS = (
    ("2823-3", "potassium", (("4.1", "mmol/L"), ("4.1", "meq/L"), ("5.6", "mmol/L"))),
    ("29463-7", "weight", (("88", "kg"), ("194", "[lb_av]"), ("88.4", "kg"), ("91", "kg"))),
    ("8480-6", "systolic", (("145", "mm[Hg]"), ("145", "MM[HG]"), ("118", "mm[Hg]"))),
    ("8310-5", "temperature", (("37", "Cel"), ("98.6", "[degF]"))),
)
_TIMES = ("2026-03-28", "2026-03-28T08:00:00+12:45", "2026-03-28T20:00:00Z", "2026-03-27T19:15:00Z")
_STATUSES = ("final", "final", "corrected", "entered-in-error")


def patient(source: int, person: int) -> dict[str, object]:
    family, given, born, sex = _PEOPLE[person]
    return {
        "resourceType": "Patient", "id": f"p{person}", "name": [{"family": family, "given": [given]}],
        "birthDate": born, "gender": sex,
        "identifier": [{"system": f"urn:oid:1.2.{source}", "value": f"n{source}{person}"}],
        "telecom": [{"system": "phone", "value": f"503-26{person}-441{person}"}],
        "address": [{"line": [f"{person + 7} Quay Street"], "city": "Beaverton", "postalCode": f"9700{person}"}],
    }  # fmt: skip


@st.composite
def observations(draw: st.DrawFn) -> tuple[int, dict[str, object]]:
    """Draw a version of an Observation of one of three sources; few keys, so that versions and copies meet."""
    source, person = draw(st.integers(0, 2)), draw(st.integers(0, 1))
    code, display, values = draw(st.sampled_from(_READINGS))
    value, unit = draw(st.sampled_from(values))
    version = draw(st.integers(1, 3))
    key = f"o{person}-{code}-{draw(st.integers(0, 2))}"
    resource = {
        "resourceType": "Observation", "id": key, "status": draw(st.sampled_from(_STATUSES)),
        "meta": {"versionId": str(version), "lastUpdated": f"2026-04-0{version}T00:00:00Z"},
        "code": {"coding": [{"system": LOINC, "code": code, "display": display}]},
        "subject": {"reference": f"Patient/p{person}"}, "effectiveDateTime": draw(st.sampled_from(_TIMES)),
        "encounter": {"reference": f"Encounter/e{person}"},
        "valueQuantity": {"value": json.loads(value), "unit": unit, "system": UCUM, "code": unit},
    }  # fmt: skip
    return source, resource


def encounter(person: int) -> dict[str, object]:
    return {
        "resourceType": "Encounter", "id": f"e{person}", "status": "finished",
        "class": {"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "AMB"},
        "subject": {"reference": f"Patient/p{person}"}, "period": {"start": "2026-03-28", "end": "2026-03-28"},
        "type": [{"coding": [{"system": "http://snomed.info/sct", "code": "185349003"}]}],
    }  # fmt: skip


def line(resource: dict[str, object]) -> bytes:
    return json.dumps(resource, sort_keys=True).encode()


def delivery(source: int, *lines: bytes) -> Delivery:
    return Delivery(
        source=f"site-{source}", name="page", media="application/fhir+ndjson", body=b"\n".join(lines),
        received=datetime(2026, 5, 1, tzinfo=UTC),
    )  # fmt: skip


@st.composite
def deliveries(draw: st.DrawFn) -> list[Delivery]:
    """Draw what three sites deliver: their patients and encounters, pages of readings, now and then a broken line."""
    pages: list[Delivery] = []
    facts = draw(st.lists(observations(), min_size=1, max_size=10))
    for source in sorted({source for source, _ in facts}):
        pages.append(delivery(source, *(line(patient(source, each)) for each in (0, 1))))
        pages.append(delivery(source, *(line(encounter(each)) for each in (0, 1))))
        mine = _versions_once([resource for owner, resource in facts if owner == source])
        while mine:
            size = draw(st.integers(1, len(mine)))
            broken = [b'{"resourceType": "Observation", "id": "x'] if draw(st.booleans()) else []
            pages.append(delivery(source, *map(line, mine[:size]), *broken))
            mine = mine[size:]
    return pages


def _versions_once(resources: list[dict[str, object]]) -> list[dict[str, object]]:
    """A server never states two contents under one versionId of one record."""
    found: dict[tuple[object, object], dict[str, object]] = {}
    for resource in resources:
        found.setdefault((resource["id"], resource["meta"]["versionId"]), resource)
    return list(found.values())
