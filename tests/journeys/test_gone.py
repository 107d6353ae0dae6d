"""Gone, corrected, moved, reverted: what a source takes back leaves the record, and what it gives again comes back."""

import json
from collections.abc import Generator
from itertools import permutations
from typing import Any

import pytest

from journeys.house import House, house
from mainstem.model.fact import Delivery
from mainstem.model.ids import number
from mainstem.store import views
from mainstem.store.database import Database

LOINC = "http://loinc.org"
UCUM = "http://unitsofmeasure.org"
Json = dict[str, Any]


class Source:
    """A source with a prefix of its own for ids, so that tests share a house without meeting."""

    def __init__(self, home: House, name: str) -> None:
        self.home = home
        self.name = name

    def say(self, *resources: Json) -> None:
        body = b"\n".join(json.dumps(each).encode() for each in resources)
        self._deliver("application/fhir+ndjson", body)

    def history(self, *entries: Json) -> None:
        """Deliver a history Bundle."""
        bundle = {"resourceType": "Bundle", "type": "history", "entry": list(entries)}
        self._deliver("application/fhir+json", json.dumps(bundle).encode())

    def delete(self, reference: str, day: int) -> None:
        self.history({
            "request": {"method": "DELETE", "url": reference},
            "response": {"status": "204", "lastModified": f"2026-04-{day:02}T00:00:00Z"},
        })  # fmt: skip

    def _deliver(self, media: str, body: bytes) -> None:
        clock = self.home.clock
        report = self.home.pipeline.apply(
            Delivery(source=self.name, name="page", media=media, body=body, received=clock())
        )
        assert report.held == 0, report

    def id(self, type_: str, key: str) -> str:
        return self.home.context.reference.namer.record(self.name, type_, key)


def patient(key: str, *, family: str, day: int = 1, **more: object) -> Json:
    return {
        "resourceType": "Patient", "id": key, "meta": {"lastUpdated": f"2026-04-{day:02}T00:00:00Z"},
        "name": [{"family": family, "given": ["Mona"]}], "birthDate": "1961-02-03", "gender": "female",
        "telecom": [{"system": "phone", "value": "503-555-0199"}], **more,
    }  # fmt: skip


def reading(key: str, about: str, value: float = 4.1, *, day: int = 1, code: str = "2823-3", **more: object) -> Json:
    return {
        "resourceType": "Observation", "id": key, "status": "final", "subject": {"reference": f"Patient/{about}"},
        "meta": {"lastUpdated": f"2026-04-{day:02}T00:00:00Z"},
        "code": {"coding": [{"system": LOINC, "code": code}]}, "effectiveDateTime": "2026-03-28T08:00:00Z",
        "valueQuantity": {"value": value, "unit": "mmol/L", "system": UCUM, "code": "mmol/L"}, **more,
    }  # fmt: skip


