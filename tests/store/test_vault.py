"""Data keys: made once, bound to their owner, never used after the transaction that made them was undone."""

import os
from contextlib import suppress
from datetime import datetime

import psycopg
import pytest

from mainstem.model.trouble import SetupError
from mainstem.store.database import Database
from mainstem.store.vault import Vault
from mainstem.trust.keys import derive
from mainstem.trust.sealing import UnsealError

KEYS = derive(b"k" * 32)


@pytest.fixture
def vault() -> Vault:
    return Vault(KEYS, os.urandom)


def test_what_one_process_seals_another_opens(database: Database, vault: Vault, now: datetime) -> None:
    with database.connection() as session:
        vault.ensure(session, [1, 2], now)
        sealed = vault.seal(session, 1, b"fact:a", b"body")
    with database.connection() as session:
        assert Vault(KEYS, os.urandom).unseal(session, 1, b"fact:a", sealed) == b"body"


def test_a_body_opens_for_its_owner_and_place_only(database: Database, vault: Vault, now: datetime) -> None:
    with database.connection() as session:
        vault.ensure(session, [11, 12], now)
        sealed = vault.seal(session, 11, b"fact:a", b"body")
        with pytest.raises(UnsealError):
            vault.unseal(session, 12, b"fact:a", sealed)
        with pytest.raises(UnsealError):
            vault.unseal(session, 11, b"fact:b", sealed)


def test_ensure_twice_is_once(database: Database, vault: Vault, now: datetime) -> None:
    query = "select wrapped from data_key where owner = 21"
    with database.connection() as session:
        vault.ensure(session, [21, 21], now)
        first = session.execute(query).fetchone()
    with database.connection() as session:
        vault.ensure(session, [21], now)
        assert session.execute(query).fetchone() == first


def test_an_owner_without_a_key_is_an_error_not_a_new_key(database: Database, vault: Vault) -> None:
    with database.connection() as session, pytest.raises(LookupError, match="owner 404 has no data key"):
        vault.seal(session, 404, b"", b"body")


def test_a_key_that_was_rolled_back_is_never_used_again(database: Database, vault: Vault, now: datetime) -> None:
    with suppress(ZeroDivisionError), database.connection() as session:
        vault.ensure(session, [31], now)
        vault.seal(session, 31, b"", b"lost")
        raise ZeroDivisionError
    with database.connection() as session, pytest.raises(LookupError):
        vault.seal(session, 31, b"", b"body")


def test_a_key_that_a_savepoint_undid_is_never_used_again(database: Database, vault: Vault, now: datetime) -> None:
    with database.connection() as session:
        vault.ensure(session, [40], now)
        with suppress(ZeroDivisionError), session.transaction():
            vault.ensure(session, [41], now)
            raise ZeroDivisionError
        kept = vault.seal(session, 40, b"", b"kept")
        with pytest.raises(LookupError):
            vault.seal(session, 41, b"", b"lost")
        with session.transaction(force_rollback=True):
            vault.ensure(session, [42], now)
        with pytest.raises(LookupError):
            vault.seal(session, 42, b"", b"lost")
    with database.connection() as session:
        assert vault.unseal(session, 40, b"", kept) == b"kept"


def test_a_key_stays_with_its_transaction_until_it_is_committed(
    database: Database, vault: Vault, now: datetime
) -> None:
    with database.connection() as session:
        vault.ensure(session, [51], now)
        with database.connection() as other, pytest.raises(LookupError):
            vault.seal(other, 51, b"", b"body")
        session.rollback()
        with pytest.raises(LookupError):
            vault.seal(session, 51, b"", b"body")


def test_an_erased_key_is_found_out_by_ensure(database: Database, vault: Vault, now: datetime) -> None:
    with database.connection() as session:
        vault.ensure(session, [61], now)
        sealed = vault.seal(session, 61, b"", b"body")
    with database.connection() as session:
        vault.prepare(session, [61])
        assert vault.unseal(session, 61, b"", sealed) == b"body"
    with psycopg.connect(database.admin_url) as admin:
        admin.execute("delete from mainstem.data_key where owner = 61")
    with database.connection() as session:
        vault.ensure(session, [61], now)
        with pytest.raises(UnsealError):
            vault.unseal(session, 61, b"", sealed)


def test_a_forgotten_key_is_read_again_from_the_database(database: Database, vault: Vault, now: datetime) -> None:
    with database.connection() as session:
        vault.ensure(session, [71], now)
    with database.connection() as session:
        vault.prepare(session, [71])
        vault.prepare(session, [71])
        vault.forget(71)
        sealed = vault.seal(session, 71, b"", b"body")
        assert vault.unseal(session, 71, b"", sealed) == b"body"


def test_a_plain_connection_works_too_without_any_cache(database: Database, vault: Vault, now: datetime) -> None:
    with psycopg.connect(database.admin_url, options="-c search_path=mainstem") as connection:
        vault.ensure(connection, [81], now)
        sealed = vault.seal(connection, 81, b"", b"body")
        connection.rollback()
        with pytest.raises(LookupError):
            vault.unseal(connection, 81, b"", sealed)


def test_the_wrong_key_file_is_found_out(database: Database, vault: Vault, now: datetime) -> None:
    with database.connection() as session:
        vault.ensure(session, [91], now)
        vault.prove(session)
        with pytest.raises(SetupError, match="does not belong to this database"):
            Vault(derive(b"x" * 32), os.urandom).prove(session)


def test_a_process_keeps_a_bounded_number_of_opened_keys(
    database: Database, vault: Vault, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mainstem.store.vault._CACHED_MAX", 3)
    with database.connection() as session:
        vault.ensure(session, range(100, 110), now)
    with database.connection() as session:
        vault.prepare(session, range(100, 110))
        assert len(vault._opened) == 3
        sealed = [vault.seal(session, owner, b"", b"%d" % owner) for owner in range(100, 110)]
        assert [vault.unseal(session, owner, b"", sealed[owner - 100]) for owner in (105, 100, 109)] == [
            b"105", b"100", b"109",
        ]  # fmt: skip
