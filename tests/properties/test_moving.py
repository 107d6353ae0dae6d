"""Records that are deleted, moved to other people and other codes, and people who join and part, in any order."""

import json
from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from mainstem.model.fact import Delivery
from mainstem.store import views
from properties.test_invariants import LAW, RECORD, Bench, apply, bench

__all__ = ["bench"]

_CODES = ("2823-3", "2951-2")
_TIMES = ("2026-03-28T08:00:00Z", "2026-03-29T08:00:00Z")
Json = dict[str, object]


def _patient(key: str, who: int, contact: int) -> Json:
    return {
        "resourceType": "Patient", "id": key, "birthDate": ("1961-02-03", "1980-11-30")[who],
        "name": [{"family": ("Adair", "Birk")[who], "given": [("Mona", "Olaf")[who]]}],
        "gender": ("female", "male")[who],
        "telecom": [{"system": "phone", "value": f"503-555-010{contact}"}],
    }  # fmt: skip


def _encounter(key: str, about: str) -> Json:
    return {
        "resourceType": "Encounter", "id": key, "status": "finished", "subject": {"reference": f"Patient/{about}"},
        "class": {"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "AMB"},
        "period": {"start": "2026-03-28T07:00:00Z", "end": "2026-03-28T09:00:00Z"},
        "type": [{"coding": [{"system": "http://snomed.info/sct", "code": "185349003"}]}],
        "identifier": [{"system": "urn:oid:1.2.840.77", "value": "visit-1"}],
    }  # fmt: skip


def _reading(key: str, about: str, code: str, time: str) -> Json:
    return {
        "resourceType": "Observation", "id": key, "status": "final", "subject": {"reference": f"Patient/{about}"},
        "code": {"coding": [{"system": "http://loinc.org", "code": code}]}, "effectiveDateTime": time,
        "encounter": {"reference": "Encounter/e"},
        "valueQuantity": {"value": 4, "unit": "mmol/L", "system": "http://unitsofmeasure.org", "code": "mmol/L"},
    }  # fmt: skip


_ABOUT = st.sampled_from(["p", "q"])
_STATED = {
    "Patient/p": st.builds(_patient, st.just("p"), st.integers(0, 1), st.integers(0, 1)),
    "Patient/q": st.builds(_patient, st.just("q"), st.integers(0, 1), st.integers(0, 1)),
    "Encounter/e": st.builds(_encounter, st.just("e"), _ABOUT),
    "Observation/o": st.builds(_reading, st.just("o"), _ABOUT, st.sampled_from(_CODES), st.sampled_from(_TIMES)),
}


@st.composite
def _histories(draw: st.DrawFn) -> list[Delivery]:
    """Draw histories of the same few records in two sources, each version a delivery; some of them are deletes."""
    made: list[Delivery] = []
    for source in ("site-0", "site-1"):
        for record, stated in _STATED.items():
            for version in range(1, draw(st.integers(1, 3)) + 1):
                gone = version > 1 and draw(st.booleans())
                made.append(_version(source, record, version, None if gone else draw(stated)))
    return made


def _version(source: str, record: str, version: int, resource: Json | None) -> Delivery:
    response = {"status": "200", "lastModified": f"2026-04-0{version}T00:00:00Z"}
    entry: Json = {"request": {"method": "PUT" if resource else "DELETE", "url": record}, "response": response}
    if resource:
        entry["resource"] = resource
    body = json.dumps({"resourceType": "Bundle", "type": "history", "entry": [entry]}).encode()
    return Delivery(
        source=source, name="history", media="application/fhir+json", body=body,
        received=datetime(2026, 5, 1, tzinfo=UTC),
    )  # fmt: skip


@given(_histories(), st.data())
@LAW
def test_i2_i4_histories_in_any_order_give_the_same_record(
    bench: Bench, sent: list[Delivery], data: st.DataObject
) -> None:
    apply(bench.fresh(), sent)
    wanted = bench.rows(RECORD)
    pipeline = bench.fresh()
    apply(pipeline, data.draw(st.permutations(sent)))
    assert bench.rows(RECORD) == wanted
    assert pipeline.prove() == []
    assert pipeline.rehearse() == dict.fromkeys(views.VIEWS, True)
