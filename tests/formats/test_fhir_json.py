import json
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mainstem.formats.fhir_json import DEPTH_MAX, read
from mainstem.model.fact import Delivery, Fact, Held
from mainstem.model.outcome import Outcome
from mainstem.model.problem import Problem

WHEN = datetime(2026, 1, 2, tzinfo=UTC)


def delivery(body: bytes | str | object, media: str = "application/fhir+json") -> Delivery:
    raw = body if isinstance(body, bytes) else (body if isinstance(body, str) else json.dumps(body)).encode()
    return Delivery(source="clinic", name="x", media=media, body=raw, received=WHEN)


def facts(body: object, media: str = "application/fhir+json") -> list[Fact]:
    outcome = read(delivery(body, media))
    assert not outcome.held, outcome.held
    return list(outcome.kept)


def held(body: object, media: str = "application/fhir+json") -> Held:
    outcome = read(delivery(body, media))
    assert not outcome.kept
    assert len(outcome.held) == 1
    return outcome.held[0]


def lines(*rows: bytes | object) -> bytes:
    return b"\n".join(row if isinstance(row, bytes) else json.dumps(row).encode() for row in rows)


def ndjson(*rows: bytes | object) -> Outcome[Fact]:
    return read(delivery(lines(*rows), "application/fhir+ndjson"))


def patient(key: str = "p1", /, **more: object) -> dict[str, Any]:
    return {"resourceType": "Patient", "id": key, **more}


def observation(about: str | None = "Patient/p1", /, **more: object) -> dict[str, Any]:
    return {
        "resourceType": "Observation", "id": "o1", "status": "final", "code": {"text": "x"},
        **({"subject": {"reference": about}} if about else {}), **more,
    }  # fmt: skip


def test_a_resource_becomes_a_fact_in_its_own_words_with_decimals_to_the_digit() -> None:
    (fact,) = facts(
        '{"resourceType":"Observation","id":"o1","subject":{"reference":"Patient/p1"},"valueQuantity":{"value":1.00}}'
    )
    assert (fact.source, fact.type, fact.key, fact.subject, fact.path) == ("clinic", "Observation", "o1", "p1", "")
    assert str(fact.resource["valueQuantity"]["value"]) == "1.00"
    assert isinstance(fact.resource["valueQuantity"]["value"], Decimal)


def test_a_patient_is_its_own_subject_and_a_practitioner_has_none() -> None:
    assert facts(patient())[0].subject == "p1"
    assert facts({"resourceType": "Practitioner", "id": "d"})[0].subject is None


def test_the_first_patient_path_that_names_a_patient_wins() -> None:
    coverage = {"resourceType": "Coverage", "id": "c", "subscriber": {"reference": "Patient/parent"},
                "beneficiary": {"reference": "Patient/child"}}  # fmt: skip
    assert facts(coverage)[0].subject == "child"
    actors = [
        {"actor": {"reference": "Practitioner/1"}},
        {"actor": {"display": "Dr X"}},
        {"actor": {"reference": "Patient/2"}},
    ]
    assert facts({"resourceType": "Appointment", "id": "a", "participant": actors})[0].subject == "2"


@pytest.mark.parametrize(
    "subject", ["Group/1", "Device/1", "Location/1", "http://other.example/fhir/Group/1", "Group?identifier=x|1"]
)
def test_a_fact_about_something_other_than_a_person_is_kept_without_one(subject: str) -> None:
    assert facts(observation(subject))[0].subject is None


@pytest.mark.parametrize(
    ("resource", "words"),
    [
        (observation(None), "names no patient"),
        (observation("http://other.example/fhir/Patient/1"), "has not delivered"),
        (observation("urn:uuid:11111111-1111-1111-1111-111111111111"), "has not delivered"),
        (observation("Patient?identifier=urn:x|1"), "has not delivered"),
        (observation("#p", contained=[{"resourceType": "Patient", "id": "p"}]), "contained"),
        (observation(None, subject={"display": "somebody"}), "in words"),
        ({"resourceType": "Task", "id": "t", "for": {"reference": "http://o.example/Patient/1"}}, "has not delivered"),
        ({"resourceType": "List", "id": "l", "subject": {"type": "Patient", "display": "x"}}, "in words"),
    ],
)
def test_ref_9_a_fact_whose_person_cannot_be_told_is_held_and_never_about_nobody(resource: object, words: str) -> None:
    item = held(resource)
    assert item.problem is Problem.NO_PATIENT
    assert words in item.words
    assert item.fact is not None
    assert item.fact.subject is None


