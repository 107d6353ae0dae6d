import gzip
import json
import os
from collections import Counter
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from mainstem.fhir.references import references
from mainstem.formats.fhir_json import read
from mainstem.model.fact import Delivery, Fact
from mainstem.model.names import GONE_TAG
from mainstem.model.outcome import Outcome
from mainstem.model.problem import Problem

U1 = "urn:uuid:0c3151bd-1cbf-4d64-b04d-cd9187a4c6e0"
U2 = "urn:uuid:1c3151bd-1cbf-4d64-b04d-cd9187a4c6e1"
OWN = "https://ehr.example/fhir/"
OTHER = "https://other.example/fhir/"


def outcome(kind: str, *entries: object, **more: object) -> Outcome[Fact]:
    bundle = {"resourceType": "Bundle", "type": kind, "entry": list(entries), **more}
    when = datetime(2026, 1, 2, tzinfo=UTC)
    body = json.dumps(bundle).encode()
    return read(Delivery(source="ehr", name="b", media="application/fhir+json", body=body, received=when))


def facts(kind: str, *entries: object, **more: object) -> list[Fact]:
    found = outcome(kind, *entries, **more)
    assert not found.held, found.held
    return list(found.kept)


def entry(name: str, url: str = "", /, **more: object) -> dict[str, Any]:
    return {**({"fullUrl": url} if url else {}), "resource": {"resourceType": name, **more}}


def about(reference: str) -> dict[str, object]:
    return {"subject": {"reference": reference}}


def test_each_entry_is_a_fact_with_its_json_pointer() -> None:
    found = facts("collection", entry("Patient", id="a"), entry("Organization", id="b"))
    assert [(fact.key, fact.path) for fact in found] == [("a", "/entry/0/resource"), ("b", "/entry/1/resource")]


@pytest.mark.parametrize("kind", ["transaction", "batch", "collection", "document", "message", "searchset"])
def test_a_urn_uuid_resolves_by_fullurl_forwards_and_backwards(kind: str) -> None:
    observation, person = facts(
        kind, entry("Observation", U2, id="o", **about(U1.upper())), entry("Patient", U1, id="p")
    )
    assert observation.subject == "p"
    assert observation.resource["subject"]["reference"] == "Patient/p"
    assert person.key == "p"


def test_a_resource_without_id_takes_the_uuid_of_its_fullurl() -> None:
    person, observation = facts("transaction", entry("Patient", U1), entry("Observation", U2, **about(U1)))
    assert person.key == U1.removeprefix("urn:uuid:")
    assert observation.subject == person.key
    assert observation.key == U2.removeprefix("urn:uuid:")


def test_an_oid_resolves_and_a_restful_fullurl_gives_the_id() -> None:
    person, one = facts(
        "batch",
        entry("Patient", "urn:oid:1.2.3", gender="male"),
        entry("Basic", OWN + "Basic/7", **about("urn:oid:1.2.3")),
    )
    assert (person.key, one.key, one.subject) == ("1.2.3", "7", "1.2.3")


def test_ref_1_six_forms_of_one_target_are_one_record() -> None:
    forms = [
        "Patient/1",
        "Patient/1/_history/2",
        OWN + "Patient/1",
        OWN + "Patient/1/_history/3",
        "Patient?identifier=urn:mrn|7",
    ]
    people = entry("Patient", OWN + "Patient/1", id="1", identifier=[{"system": "urn:mrn", "value": "7"}])
    observations = [
        entry("Observation", OWN + f"Observation/{n}", id=str(n), **about(form)) for n, form in enumerate(forms)
    ]
    logical = entry(
        "Observation", OWN + "Observation/9", id="9", subject={"identifier": {"system": "urn:mrn", "value": "7"}}
    )
    found = facts("searchset", people, *observations, logical)
    assert {fact.resource["subject"]["reference"] for fact in found[1:]} == {"Patient/1"}
    assert {fact.subject for fact in found} == {"1"}


def test_ref_2_the_same_id_on_another_server_is_another_record() -> None:
    own, other, ours, theirs = facts(
        "collection",
        entry("Patient", OWN + "Patient/1", id="1"),
        entry("Patient", OTHER + "Patient/1", id="1"),
        entry("Observation", OWN + "Observation/1", id="1", **about("Patient/1")),
        entry("Observation", OTHER + "Observation/1", id="1", **about("Patient/1")),
        link=[{"relation": "self", "url": OWN}],
    )
    assert own.key == "1"
    assert other.key != "1"
    assert (ours.subject, theirs.subject) == (own.key, other.key)
    assert other.resource["_id"]["extension"][0]["valueString"] == "1"


