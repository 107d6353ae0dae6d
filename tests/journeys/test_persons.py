"""Persons that join and part: old ids answer, grants and looks stay with their person, rows come back."""

import json
from collections.abc import Callable, Generator
from datetime import timedelta
from itertools import permutations
from pathlib import Path
from typing import Any

import psycopg
import pytest

from journeys.house import House, house
from mainstem.identify.rules import KEY_MEMBERS_MAX
from mainstem.model.fact import Delivery
from mainstem.model.ids import number
from mainstem.store import grants, views
from mainstem.store.access import authenticate, issue_token
from mainstem.store.database import Database
from mainstem.store.grants import Offer

Json = dict[str, Any]
RECORD = "select id, rt, person, block, dlo, dhi, cat, labels, tok, substr(chash, 1, 16) from resource order by pk"
"""All but the certificates, which name the versions that they were made from."""
MERGED = [{"system": "urn:oid:1.2.840.1", "value": "N-100"}]


def person(key: str, *, day: int = 1, given: str = "Mona", born: str = "1961-02-03", **more: object) -> Json:
    return {
        "resourceType": "Patient", "id": key, "meta": {"lastUpdated": f"2026-04-{day:02}T00:00:00Z"},
        "name": [{"family": "Adair", "given": [given]}], "birthDate": born, "gender": "female", **more,
    }  # fmt: skip


def reading(key: str, about: str, value: float, **more: object) -> Json:
    return {
        "resourceType": "Observation", "id": key, "status": "final", "subject": {"reference": f"Patient/{about}"},
        "category": [{"coding": [{"code": "laboratory"}]}],
        "code": {"coding": [{"system": "http://loinc.org", "code": "2823-3"}]},
        "effectiveDateTime": "2026-03-28T08:00:00Z",
        "valueQuantity": {
            "value": value, "unit": "mmol/L", "system": "http://unitsofmeasure.org", "code": "mmol/L",
        }, **more,
    }  # fmt: skip


class Town:
    """A house with nothing in it but what one test says."""

    def __init__(self, home: House) -> None:
        self.home = home

    def say(self, source: str, *resources: Json) -> None:
        body = b"\n".join(json.dumps(each).encode() for each in resources)
        self.home.pipeline.apply(Delivery(
            source=source, name="page", media="application/fhir+ndjson", body=body, received=self.home.clock()
        ))  # fmt: skip

    def id(self, source: str, type_: str, key: str) -> str:
        return self.home.context.reference.namer.record(source, type_, key)

    def person(self, source: str, key: str) -> str:
        """Return the id that the person of a patient record has now."""
        return self.home.get(f"Patient/{self.id(source, 'Patient', key)}")["id"]

    def count(self, person_id: str) -> int:
        """Return how many readings the record of a person holds."""
        return len(list(self.home.all(f"Observation?patient={person_id}")))

    def rows(self, query: str = RECORD) -> list[tuple[Any, ...]]:
        with self.home.context.database.connection() as tx:
            return tx.execute(query.encode()).fetchall()

    def by_age(self, type_: str, *names: tuple[str, str]) -> list[tuple[str, str]]:
        """Return (source, key) in the order of their record ids: the first names the person."""
        return sorted(names, key=lambda each: self.id(each[0], type_, each[1]))

    def share(self, person_id: str) -> tuple[int, str]:
        """Give a clinic's app the results of a person; return the grant and a token of the app."""
        now = self.home.clock()
        offer = Offer(name="Harbour app", categories=("results",), since=None, until=now + timedelta(days=30))
        with self.home.context.database.connection() as tx:
            share = grants.create(tx, number(person_id), offer, now)
            token = issue_token(
                tx, grantee=share.grantee, scope="system/*.rs", expires=offer.until, now=now,
                random_bytes=self.home.context.random_bytes,
            )  # fmt: skip
        return share.id, token

    def signed_in(self, person_id: str) -> str:
        """Return a session token of the person."""
        now = self.home.clock()
        with self.home.context.database.connection() as tx:
            return issue_token(
                tx, grantee=grants.own(tx, number(person_id), "Mona", now), scope="patient/*.rs", kind="session",
                expires=now + timedelta(days=30), now=now, random_bytes=self.home.context.random_bytes,
            )  # fmt: skip

    def seen(self, token: str) -> set[str]:
        """Return the ids of the Observations that the holder of a token is shown."""
        answer = self.home.client.get("/fhir/Observation", headers={"Authorization": f"Bearer {token}"})
        assert answer.status_code == 200, answer.text
        return {entry["resource"]["id"] for entry in answer.json().get("entry", ())}

    def looks(self, person_id: str) -> set[str]:
        """Return who looked at a person's record, as the person is told."""
        with self.home.context.database.connection() as tx:
            found = grants.activity(tx, number(person_id), others_only=True, limit=100)
        return {look.who for look in found if look.outcome == "ok"}