def encounter(key: str, about: str, *, day: int = 1) -> Json:
    return {
        "resourceType": "Encounter", "id": key, "status": "finished", "subject": {"reference": f"Patient/{about}"},
        "meta": {"lastUpdated": f"2026-04-{day:02}T00:00:00Z"},
        "class": {"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "AMB"},
        "period": {"start": "2026-03-28T07:00:00Z", "end": "2026-03-28T09:00:00Z"},
        "type": [{"coding": [{"system": "http://snomed.info/sct", "code": "185349003"}]}],
        "identifier": [{"system": "urn:oid:1.2.840.77", "value": f"visit-of-{about[-4:]}"}],
    }  # fmt: skip


@pytest.fixture(scope="module")
def home(database: Database, tmp_path_factory: pytest.TempPathFactory) -> Generator[House]:
    with house(database, tmp_path_factory.mktemp("gone")) as made:
        yield made


@pytest.fixture(autouse=True)
def _whole(home: House) -> Generator[None]:
    """After each journey the ledger balances and a rebuild would change nothing (I4, I6, I8)."""
    yield
    assert home.pipeline.prove() == []
    assert home.pipeline.rehearse() == dict.fromkeys(views.VIEWS, True)


@pytest.fixture
def pair(home: House, request: pytest.FixtureRequest) -> tuple[Source, Source]:
    """Two sources that know one person, whose name no other test uses."""
    name = "".join(each for each in request.node.name if each.isalnum())[-30:].lower()
    one, other = Source(home, f"a-{name}"), Source(home, f"b-{name}")
    for each in (one, other):
        each.say(patient("p", family=name))
    return one, other


def status(home: House, path: str) -> int:
    return home.client.get(f"/fhir/{path}").status_code


def found(home: House, source: Source, query: str) -> list[Json]:
    person = home.get(f"Patient/{source.id('Patient', 'p')}")["id"]
    return list(home.all(f"Observation?patient={person}&{query}"))


def test_gone_1_a_deleted_resource_is_410_and_leaves_the_search(home: House, pair: tuple[Source, Source]) -> None:
    one, _ = pair
    one.say(reading("o1", "p"))
    at = f"Observation/{one.id('Observation', 'o1')}"
    assert home.get(at)["valueQuantity"]["value"] == 4.1
    one.delete("Observation/o1", 2)
    assert status(home, at) == 410
    assert found(home, one, "code=2823-3") == []
    entries = home.get(f"{at}/_history")["entry"]
    assert [entry["request"]["method"] for entry in entries] == ["DELETE", "POST"]
    assert home.get(f"{at}/_history/1")["valueQuantity"]["value"] == 4.1


def test_gone_1_the_way_back_is_a_new_version_by_the_source(home: House, pair: tuple[Source, Source]) -> None:
    one, _ = pair
    one.say(reading("o1", "p"))
    one.delete("Observation/o1", 2)
    one.say(reading("o1", "p", day=3))
    at = f"Observation/{one.id('Observation', 'o1')}"
    assert home.get(at)["meta"]["versionId"] == "3"
    assert len(home.get(f"{at}/_history")["entry"]) == 3
    assert [each["id"] for each in found(home, one, "code=2823-3")] == [one.id("Observation", "o1")]


def test_gone_1_an_older_delete_does_not_take_away_a_newer_version(home: House, pair: tuple[Source, Source]) -> None:
    one, _ = pair
    one.say(reading("o1", "p", day=3))
    one.delete("Observation/o1", 2)
    assert status(home, f"Observation/{one.id('Observation', 'o1')}") == 200


def test_gone_1_a_delete_before_its_resource_is_known(home: House, pair: tuple[Source, Source]) -> None:
    one, _ = pair
    one.delete("Observation/o1", 5)
    one.say(reading("o1", "p", day=3))
    assert found(home, one, "code=2823-3") == []
    assert status(home, f"Observation/{one.id('Observation', 'o1')}") in {404, 410}


def test_gone_1_what_another_source_still_says_stays(home: House, pair: tuple[Source, Source]) -> None:
    for gone, stays in (pair, pair[::-1]):
        key = f"o-{gone.name[0]}"
        day = f"2026-03-2{ord(gone.name[0]) - 96}"
        for each in pair:
            each.say(reading(key, "p", effectiveDateTime=f"{day}T08:00:00Z"))
        [row] = found(home, gone, f"code=2823-3&date={day}")
        assert {tag["code"] for tag in row["meta"]["tag"]} == {each.name for each in pair}
        gone.delete(f"Observation/{key}", 2)
        [row] = found(home, gone, f"code=2823-3&date={day}")
        assert {tag["code"] for tag in row["meta"]["tag"]} == {stays.name}
        assert row["id"] == stays.id("Observation", key)
        assert home.get(f"Observation/{stays.id('Observation', key)}")["id"] == row["id"]


def test_gone_1_a_deleted_patient_takes_nobody_else_along(home: House, pair: tuple[Source, Source]) -> None:
    one, other = pair
    one.say(reading("o1", "p"))
    other.say(reading("o2", "p", 5.5))
    one.delete("Patient/p", 2)
    stays = home.get(f"Patient/{other.id('Patient', 'p')}")
    assert {tag["code"] for tag in stays["meta"]["tag"]} == {other.name}
    assert [each["id"] for each in home.all(f"Observation?patient={stays['id']}")] == [other.id("Observation", "o2")]
    one.say(patient("p", family=stays["name"][0]["family"], day=3))
    assert len(found(home, other, "code=2823-3")) == 2


def test_gone_1_references_follow_a_group_that_loses_and_regains_a_member(
    home: House, pair: tuple[Source, Source]
) -> None:
    for each in pair:
        each.say(encounter("e", "p"), reading("o", "p", encounter={"reference": "Encounter/e"}))
    first = min(each.id("Encounter", "e") for each in pair)
    last = max(pair, key=lambda each: each.id("Encounter", "e"))
    [row] = found(home, last, "code=2823-3")
    assert row["encounter"]["reference"] == f"Encounter/{first}"
    last.say(reading("alone", "p", 7, effectiveDateTime="2026-03-01", encounter={"reference": "Encounter/e"}))
    at = f"Observation/{last.id('Observation', 'alone')}"
    assert home.get(at)["encounter"]["reference"] == f"Encounter/{first}"
    last.delete("Encounter/e", 2)
    last.say(encounter("e", "p", day=3))
    assert home.get(at)["encounter"]["reference"] == f"Encounter/{first}"


def test_gone_2_entered_in_error_is_readable_but_not_outranked(home: House, pair: tuple[Source, Source]) -> None:
    one, _ = pair
    one.say(reading("o1", "p", day=1), reading("o1", "p", day=2, status="entered-in-error"))
    one.say(reading("o1", "p", day=1, note=[{"text": "late"}]))
    at = f"Observation/{one.id('Observation', 'o1')}"
    assert home.get(at)["status"] == "entered-in-error"
    one.say(reading("o1", "p", day=4))
    assert home.get(at)["status"] == "final"


def test_cons_2_a_correction_takes_the_place_of_the_final(home: House, pair: tuple[Source, Source]) -> None:
    one, _ = pair
    one.say(reading("o1", "p", 6.2))
    one.say(reading("o1", "p", 2.6, day=2, status="corrected"))
    [row] = found(home, one, "code=2823-3")
    assert (row["valueQuantity"]["value"], row["status"], row["meta"]["versionId"]) == (2.6, "corrected", "2")


def test_cons_14_two_sources_one_retracts(home: House, pair: tuple[Source, Source]) -> None:
    one, other = pair
    number_ = [{"system": "urn:oid:1.2.840.55", "value": f"order-{one.name[-8:]}"}]
    one.say(reading("o1", "p", identifier=number_))
    other.say(reading("o2", "p", identifier=number_))
    assert len(found(home, one, "code=2823-3&status=final")) == 1
    one.say(reading("o1", "p", day=2, status="entered-in-error", identifier=number_))
    assert found(home, one, "code=2823-3&status=final") == []
    one.say(reading("o1", "p", day=3, identifier=number_))
    assert len(found(home, one, "code=2823-3&status=final")) == 1


def test_a_corrected_code_moves_a_record_to_another_block(home: House, pair: tuple[Source, Source]) -> None:
    one, other = pair
    one.say(reading("o1", "p"))
    other.say(reading("o2", "p"))
    assert len(found(home, one, "code=2823-3")) == 1
    one.say(reading("o1", "p", day=2, code="2951-2"))
    [potassium] = found(home, one, "code=2823-3")
    [sodium] = found(home, one, "code=2951-2")
    assert (potassium["id"], sodium["id"]) == (other.id("Observation", "o2"), one.id("Observation", "o1"))
    one.say(reading("o1", "p", day=3))
    assert len(found(home, one, "code=2823-3")) == 1
    assert found(home, one, "code=2951-2") == []


def test_a_record_that_was_filed_under_the_wrong_patient_moves(home: House, pair: tuple[Source, Source]) -> None:
    one, _ = pair
    one.say(patient("q", family="Quite-another", birthDate="1999-09-09", telecom=[], gender="male"), reading("o1", "p"))
    one.say(reading("o1", "q", day=2))
    assert found(home, one, "code=2823-3") == []
    moved = home.get(f"Observation/{one.id('Observation', 'o1')}")
    person = home.get(f"Patient/{one.id('Patient', 'q')}")["id"]
    assert moved["subject"]["reference"] == f"Patient/{person}"
    assert [each["id"] for each in home.all(f"Observation?patient={person}")] == [moved["id"]]


def test_ref_4_a_record_that_moves_to_a_patient_not_yet_known(home: House, pair: tuple[Source, Source]) -> None:
    one, other = pair
    one.say(reading("o1", "p"))
    other.say(reading("o2", "p"))
    one.say(reading("o1", "unknown-yet", day=2))
    assert [each["id"] for each in found(home, one, "code=2823-3")] == [other.id("Observation", "o2")]
    assert home.pipeline.rehearse()["head"]
    assert status(home, f"Observation/{one.id('Observation', 'o1')}") in {404, 410}
    one.say(patient("unknown-yet", family="Later", birthDate="1988-08-08", telecom=[]))
    moved = home.get(f"Observation/{one.id('Observation', 'o1')}")
    person = home.get(f"Patient/{one.id('Patient', 'unknown-yet')}")["id"]
    assert moved["subject"]["reference"] == f"Patient/{person}"


@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_idem_4_versions_in_any_order_end_at_the_newest(
    home: House, pair: tuple[Source, Source], order: tuple[int, ...]
) -> None:
    one, _ = pair
    values = (4.0, 5.0, 4.0)
    for each in order:
        one.say(reading("o1", "p", values[each], day=each + 1))
    assert home.get(f"Observation/{one.id('Observation', 'o1')}")["valueQuantity"]["value"] == 4.0
    with home.context.database.connection() as tx:
        record = number(one.id("Observation", "o1"))
        assert tx.execute("select count(*) from fact where record = %s", (record,)).fetchone() == (3,)


def test_idem_3_a_revert_is_a_new_version(home: House, pair: tuple[Source, Source]) -> None:
    one, _ = pair
    for day, value in enumerate((4.0, 5.0, 4.0), 1):
        one.say(reading("o1", "p", value, day=day))
    at = f"Observation/{one.id('Observation', 'o1')}"
    assert home.get(at)["meta"]["versionId"] == "3"
    values = [entry["resource"]["valueQuantity"]["value"] for entry in home.get(f"{at}/_history")["entry"]]
    assert values == [4.0, 5.0, 4.0]
    one.say(reading("o1", "p", 4.0, day=3))
    assert home.get(at)["meta"]["versionId"] == "3"


def test_i6_the_source_says_what_it_said_also_after_a_delete(home: House, pair: tuple[Source, Source]) -> None:
    one, _ = pair
    one.say(reading("o1", "p"))
    one.delete("Observation/o1", 2)
    answer = home.client.get(f"/fhir/source/{one.name}/Observation/o1")
    assert answer.status_code in {200, 410}
    assert "4.1" not in answer.text