def test_an_appointment_with_actors_in_words_only_is_kept() -> None:
    appointment = {"resourceType": "Appointment", "id": "a", "participant": [{"actor": {"display": "Dr X"}}]}
    assert facts(appointment)[0].subject is None


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Patient/p1", "Patient/p1"),
        ("Patient/p1/_history/3", "Patient/p1"),
        ("#c", "#c"),
        ("http://other.example/fhir/Patient/p1", "http://other.example/fhir/Patient/p1"),
        ("urn:uuid:0c1d", "urn:uuid:0c1d"),
        ("Practitioner?identifier=http://npi|1", "Practitioner?identifier=http://npi|1"),
    ],
)
def test_ref_forms_of_a_resource_by_itself(text: str, expected: str) -> None:
    (fact,) = facts(observation(performer=[{"reference": text}]))
    assert fact.resource["performer"] == [{"reference": expected}]


def test_an_escaped_reference_is_still_normalised() -> None:
    body = json.dumps(observation("Patient/p1/_history/2")).replace('"reference"', '"r\\u0065ference"')
    assert facts(body)[0].resource["subject"] == {"reference": "Patient/p1"}


def test_an_id_that_fhir_does_not_allow_gets_a_valid_key_and_references_to_it_follow() -> None:
    (person,) = facts(patient("a_b:c"))
    (fact,) = facts(observation("Patient/a_b:c"))
    assert fact.subject == person.key
    assert person.resource["id"] == person.key
    assert person.resource["_id"]["extension"][0]["valueString"] == "a_b:c"


def test_idem_7_a_resource_without_id_is_named_by_its_content() -> None:
    one, two = ({"resourceType": "Organization", "name": name} for name in ("A", "B"))
    assert facts(one)[0].key == facts({"name": "A", "resourceType": "Organization"})[0].key
    assert facts(one)[0].key != facts(two)[0].key


def order(meta: object) -> str:
    return facts(patient(meta=meta))[0].order


def test_idem_4_text_order_is_the_order_of_the_sources_clock() -> None:
    metas = [
        {"versionId": "9"}, {"versionId": "10"},
        {"lastUpdated": "2026-01-01T00:00:00Z"},
        {"lastUpdated": "2026-01-01T00:00:00Z", "versionId": "2"},
        {"lastUpdated": "2026-01-01T00:00:00Z", "versionId": "10"},
        {"lastUpdated": "2026-01-01T00:00:00.5Z"},
        {"lastUpdated": "2026-01-01T01:30:00+01:00", "versionId": "1"},
        {"lastUpdated": "2026-01-01T00:30:00.000001-00:00"},
        {"lastUpdated": "2025-12-31T23:00:00-05:00"},
    ]  # fmt: skip
    orders = [order(meta) for meta in metas]
    assert orders == sorted(orders)
    assert len(set(orders)) == len(orders)


@pytest.mark.parametrize("meta", [None, {}, {"versionId": "a1b2"}, {"lastUpdated": "yesterday"}, "x", {"versionId": 3}])
def test_a_source_without_a_usable_version_gives_no_order(meta: object) -> None:
    assert order(meta) == ""


_INSTANTS = st.datetimes(min_value=datetime(1990, 1, 1), max_value=datetime(2100, 1, 1), timezones=st.timezones())  # noqa: DTZ001 - hypothesis wants naive bounds


@given(_INSTANTS, _INSTANTS)
def test_orders_compare_as_the_instants_do(left: datetime, right: datetime) -> None:
    def normal(value: datetime) -> datetime:
        return value.replace(tzinfo=value.tzinfo).astimezone(UTC)

    texts = [order({"lastUpdated": normal(each).isoformat()}) for each in (left, right)]
    assert (texts[0] < texts[1]) == (normal(left) < normal(right))


# what cannot be used -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "problem", "words"),
    [
        (b'{"resourceType":"Patient"', Problem.UNREADABLE, "at byte 25"),
        (b"", Problem.UNREADABLE, "at byte 0"),
        (b'{"resourceType":"Patient","id":"1",}', Problem.UNREADABLE, "malformed at byte"),
        (b'{"resourceType":"Patient","x":NaN}', Problem.UNREADABLE, "malformed at byte"),
        (b'{"resourceType":"Patient","x":' + b"9" * 5000 + b"}", Problem.UNREADABLE, "out of range"),
        ('{"resourceType":"Patient"}'.encode("utf-16"), Problem.UNREADABLE, "UTF-16"),
        ('{"resourceType":"Patient"}'.encode("utf-16-be"), Problem.UNREADABLE, "UTF-16"),
        ('{"resourceType":"Patient","name":[{"family":"Müller"}]}'.encode("latin-1"), Problem.UNREADABLE, "byte 46"),
        (b"[" * 100_000, Problem.TOO_LARGE, "deep"),
        (b'{"resourceType":"Patient","a":' + b"[" * 70 + b"]" * 70 + b"}", Problem.TOO_LARGE, str(DEPTH_MAX)),
        (b"[]", Problem.NOT_A_RESOURCE, "not a FHIR resource"),
        (b"3", Problem.NOT_A_RESOURCE, "not a FHIR resource"),
        (b'{"id":"1"}', Problem.NOT_A_RESOURCE, "R4"),
        (b'{"resourceType":"Patientt"}', Problem.NOT_A_RESOURCE, "R4"),
        (b'{"resourceType":["Patient"]}', Problem.NOT_A_RESOURCE, "R4"),
        (b'{"resourceType":"MedicationOrder","id":"1"}', Problem.UNSUPPORTED, "DSTU2"),
        (b'{"resourceType":"Immunization","id":"1","notGiven":true}', Problem.UNSUPPORTED, "STU3"),
        (b'{"resourceType":"Condition","id":"1","clinicalStatus":"active"}', Problem.UNSUPPORTED, "STU3"),
        (b'{"resourceType":"Parameters","id":"1"}', Problem.UNSUPPORTED, "Parameters"),
    ],
)  # fmt: skip
def test_bad_input_is_held_with_what_and_where(body: bytes, problem: Problem, words: str) -> None:
    item = held(body)
    assert item.problem is problem
    assert words in item.words


