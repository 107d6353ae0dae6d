"""Search over a small record: what is found, in which order, by whom, and by which plan."""

import sys
from collections.abc import Generator
from pathlib import Path

import psycopg
import pytest

from mainstem.model.ids import number
from mainstem.model.json import decode
from mainstem.store.asked import understand
from mainstem.store.audit import Asker
from mainstem.store.criteria import BadSearchError
from mainstem.store.database import Database
from mainstem.store.search import Page, explain, run
from mainstem.store.session import Session

sys.path.insert(0, str(Path(__file__).parents[1]))
from recorder import Recorder, observation, patient

MANY = 400


@pytest.fixture(scope="module")
def world(database: Database) -> Recorder:
    recorder = Recorder(database)
    a, b = recorder.id("a"), recorder.id("b")
    encounter = recorder.id("e")
    recorder.publish([patient(a, "Müller"), *(
        observation(recorder.id("o", str(n)), a, "2823-3" if n % 2 else "718-7", f"2024-01-{n + 1:02d}T10:00:00Z")
        for n in range(20)
    )], a)  # fmt: skip
    recorder.publish([
        patient(b, "Featherstonehaugh", "1960-07-08"),
        observation(recorder.id("x"), b, "2823-3", "2024-02"),
        observation(recorder.id("y"), b, "8480-6", "2023", category="vital-signs", status="amended"),
        {**observation(recorder.id("z"), b, "2823-3", "2022"), "encounter": {"reference": f"Encounter/{encounter}"}},
        {"resourceType": "Encounter", "id": encounter, "status": "finished", "subject": {"reference": f"Patient/{b}"}},
    ], b)  # fmt: skip
    return recorder


@pytest.fixture
def tx(database: Database) -> Generator[Session]:
    with database.connection() as connection:
        yield connection


@pytest.fixture
def asker(world: Recorder, tx: Session) -> Asker:
    return world.asker(tx, world.operator())


def found(tx: Session, asker: Asker, type_: str, **pairs: str) -> Page:
    return run(
        tx, asker, understand(tx, asker, type_, [(k.replace("__", ":").replace("~", "-"), v) for k, v in pairs.items()])
    )


def ids(page: Page) -> list[str]:
    return [each.id for each in page.matches]


def count(tx: Session, asker: Asker, type_: str, query: str) -> int:
    pairs = [tuple(part.split("=", 1)) for part in query.split("&") if part]
    return len(run(tx, asker, understand(tx, asker, type_, pairs)).matches)  # type: ignore[arg-type] - pairs by construction


@pytest.mark.parametrize(
    ("type_", "query", "expected"),
    [
        ("Observation", "", 23),
        ("Observation", "code=2823-3", 12),
        ("Observation", "code=http://loinc.org|2823-3", 12),
        ("Observation", "code=http://other|2823-3", 0),
        ("Observation", "code=|2823-3", 0),
        ("Observation", "code=http://loinc.org|", 23),
        ("Observation", "code=2823-3,8480-6", 13),
        ("Observation", "code=2823-3,718-7,1,2,3,4,5,6,7,8,9,10", 22),
        ("Observation", "code:not=2823-3", 11),
        ("Observation", "combo-code=2823-3", 12),
        ("Observation", "category=vital-signs", 1),
        ("Observation", "status=amended", 1),
        ("Observation", "status=amended,final&code=8480-6", 1),
        ("Observation", "date=2024-01-05", 1),
        ("Observation", "date=2024", 21),
        ("Observation", "date=ge2024-01-10&date=lt2024-02-01", 11),
        ("Observation", "date=gt2024-01-31", 1),
        ("Observation", "date=lt2023", 1),
        ("Observation", "date=sa2023", 21),
        ("Observation", "date=eb2023", 1),
        ("Observation", "date=ne2024", 2),
        ("Observation", "date=2022,2023", 2),
        ("Observation", "date:missing=true", 0),
        ("Observation", "_lastUpdated=gt2026-01-01", 23),
        ("Observation", "_lastUpdated=lt2026-01-01", 0),
        ("Patient", "name=mul", 1),
        ("Patient", "family=Müller", 1),
        ("Patient", "family:exact=Muller", 0),
        ("Patient", "family:exact=Müller", 1),
        ("Patient", "given=an", 2),
        ("Patient", "family=featherstonehaugh", 1),
        ("Patient", "family=featherstoneXX", 0),
        ("Patient", "birthdate=1950-02-03", 1),
        ("Patient", "birthdate=1960-07", 1),
        ("Patient", "birthdate=lt1955", 1),
        ("Patient", "birthdate=ge1950-02-03&birthdate=le1960-07-08", 2),
        ("Patient", "birthdate=gt1950-02-03", 1),
        ("Patient", "identifier=urn:mrn|mrn-Müller", 1),
        ("Patient", "identifier=mrn-Featherstonehaugh", 1),
        ("Patient", "identifier=urn:other|mrn-Müller", 0),
        ("Patient", "gender=female", 2),
        ("Patient", "_id=nonsense", 0),
        ("Patient", "name=mul,feather", 2),
    ],
)  # fmt: skip
def test_a_search_finds_what_it_says(tx: Session, asker: Asker, type_: str, query: str, expected: int) -> None:
    assert count(tx, asker, type_, query) == expected