@pytest.fixture
def town(tmp_path: Path, database: Database) -> Generator[Town]:
    with psycopg.connect(database.admin_url) as connection:
        rows = connection.execute(
            "select format('%I.%I', schemaname, tablename) from pg_tables"
            " where schemaname = 'mainstem' and tablename <> 'migration'"
        ).fetchall()
        connection.execute(f"truncate {', '.join(name for (name,) in rows)} cascade".encode())
    with house(database, tmp_path) as home:
        yield Town(home)
        assert home.pipeline.prove() == []
        assert home.pipeline.rehearse() == dict.fromkeys(views.VIEWS, True)


def two_people(town: Town) -> tuple[tuple[str, str], tuple[str, str]]:
    """Two patient records that nothing joins, each with a reading; the one whose id names a merged person first."""
    phone = [{"system": "phone", "value": "503-555-0100"}]
    town.say("clinic", person("p"), reading("o", "p", 4.1))
    town.say("lab", person("q", telecom=phone), reading("o", "q", 5.6))
    first, last = town.by_age("Patient", ("clinic", "p"), ("lab", "q"))
    assert town.person(*first) != town.person(*last)
    return first, last


def join(town: Town, day: int = 2) -> None:
    """Let a third record agree with both: a number of one, the phone of the other."""
    town.say("clinic", person("p", day=day, identifier=MERGED))
    phone = [{"system": "phone", "value": "503-555-0100"}]
    town.say("registry", person("r", day=day, identifier=MERGED, telecom=phone))


def part(town: Town, day: int = 3) -> None:
    """Let the third record become somebody else's."""
    town.say("registry", person("r", day=day, given="Theodora", born="1930-12-12"))
    town.say("clinic", person("p", day=day))


def test_rid_3_old_ids_answer_after_two_persons_joined(town: Town) -> None:
    first, last = two_people(town)
    before = {each: town.person(*each) for each in (first, last)}
    join(town)
    joined = {town.person(*each) for each in (first, last, ("registry", "r"))}
    assert len(joined) == 1
    [now] = joined
    for old in before.values():
        assert town.home.get(f"Patient/{old}")["id"] == now
        assert town.count(now) == 2
    for source in ("clinic", "lab"):
        row = town.home.get(f"Observation/{town.id(source, 'Observation', 'o')}")
        assert row["subject"]["reference"] == f"Patient/{now}"


def test_grants_and_sessions_of_both_ids_work_after_a_merge(town: Town) -> None:
    first, last = two_people(town)
    tokens = [town.share(town.person(*each))[1] for each in (first, last)]
    sessions = [town.signed_in(town.person(*each)) for each in (first, last)]
    readings = {town.id(source, "Observation", "o") for source in ("clinic", "lab")}
    assert [len(town.seen(token)) for token in tokens + sessions] == [1, 1, 1, 1]
    join(town)
    for token in tokens + sessions:
        assert town.seen(token) == readings


def test_looks_at_the_old_ids_stay_told_after_a_merge(town: Town) -> None:
    first, last = two_people(town)
    for each in (first, last):
        _, token = town.share(town.person(*each))
        assert len(town.seen(token)) == 1
    join(town)
    now = town.person(*first)
    with town.home.context.database.connection() as tx:
        shares = grants.shares(tx, number(now), town.home.clock())
    assert [share.looked for share in shares] == [1, 1]
    assert town.looks(now) == {"Harbour app", "operator"}