def test_words_never_hold_what_the_body_says() -> None:
    outcome = {"resourceType": "OperationOutcome", "issue": [
        {"severity": "error", "code": "not-found", "diagnostics": "Jane Roe"}, {"severity": "Jane Roe"}]}  # fmt: skip
    item = held(outcome)
    assert "error not-found" in item.words
    assert "Jane" not in item.words
    assert "Roe" not in held(b'{"name":"Roe"').words


def test_depth_of_exactly_the_limit_is_read() -> None:
    inner = DEPTH_MAX - 1
    (fact,) = facts(b'{"resourceType":"Organization","a":' + b"[" * inner + b"]" * inner + b"}")
    assert fact.type == "Organization"


# NDJSON --------------------------------------------------------------------------------------------------------------


def test_bulk_19_blank_lines_bom_crlf_and_a_missing_last_newline_are_accepted() -> None:
    body = b"\xef\xbb\xbf" + lines(patient("a"), b"", b"  \r", patient("b")) + b"\r\n\n" + lines(patient("c"))
    found = facts(body, "application/fhir+ndjson")
    assert [(fact.key, fact.path) for fact in found] == [("a", "line 1"), ("b", "line 4"), ("c", "line 6")]


def test_bulk_19_a_bad_line_is_held_and_the_others_go_on() -> None:
    outcome = ndjson(patient("a"), b'{"resourceType":"Pat', b'\xff{"x"', patient("b"), b'{"resourceType":"Nope"}')
    assert [fact.key for fact in outcome.kept] == ["a", "b"]
    assert [(item.problem, item.path) for item in outcome.held] == [
        (Problem.UNREADABLE, "line 2"), (Problem.UNREADABLE, "line 3"), (Problem.NOT_A_RESOURCE, "line 5"),
    ]  # fmt: skip


def test_a_line_may_be_a_bundle() -> None:
    bundle = {"resourceType": "Bundle", "type": "collection", "entry": [{"resource": patient()}]}
    assert [fact.path for fact in facts(lines(patient("z"), bundle), "application/fhir+ndjson")] == [
        "line 1", "line 2/entry/0/resource",
    ]  # fmt: skip


_ROWS = st.lists(
    st.sampled_from(
        [lines(patient("a")), lines(observation()), b"", b"{", b"\xff", b'{"resourceType":"Basic","id":"b"}']
    ),
    max_size=8,
)


@given(_ROWS)
def test_i8_each_line_that_is_not_blank_is_kept_or_held_exactly_once(rows: list[bytes]) -> None:
    outcome = ndjson(*rows)
    stated = [f"line {index}" for index, row in enumerate(rows, 1) if row]
    assert sorted([each.path for each in outcome.kept] + [each.path for each in outcome.held]) == sorted(stated)


@given(st.binary(max_size=60), st.sampled_from(["application/fhir+json", "application/fhir+ndjson"]))
def test_any_bytes_are_kept_or_held_and_never_crash(body: bytes, media: str) -> None:
    read(delivery(body, media))


_ELEMENTS = [
    "resourceType", "id", "meta", "subject", "reference", "identifier", "entry", "resource", "request", "fullUrl",
    "contained", "type", "issue", "response", "link",
]  # fmt: skip
_ANY = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(
        st.sampled_from(_ELEMENTS), inner, max_size=4),
    max_leaves=20,
)  # fmt: skip


@given(_ANY, st.sampled_from(["Patient", "Observation", "Bundle", "OperationOutcome", "Task", "Condition"]))
def test_any_json_under_a_known_type_is_kept_or_held_and_never_crashes(value: object, name: str) -> None:
    body = {**value, "resourceType": name} if isinstance(value, dict) else {"resourceType": name, "entry": value}
    for fact in read(delivery(body)).kept:
        assert fact.resource["id"] == fact.key