def test_ref_2_without_a_self_link_the_server_of_most_entries_is_the_own_one() -> None:
    found = facts(
        "collection",
        entry("Patient", OTHER + "Patient/1", id="1"),
        entry("Patient", OWN + "Patient/1", id="1"),
        entry("Patient", OWN + "Patient/2", id="2"),
    )
    assert [fact.key == fact.resource["id"] for fact in found] == [True] * 3
    assert [fact.key in {"1", "2"} for fact in found] == [False, True, True]


def test_a_foreign_absolute_reference_stays_absolute() -> None:
    (one,) = facts("collection", entry("Observation", OWN + "Observation/1", id="1", **about("Group/1"),
                                       performer=[{"reference": OTHER + "Practitioner/1"}]))  # fmt: skip
    assert one.resource["performer"][0]["reference"] == OTHER + "Practitioner/1"


def test_ref_5_contained_references_stay_inside_their_container() -> None:
    def holder(key: str) -> dict[str, Any]:
        return entry("MedicationRequest", id=key, contained=[{"resourceType": "Medication", "id": "1"}],
                     medicationReference={"reference": "#1"}, **about("Patient/1"))  # fmt: skip

    for fact in facts("collection", holder("a"), holder("b")):
        assert fact.resource["medicationReference"] == {"reference": "#1"}


def test_ref_6_a_conditional_reference_with_two_matches_is_held_and_the_rest_goes_on() -> None:
    identifier = [{"system": "urn:npi", "value": "7"}]
    doctors = [entry("Practitioner", id=key, identifier=identifier) for key in "ab"]
    found = outcome(
        "transaction", *doctors, entry("Basic", id="x", author={"reference": "Practitioner?identifier=urn:npi|7"})
    )
    assert [fact.key for fact in found.kept] == ["a", "b"]
    assert [(item.problem, item.path) for item in found.held] == [(Problem.BAD_REFERENCE, "/entry/2/resource")]


def test_ref_6_a_conditional_reference_that_nothing_here_answers_is_left_as_it_is() -> None:
    text = "Practitioner?identifier=urn:npi|7"
    (one,) = facts("transaction", entry("Basic", id="x", author={"reference": text}))
    assert one.resource["author"]["reference"] == text


@pytest.mark.parametrize("text", ["Practitioner?name=x", "Practitioner?identifier=a&identifier=b", "Practitioner?"])
def test_a_conditional_reference_by_something_else_is_left_as_it_is(text: str) -> None:
    (one,) = facts("transaction", entry("Basic", id="x", author={"reference": text}))
    assert one.resource["author"]["reference"] == text


def test_an_entry_of_another_server_refers_to_its_own_server() -> None:
    one = entry("Basic", OTHER + "Basic/1", id="1", author={"reference": "Practitioner/9"})
    (theirs,) = facts("collection", one, link=[{"relation": "self", "url": OTHER}])
    assert theirs.resource["author"]["reference"] == "Practitioner/9"
    (_, foreign) = facts("collection", entry("Patient", OWN + "Patient/1", id="1"), one, link=[
        {"relation": "self", "url": OWN}])  # fmt: skip
    assert foreign.resource["author"]["reference"] == OTHER + "Practitioner/9"


def test_an_absolute_reference_to_the_own_server_becomes_relative() -> None:
    author = {"reference": OWN + "Practitioner/9/_history/2"}
    (one,) = facts("searchset", entry("Basic", OWN + "Basic/1", id="1", author=author))
    assert one.resource["author"]["reference"] == "Practitioner/9"


def test_two_entries_with_one_fullurl_make_references_to_it_ambiguous() -> None:
    found = outcome(
        "collection", entry("Patient", U1, id="a"), entry("Patient", U1, id="b"), entry("Basic", **about(U1))
    )
    assert [item.problem for item in found.held] == [Problem.BAD_REFERENCE]


def test_history_versions_are_one_record_and_a_delete_is_a_tombstone_ordered_after_them() -> None:
    url = OWN + "Observation/1"
    created = {"versionId": "1", "lastUpdated": "2026-01-01T00:00:00Z"}
    answer = {"status": "200", "etag": 'W/"2"', "lastModified": "2026-01-02T00:00:00Z"}
    deleted = {"status": "204", "etag": 'W/"3"', "lastModified": "2026-01-03T00:00:00Z"}
    first, second, gone = facts(
        "history",
        {**entry("Observation", url, id="1", meta=created, **about("Patient/1")), "request": {"method": "POST"}},
        {**entry("Observation", url, id="1", **about("Patient/1")), "request": {"method": "PUT"}, "response": answer},
        {"fullUrl": url, "request": {"method": "DELETE", "url": "Observation/1"}, "response": deleted},
    )
    assert {fact.key for fact in (first, second, gone)} == {"1"}
    assert first.order < second.order < gone.order
    assert gone.resource["meta"]["tag"] == [{"system": GONE_TAG, "code": "deleted"}]
    assert gone.subject is None