def test_i3_unmerge_gives_both_people_their_rows_and_grants_back(town: Town) -> None:
    first, last = two_people(town)
    town.say("registry", person("r", given="Theodora", born="1930-12-12"))
    before = town.rows()
    ids = {each: town.person(*each) for each in (first, last)}
    tokens = {each: town.share(ids[each])[1] for each in ids}
    sessions = {each: town.signed_in(ids[each]) for each in ids}
    join(town)
    assert town.person(*first) == town.person(*last)
    part(town)
    assert {each: town.person(*each) for each in ids} == ids
    assert town.rows() == before
    for each in ids:
        assert town.seen(tokens[each]) == {town.id(each[0], "Observation", "o")}
        assert town.seen(sessions[each]) == {town.id(each[0], "Observation", "o")}


def test_i3_data_that_arrives_while_merged_goes_with_its_own_source(town: Town) -> None:
    two_people(town)
    join(town)
    town.say("lab", reading("o2", "q", 5.0, effectiveDateTime="2026-03-29T08:00:00Z"))
    part(town)
    for each, count in ((("clinic", "p"), 1), (("lab", "q"), 2)):
        assert town.count(town.person(*each)) == count


def test_link_10_people_who_are_not_concerned_are_not_written(town: Town) -> None:
    two_people(town)
    town.say("other", person("z", given="Zoe", born="1999-01-01"), reading("oz", "z", 4.4))
    untouched = f"select pk, ver, upd from resource where person = {number(town.person('other', 'z'))} order by pk"
    before = town.rows(untouched)
    join(town)
    part(town)
    assert town.rows(untouched) == before


def test_link_5_facts_that_arrive_before_their_patient(town: Town) -> None:
    town.say("clinic", reading("o", "p", 4.1))
    town.say("lab", person("q"), reading("o", "q", 4.1))
    assert town.home.client.get(f"/fhir/Observation/{town.id('clinic', 'Observation', 'o')}").status_code == 404
    town.say("clinic", person("p"))
    assert town.count(town.person("clinic", "p")) == 1


