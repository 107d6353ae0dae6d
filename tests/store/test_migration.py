"""The schema moves forward only: in order, in one transaction, one process at a time, never past what it knows."""

from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from typing import Any

import psycopg
import pytest
from psycopg import Connection

from mainstem.model.trouble import SetupError
from mainstem.store import migration
from mainstem.store.database import Database

STEPS = {"0001_first": b"create table first (id int);", "0002_second": b"insert into first values (2);"}
NAMES = count(1)


@pytest.fixture
def url(server_url: str) -> Generator[str]:
    """Give a database that has nothing in it."""
    name = f"empty_{next(NAMES)}"
    with psycopg.connect(server_url, autocommit=True) as connection:
        connection.execute(f"create database {name}")
        yield server_url.replace("/mainstem?", f"/{name}?")
        connection.execute(f"drop database {name} with (force)")


def run(url: str, steps: dict[str, bytes]) -> list[str]:
    with psycopg.connect(url) as connection:
        return migration.migrate(connection, login=True, steps=steps)


def value(connection: Connection[Any], query: bytes) -> Any:  # noqa: ANN401 - a cell is whatever was asked for
    row = connection.execute(query).fetchone()
    return row[0] if row else None


def test_steps_are_run_once_and_in_their_order(url: str) -> None:
    assert run(url, STEPS) == ["0001_first", "0002_second"]
    assert run(url, STEPS) == []
    with psycopg.connect(url) as connection:
        assert value(connection, b"select count(*) from mainstem.first") == 1


def test_a_later_step_is_added_to_what_is_there(url: str) -> None:
    assert run(url, {"0001_first": STEPS["0001_first"]}) == ["0001_first"]
    assert run(url, STEPS) == ["0002_second"]


def test_a_step_that_fails_leaves_nothing_behind(url: str) -> None:
    with pytest.raises(psycopg.errors.UndefinedTable):
        run(url, {**STEPS, "0003_third": b"insert into absent values (1);"})
    with psycopg.connect(url) as connection:
        assert value(connection, b"select to_regnamespace('mainstem')") is None


def test_processes_that_start_together_migrate_once(url: str) -> None:
    with ThreadPoolExecutor(4) as pool:
        done = list(pool.map(lambda _: run(url, STEPS), range(4)))
    assert sorted(done) == [[], [], [], ["0001_first", "0002_second"]]


def test_a_database_of_a_newer_program_is_refused_with_words(url: str) -> None:
    run(url, {**STEPS, "0003_newer": b"select 1;"})
    with pytest.raises(SetupError, match=r"made by a newer mainstem \(it has 0003_newer\)"):
        run(url, STEPS)


def test_a_step_that_was_edited_is_refused_with_words(url: str) -> None:
    run(url, STEPS)
    with pytest.raises(SetupError, match="Migration 0002_second is not the one"):
        run(url, {**STEPS, "0002_second": b"insert into first values (3);"})


def test_this_programs_steps_are_numbered_without_gaps() -> None:
    numbers = [int(name[:4]) for name in migration.files()]
    assert numbers == list(range(1, len(numbers) + 1))


def test_the_tables_belong_to_a_role_that_nobody_logs_in_as(database: Database) -> None:
    query = b"select distinct tableowner::text from pg_tables where schemaname = 'mainstem'"
    with psycopg.connect(database.admin_url) as connection:
        assert connection.execute(query).fetchall() == [("mainstem_owner",)]
        assert value(connection, b"select rolcanlogin from pg_roles where rolname = 'mainstem_owner'") is False


def test_an_operators_user_that_may_create_roles_is_enough(server_url: str, url: str) -> None:
    """As on a managed server: no superuser, so array operators stay as they are and `leakproof` says so."""
    name = psycopg.conninfo.conninfo_to_dict(url)["dbname"]
    with psycopg.connect(server_url, autocommit=True) as admin:
        admin.execute("create role operator login createrole nosuperuser")
        admin.execute("grant mainstem_owner, mainstem_app to operator with admin true, inherit false, set false")
        admin.execute(f"alter database {name} owner to operator".encode())
    theirs = url.replace("mainstem_bootstrap@", "operator@")
    with Database(theirs) as database:
        assert database.migrate() == list(migration.files())
        assert database.migrate() == []
        assert database.leakproof() is False
        with database.connection() as session:
            row = session.execute("select session_user::text, current_user::text").fetchone()
    assert row == ("operator", "mainstem_app")
    with psycopg.connect(server_url, autocommit=True) as admin:
        admin.execute(f"drop database {name} with (force)".encode())
        admin.execute(f"create database {name}".encode())
        admin.execute("drop role operator")


def test_a_user_without_the_right_is_told_which_right(server_url: str, url: str) -> None:
    with psycopg.connect(server_url, autocommit=True) as admin:
        admin.execute("create role stranger login")
    with (
        Database(url.replace("mainstem_bootstrap@", "stranger@")) as database,
        pytest.raises(SetupError, match="may not set up the schema") as caught,
    ):
        database.migrate()
    assert "create roles" in caught.value.remedy
    with psycopg.connect(server_url, autocommit=True) as admin:
        admin.execute("drop role stranger")


def test_a_full_disk_is_said_in_words(url: str) -> None:
    with pytest.raises(SetupError, match="The disk of the database is full"):
        run(url, {"0001_full": b"do $$ begin raise exception using errcode = '53100'; end $$;"})