def test_a_person_and_a_code_are_found_together(world: Recorder, tx: Session, asker: Asker) -> None:
    a, b = world.id("a"), world.id("b")
    assert count(tx, asker, "Observation", f"patient={a}&code=2823-3") == 10
    assert count(tx, asker, "Observation", f"subject=Patient/{b}&code=http://loinc.org|2823-3") == 2
    assert count(tx, asker, "Observation", f"patient={b}&code=http://loinc.org|2823-3,8480-6") == 3
    assert count(tx, asker, "Observation", f"patient={a},{b}") == 23
    assert count(tx, asker, "Observation", f"patient={a}&patient={b}") == 0
    assert count(tx, asker, "Observation", "patient=nobody") == 0


def test_a_reference_is_found_by_id_and_by_type_and_id(world: Recorder, tx: Session, asker: Asker) -> None:
    encounter = world.id("e")
    for value in (encounter, f"Encounter/{encounter}"):
        assert count(tx, asker, "Observation", f"encounter={value}") == 1
    assert count(tx, asker, "Observation", f"encounter:Encounter={encounter}") == 1


def test_a_persons_results_come_newest_first(world: Recorder, tx: Session, asker: Asker) -> None:
    page = found(tx, asker, "Observation", patient=world.id("b"))
    assert ids(page) == [world.id("x"), world.id("y"), world.id("z")]
    assert ids(found(tx, asker, "Observation", patient=world.id("b"), _sort="date")) == ids(page)[::-1]


@pytest.mark.parametrize("sort", ["date", "-date", "_lastUpdated", "-_lastUpdated", "_id"])
def test_pages_hold_each_match_once_whatever_the_order(tx: Session, asker: Asker, sort: str) -> None:
    search = understand(tx, asker, "Observation", [("_count", "4"), ("_sort", sort)])
    page = run(tx, asker, search)
    seen = ids(page)
    while page.after is not None:
        page = run(tx, asker, search, page.after)
        seen += ids(page)
    assert len(seen) == len(set(seen)) == 23


def test_the_total_is_counted_when_asked_for(tx: Session, asker: Asker) -> None:
    page = found(tx, asker, "Observation", _total="accurate", _count="2", code="2823-3")
    assert (len(page.matches), page.total) == (2, 12)
    assert found(tx, asker, "Observation", _summary="count").total == 23
    assert found(tx, asker, "Patient", _total="accurate", family="featherstonehaugh").total == 1
    assert found(tx, asker, "Observation").total is None


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("cod=1", "Did you mean 'code'?"),
        ("patient.name=x", "Chained"),
        ("_has:Observation:patient:code=1", "Chained"),
        ("code:above=1", "modifier"),
        ("code=", "empty"),
        ("code=1,", "empty"),
        ("code=|", "token"),
        ("date=yesterday", "date"),
        ("date=2024-13-45", "date"),
        ("_count=-1", "_count"),
        ("_count=x", "_count"),
        ("_sort=code", "_sort"),
        ("_total=maybe", "_total"),
        ("_include=Observation:patient", "_include"),
        ("_revinclude=Flag:patient", "_revinclude"),
        ("_elements=code", "whole"),
        ("patient=Group/1", "Patient/id"),
        ("patient:Group=1", "Patient/id"),
        ("code:Patient=1", "modifier"),
        ("date:missing=perhaps", "missing"),
    ],
)
def test_what_is_not_understood_is_refused_with_words(tx: Session, asker: Asker, query: str, said: str) -> None:
    with pytest.raises(BadSearchError, match=said.replace("?", r"\?")):
        count(tx, asker, "Observation", query)