def steps(town: Town) -> list[Callable[[], None]]:
    """A visit that two sources tell of, and a reading that refers to one of the two; each arrives by itself."""
    visit = {
        "resourceType": "Encounter", "id": "e", "status": "finished",
        "class": {"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "AMB"},
        "period": {"start": "2026-03-28T07:00:00Z", "end": "2026-03-28T09:00:00Z"},
        "type": [{"coding": [{"system": "http://snomed.info/sct", "code": "185349003"}]}],
        "identifier": [{"system": "urn:oid:1.2.840.77", "value": "visit-1"}],
    }  # fmt: skip
    phone = [{"system": "phone", "value": "503-555-0100"}]
    return [
        lambda: town.say("clinic", person("p", telecom=phone)),
        lambda: town.say("lab", person("q", telecom=phone)),
        lambda: town.say("clinic", {**visit, "subject": {"reference": "Patient/p"}}),
        lambda: town.say("lab", {**visit, "subject": {"reference": "Patient/q"}}),
        lambda: town.say("clinic", reading("o", "p", 4.1, encounter={"reference": "Encounter/e"})),
        lambda: town.say("lab", reading("o", "q", 5.1, encounter={"reference": "Encounter/e"})),
    ]  # fmt: skip


@pytest.mark.parametrize("order", [*list(permutations(range(6)))[::61]])
def test_ref_4_references_settle_in_whatever_order_their_targets_come(town: Town, order: tuple[int, ...]) -> None:
    for each in order:
        steps(town)[each]()
    visit = min(town.id(source, "Encounter", "e") for source in ("clinic", "lab"))
    for source in ("clinic", "lab"):
        row = town.home.get(f"Observation/{town.id(source, 'Observation', 'o')}")
        assert row["encounter"]["reference"] == f"Encounter/{visit}"
        assert town.home.get(f"Encounter/{town.id(source, 'Encounter', 'e')}")["id"] == visit


@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_link_9_a_number_planted_on_too_many_joins_nobody_in_whatever_order(town: Town, order: tuple[int, ...]) -> None:
    """Two records that only a number joins; the number stands on more people than a key may propose, then on fewer."""

    def one(key: str, given: str, value: str = "N-7", day: int = 1) -> Json:
        stated = person(key, given=given, day=day, identifier=[{"system": "urn:oid:1.2.840.1", "value": value}])
        return {name: each for name, each in stated.items() if name != "birthDate"}

    crowd = [one(f"c{index}", f"Given{index}") for index in range(KEY_MEMBERS_MAX - 1)]
    lots = [("clinic", [one("a", "Mona")]), ("lab", [one("b", "Mona")]), ("shelter", crowd)]
    for each in order:
        town.say(lots[each][0], *lots[each][1])
    assert town.person("clinic", "a") != town.person("lab", "b")
    town.say("shelter", one("c7", "Given7", "N-8", day=2))
    assert town.person("clinic", "a") == town.person("lab", "b")
    town.say("shelter", one("c7", "Given7", day=3))
    assert town.person("clinic", "a") != town.person("lab", "b")


def test_the_person_of_an_old_token_is_authenticated_as_the_new(town: Town) -> None:
    first, last = two_people(town)
    session = town.signed_in(town.person(*last))
    join(town)
    now = town.home.clock()
    with town.home.context.database.connection() as tx:
        who = authenticate(tx, session, now)
        assert who is not None
        assert who.person == number(town.person(*first))


def test_a_67_a_record_that_moves_to_another_person_takes_no_old_version_along(town: Town) -> None:
    town.say("clinic", person("p"), person("x", given="Theodora", born="1930-12-12"), reading("o", "p", 4.1))
    mine, theirs = (town.share(town.person("clinic", key))[1] for key in ("p", "x"))
    town.say("clinic", reading("o", "x", 7.7, meta={"lastUpdated": "2026-04-02T00:00:00Z"}))
    at = f"/fhir/Observation/{town.id('clinic', 'Observation', 'o')}"

    def told(token: str | None, path: str) -> str:
        headers = {} if token is None else {"Authorization": f"Bearer {token}"}
        return town.home.client.get(at + path, headers=headers).text

    assert "7.7" in told(theirs, "")
    assert "7.7" in told(theirs, "/_history")
    for path in ("/_history", "/_history/1"):
        assert "4.1" not in told(theirs, path)
        assert "4.1" not in told(mine, path)
        assert "4.1" in told(None, path)
    assert "7.7" not in told(mine, "") + told(mine, "/_history")


def test_old_versions_and_deletes_stay_visible_after_a_merge(town: Town) -> None:
    first, last = two_people(town)
    source, key = last
    _, token = town.share(town.person(*last))
    town.say(source, reading("o", key, 4.9, meta={"lastUpdated": "2026-04-01T00:00:00Z"}))
    gone = reading("gone", key, 4.3, effectiveDateTime="2026-03-01", meta={"lastUpdated": "2026-04-01T00:00:00Z"})
    town.say(source, gone)
    entry = {
        "request": {"method": "DELETE", "url": "Observation/gone"},
        "response": {"status": "204", "lastModified": "2026-04-02T00:00:00Z"},
    }  # fmt: skip
    town.say(source, {"resourceType": "Bundle", "type": "history", "entry": [entry]})
    join(town)
    assert town.person(*first) == town.person(*last)
    headers = {"Authorization": f"Bearer {token}"}
    at = f"/fhir/Observation/{town.id(source, 'Observation', 'o')}"
    entries = town.home.client.get(f"{at}/_history", headers=headers).json()["entry"]
    assert {entry["resource"]["valueQuantity"]["value"] for entry in entries} == {
        4.9,
        4.1 if source == "clinic" else 5.6,
    }
    at = f"/fhir/Observation/{town.id(source, 'Observation', 'gone')}"
    assert town.home.client.get(at, headers=headers).status_code == 410
