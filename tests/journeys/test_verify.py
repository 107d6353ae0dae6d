"""What `mainstem verify` finds, and what a new reading of old bytes does to the books."""

import json
from collections.abc import Generator
from pathlib import Path
from typing import LiteralString

import psycopg
import pytest

from journeys.house import House, house
from mainstem import pipeline
from mainstem.model.fact import Delivery
from mainstem.store.database import Database

PATIENT = {"resourceType": "Patient", "id": "p", "name": [{"family": "Adair"}], "birthDate": "1961-02-03"}
NOTE = {"resourceType": "Observation", "id": "o", "status": "final", "subject": {"reference": "Patient/p"}}


@pytest.fixture(scope="module")
def home(database: Database, tmp_path_factory: pytest.TempPathFactory) -> Generator[House]:
    with house(database, tmp_path_factory.mktemp("verify")) as made:
        say(made, b"\n".join([json.dumps(PATIENT).encode(), json.dumps(NOTE).encode(), b'{"resourceType"']))
        yield made


def say(home: House, body: bytes) -> pipeline.Report:
    return home.pipeline.apply(
        Delivery(
            source="clinic", name="mona-adair.ndjson", media="application/fhir+ndjson", body=body,
            received=home.clock(),
        )
    )  # fmt: skip


def as_owner(home: House, statement: LiteralString) -> None:
    with psycopg.connect(home.context.database.admin_url) as connection:
        connection.execute("set search_path = mainstem")
        connection.execute(statement)


@pytest.mark.parametrize(
    ("alter", "law"),
    [
        ("update delivery set body = set_byte(body, 40, get_byte(body, 40) # 1)", "I8"),
        ("update fact set body = set_byte(body, 40, get_byte(body, 40) # 1)", "I8"),
        ("update held set body = set_byte(body, 20, get_byte(body, 20) # 1)", "I8"),
        ("update resource set body = set_byte(body, 40, get_byte(body, 40) # 1)", "I4"),
        ("update resource set cert = set_byte(cert, 40, get_byte(cert, 40) # 1)", "I4"),
    ],
)
def test_e_01_altered_bytes_are_told_as_a_flaw(home: House, alter: LiteralString, law: str) -> None:
    assert home.pipeline.prove() == []
    as_owner(home, alter)
    assert {flaw.law for flaw in home.pipeline.prove()} == {law}
    as_owner(home, alter)
    assert home.pipeline.prove() == []


def test_e_02_a_fact_that_was_taken_out_is_missed(home: House) -> None:
    as_owner(home, "create table aside as select * from fact; delete from fact where rt = 103 or rt <> 103")
    assert "I8" in {flaw.law for flaw in home.pipeline.prove()}
    as_owner(home, "insert into fact select * from aside; drop table aside")
    assert home.pipeline.prove() == []


def test_sync_10_a_new_mapping_reads_old_bytes_again_and_the_books_balance(
    home: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    body = b"\n".join([json.dumps({**PATIENT, "id": "q"}).encode(), b'{"resourceType": '])
    first = say(home, body)
    assert (first.kept, first.known, first.held) == (1, 0, 1)
    assert say(home, body).stated == 0
    monkeypatch.setattr(pipeline, "MAPPING", pipeline.MAPPING + 1)
    again = say(home, body)
    assert (again.kept, again.known, again.held) == (0, 1, 1)
    assert home.pipeline.prove() == []
    with home.context.database.connection() as tx:
        rows = tx.execute(
            "select count(*), count(*) filter (where released is null) from held where delivery = %s", (again.delivery,)
        ).fetchone()
    assert rows == (2, 1)


def test_e_13_no_column_in_clear_holds_the_name_of_a_file_or_of_a_patient(home: House, tmp_path: Path) -> None:
    (tmp_path / "adair.bin").write_bytes(b"\x89PNG")
    home.take(tmp_path, "clinic")
    with home.context.database.connection() as tx:
        tables = tx.execute(
            "select table_name, column_name from information_schema.columns"
            " where table_schema = 'mainstem' and data_type in ('text', 'jsonb')"
        ).fetchall()
        for table, column in tables:
            query = f"select {column}::text from {table} where {column}::text ilike '%%adair%%'"
            assert tx.execute(query.encode()).fetchall() == [], (table, column)