def test_lenient_handling_leaves_unknown_parameters_out_and_says_so(tx: Session, asker: Asker) -> None:
    search = understand(tx, asker, "Observation", [("cod", "1"), ("status", "amended")], lenient=True)
    assert len(run(tx, asker, search).matches) == 1
    assert len(search.ignored) == 1


def test_a_provenance_comes_along_when_asked_for(tx: Session, asker: Asker) -> None:
    page = found(tx, asker, "Observation", status="amended", _revinclude="Provenance:target")
    assert decode(page.matches[0].certificate)["rule"] == "test-rule"


def test_each_person_touched_is_a_row_of_the_audit(tx: Session, asker: Asker) -> None:
    found(tx, asker, "Observation", code="2823-3")
    rows = tx.execute(
        "select person, rows, grant_id is not null from audit where request = 'req-1' and grantee = %s",
        (asker.principal.grantee,),  # type: ignore[union-attr] - the operator
    ).fetchall()
    assert sorted(row[1:] for row in rows) == [(2, True), (10, True)]


def test_hostile_values_find_nothing_and_break_nothing(tx: Session, asker: Asker) -> None:
    for value in ("'; drop table resource; --", "%(pk)s", "%s %%", "{n}", "\\,", "\U0001d54f" * 5000, "$where", '"'):
        assert count(tx, asker, "Patient", f"identifier={value}") == 0
    assert count(tx, asker, "Patient", "") == 2


@pytest.fixture(scope="module")
def crowded(world: Recorder, database: Database) -> Recorder:
    """A store in which one code is common and each person is few among many."""
    for person in range(40):
        own = world.id("crowd", str(person))
        world.publish(
            [
                observation(world.id("c", str(person), str(n)), own, f"code-{n % 97}", f"20{n % 20:02d}-03-04")
                for n in range(MANY)
            ],
            own,
        )
    with database.connection() as tx:
        row = tx.execute("select count(*) from resource").fetchone()
        assert row is not None
        assert row[0] > 40 * MANY
    return world


def analysed(server_url: str, database: Database) -> None:
    """Gather statistics, for which the table's owner is needed."""
    with database.connection() as tx:
        name = tx.info.dbname
    with psycopg.connect(server_url.replace("/mainstem?", f"/{name}?"), autocommit=True) as owner:
        owner.execute("analyze mainstem.resource")


def test_plans_use_the_token_index_as_the_ordinary_role(server_url: str, database: Database, crowded: Recorder) -> None:
    analysed(server_url, database)
    with database.connection() as tx:
        asker = crowded.asker(tx, crowded.operator())
        role = tx.execute("select current_user").fetchone()
        assert role == ("mainstem_app",)
        person = crowded.id("crowd", "7")
        of_person = understand(tx, asker, "Observation", [("patient", person), ("code", "code-5"), ("_count", "20")])
        assert "resource_tok" in explain(tx, asker, of_person)
        for query in ("code-5", ",".join(f"code-{n}" for n in range(12))):
            search = understand(tx, asker, "Observation", [("code", query), ("_count", "20")])
            plan = explain(tx, asker, search)
            assert "resource_tok" in plan
            assert "Seq Scan on resource" not in plan
        by_date = understand(tx, asker, "Observation", [("patient", person), ("date", "ge2015"), ("_count", "20")])
        assert "Seq Scan on resource" not in explain(tx, asker, by_date)


def test_plans_use_the_token_index_for_somebody_with_grants_of_few_people(
    server_url: str, database: Database, crowded: Recorder
) -> None:
    analysed(server_url, database)
    token = crowded.reader(person=number(crowded.id("crowd", "7")))
    with database.connection() as tx:
        asker = crowded.asker(tx, token)
        search = understand(tx, asker, "Observation", [("code", "code-5"), ("_total", "accurate"), ("_count", "20")])
        plan = explain(tx, asker, search)
        assert "resource_tok" in plan
        assert "Seq Scan on resource" not in plan
        page = run(tx, asker, search)
        assert page.total == len(page.matches) == 5
