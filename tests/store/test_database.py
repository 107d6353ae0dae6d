"""Requests run as an ordinary role: append-only by privilege, in one schema, in UTC; what is wrong is said in words."""

from contextlib import suppress

import psycopg
import pytest
from psycopg import errors

from mainstem.model.trouble import SetupError
from mainstem.store.database import Database, public_url, request_conninfo

LEDGER = ["delivery", "outcome", "fact", "decision", "history", "outbox", "audit", "data_key", "source", "dictionary"]


def ask(database: Database, query: str) -> tuple[object, ...] | None:
    with database.connection() as session:
        return session.execute(query.encode()).fetchone()


def test_trust_1_2_requests_have_no_power(database: Database) -> None:
    row = ask(database, "select rolsuper, rolbypassrls, rolcreatedb, rolcreaterole from pg_roles where rolname = user")
    assert row == (False, False, False, False)
    assert ask(database, "select session_user::text, current_user::text") == ("mainstem_app", "mainstem_app")


def test_trust_1_2_requests_cannot_become_somebody_else(database: Database) -> None:
    for role in ("mainstem_bootstrap", "mainstem_owner"):
        with pytest.raises(errors.InsufficientPrivilege):
            ask(database, f"set role {role}")


def test_trust_1_2_requests_cannot_create(database: Database) -> None:
    for statement in ("create table mainstem.mine ()", "create table public.mine ()", "create schema mine"):
        with pytest.raises(errors.InsufficientPrivilege):
            ask(database, statement)


@pytest.mark.parametrize("table", LEDGER)
@pytest.mark.parametrize("statement", ["delete from {}", "truncate {}", "drop table {}"])
def test_the_ledger_is_append_only_by_privilege(database: Database, table: str, statement: str) -> None:
    with pytest.raises(errors.InsufficientPrivilege):
        ask(database, statement.format(table))


@pytest.mark.parametrize("table", LEDGER)
def test_no_ledger_row_can_be_updated(database: Database, table: str) -> None:
    with psycopg.connect(database.admin_url) as admin:
        query = "select column_name from information_schema.columns where table_schema = 'mainstem' and table_name = %s"
        columns = [name for (name,) in admin.execute(query, [table]).fetchall()]
    assert columns
    for column in columns:
        with pytest.raises(errors.InsufficientPrivilege):
            ask(database, f'update {table} set "{column}" = default')


def test_trust_a71_a_temporary_table_shadows_nothing(database: Database) -> None:
    with database.connection() as session:
        session.execute("create temporary table source (name text)")
        session.execute("insert into pg_temp.source values ('shadow')")
        assert session.execute("select name from source").fetchall() == []
        session.rollback()


def test_times_come_back_in_utc(database: Database) -> None:
    row = ask(database, "select '2026-04-05 01:00+13:45'::timestamptz")
    assert row
    assert str(row[0]) == "2026-04-04 11:15:00+00:00"


def test_a_block_is_one_transaction(database: Database) -> None:
    query = "insert into source (name, kind, created) values ('a', 'x', now())"
    with suppress(ZeroDivisionError), database.connection() as session:
        session.execute(query)
        _ = 1 / 0
    assert ask(database, "select count(*) from source") == (0,)


def test_store_5_3_array_operators_are_leakproof(database: Database) -> None:
    assert database.leakproof()


def test_a_server_that_is_not_there_is_said_in_words() -> None:
    url = "postgresql://me:hunter2@127.0.0.1:9/x"
    with Database(url) as database, pytest.raises(SetupError, match="The database cannot be used") as caught:
        ask(database, "select 1")
    assert "hunter2" not in str(caught.value)
    assert "host=127.0.0.1" in caught.value.where


def test_a_url_that_is_none_is_said_in_words() -> None:
    with pytest.raises(SetupError, match="The database URL is not one"):
        Database("postgresql//nonsense")


def test_a_database_that_was_never_migrated_says_what_to_do(server_url: str) -> None:
    url = server_url.replace("mainstem_bootstrap@", "nobody@")
    with Database(url) as database, pytest.raises(SetupError, match="role"):
        ask(database, "select 1")


def test_a_user_that_may_not_take_the_role_is_told_which(server_url: str, database: Database) -> None:
    with psycopg.connect(server_url, autocommit=True) as admin:
        admin.execute("create role visitor login")
    url = database.admin_url.replace("mainstem_bootstrap@", "visitor@")
    with Database(url) as theirs, pytest.raises(SetupError, match="grant mainstem_app to it"):
        ask(theirs, "select 1")
    with psycopg.connect(server_url, autocommit=True) as admin:
        admin.execute("drop role visitor")


def test_a_connection_that_the_server_ended_is_replaced(database: Database) -> None:
    with psycopg.connect(database.admin_url, autocommit=True) as admin:
        ended = ask(database, "select pg_backend_pid()")
        admin.execute("select pg_terminate_backend(pid) from pg_stat_activity where usename = 'mainstem_app'")
    with suppress(psycopg.OperationalError):
        ask(database, "select 1")
    assert ask(database, "select pg_backend_pid()") != ended


def test_a_role_with_power_is_refused(server_url: str, database: Database) -> None:
    with psycopg.connect(server_url, autocommit=True) as admin:
        admin.execute("alter role mainstem_app bypassrls")
        try:
            with Database(database.admin_url) as strong, pytest.raises(SetupError, match="skip row-level security"):
                ask(strong, "select 1")
        finally:
            admin.execute("alter role mainstem_app nobypassrls")


def test_an_old_server_is_refused(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mainstem.store.database._OLDEST_SERVER", 990_000)
    with Database(database.admin_url) as other, pytest.raises(SetupError, match="is PostgreSQL 18"):
        other.migrate()


def test_the_operators_own_options_stay() -> None:
    conninfo = request_conninfo("postgresql://me@db/x?options=-c%20statement_timeout%3D5s&sslmode=require")
    assert "statement_timeout=5s" in conninfo
    assert "role=mainstem_app" in conninfo
    assert "sslmode=require" in conninfo


def test_what_is_shown_of_a_url_has_no_password() -> None:
    assert public_url("postgresql://me:hunter2@db:5433/x") == "host=db port=5433 user=me dbname=x"