@pytest.mark.parametrize("url", ["Observation?identifier=1", "Nonsense/1", ""])
def test_a_delete_of_something_unnamed_is_held(url: str) -> None:
    found = outcome("transaction", {"request": {"method": "DELETE", "url": url}})
    assert [item.problem for item in found.held] == [Problem.BAD_REFERENCE]


def test_a_search_outcome_is_held_as_a_notice_and_includes_are_applied() -> None:
    notice = {
        **entry("OperationOutcome", issue=[{"severity": "warning", "code": "not-supported"}]),
        "search": {"mode": "outcome"},
    }
    found = outcome("searchset", {**entry("Patient", id="p"), "search": {"mode": "include"}}, notice)
    assert [fact.key for fact in found.kept] == ["p"]
    assert [item.words for item in found.held] == [
        "The source sent an OperationOutcome with its data (warning not-supported)."
    ]


@pytest.mark.parametrize("kind", ["document", "message"])
def test_a_documents_own_time_orders_resources_without_one(kind: str) -> None:
    old, new = (facts(kind, entry("Patient", id="p"), timestamp=f"2026-01-0{day}T00:00:00Z")[0].order for day in (1, 2))
    assert "" < old < new
    assert facts("searchset", entry("Patient", id="p"), timestamp="2026-01-01T00:00:00Z")[0].order == ""


def test_answers_without_a_resource_state_nothing_and_refusals_are_held() -> None:
    created, missing = ({"response": {"status": status}} for status in ("201 Created", "404 Not Found"))
    found = outcome("batch-response", created, missing, {**entry("Patient", id="p"), "response": {"status": "200"}})
    assert [fact.key for fact in found.kept] == ["p"]
    assert ["404" in item.words for item in found.held] == [True]


@pytest.mark.parametrize(
    ("one", "problem"),
    [
        (3, Problem.NOT_A_RESOURCE),
        ({}, Problem.NOT_A_RESOURCE),
        ({"resource": "x"}, Problem.NOT_A_RESOURCE),
        ({"request": {"method": "GET", "url": "Patient/1"}}, Problem.UNSUPPORTED),
        ({"resource": {"resourceType": "Parameters"}, "request": {"method": "PATCH"}}, Problem.UNSUPPORTED),
    ],
)
def test_an_entry_that_cannot_be_used_is_held_and_the_others_go_on(one: object, problem: Problem) -> None:
    found = outcome("batch", one, entry("Patient", id="p"))
    assert [fact.key for fact in found.kept] == ["p"]
    assert [(item.problem, item.path.startswith("/entry/0")) for item in found.held] == [(problem, True)]


def test_bundles_within_bundles_are_read_to_a_limit() -> None:
    def wrapped(depth: int) -> dict[str, Any]:
        inner = entry("Patient", id="p")
        for _ in range(depth):
            inner = {"resource": {"resourceType": "Bundle", "type": "collection", "entry": [inner]}}
        return inner

    assert facts("collection", wrapped(2))[0].path == "/entry/0/resource/entry/0/resource/entry/0/resource"
    assert [item.problem for item in outcome("collection", wrapped(5)).held] == [Problem.TOO_LARGE]


def test_an_empty_bundle_states_nothing() -> None:
    assert facts("searchset") == []


# real ones ------------------------------------------------------------------------------------------------------------


def _bundles() -> Iterable[Path]:
    folder = Path(os.environ.get("MAINSTEM_FIXTURES", "../shared/fixtures")) / "synthea"
    if not folder.is_dir():
        pytest.skip("the shared fixtures are not here (MAINSTEM_FIXTURES)")
    return sorted(folder.glob("*.json.gz"))


@pytest.mark.fixtures
def test_synthea_transactions_are_read_whole_with_every_reference_resolved() -> None:
    types: Counter[str] = Counter()
    for path in _bundles():
        body = gzip.decompress(path.read_bytes())
        when = datetime(2026, 1, 2, tzinfo=UTC)
        found = read(
            Delivery(source="synthea", name=path.name, media="application/fhir+json", body=body, received=when)
        )
        assert not found.held
        types.update(fact.type for fact in found.kept)
        here = {f"{fact.type}/{fact.key}" for fact in found.kept}
        aims = {text for fact in found.kept for _, text in references(fact.resource) if not text.startswith("#")}
        assert aims <= here
        assert {fact.subject for fact in found.kept} - {None} == {
            fact.key for fact in found.kept if fact.type == "Patient"
        }
    assert types.total() == 17_117
    assert (types["Observation"], types["Patient"], types["Claim"]) == (8_148, 60, 1_903)
