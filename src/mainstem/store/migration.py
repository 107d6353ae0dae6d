"""The schema, step by step: plain SQL files in their order, each with the checksum that it had when it was run."""

from collections.abc import Mapping
from hashlib import sha256
from importlib import resources
from importlib.resources.abc import Traversable
from typing import Any

from psycopg import Connection, errors

from mainstem.model.trouble import SetupError

_LOCK = 0x6D61696E7374656D
"""Advisory lock "mainstem": two processes that start together migrate one after the other."""
_TABLE = b"""
create table migration (name text primary key, checksum text not null, at timestamptz not null default now());
grant usage on schema mainstem to mainstem_app;
grant select on migration to mainstem_app;
"""


def files() -> dict[str, bytes]:
    """Return this program's migrations in their order: name to SQL."""
    folder = resources.files("mainstem.store").joinpath("migrations")
    found = sorted((entry for entry in folder.iterdir() if entry.name.endswith(".sql")), key=_name)
    return {entry.name.removesuffix(".sql"): entry.read_bytes() for entry in found}


def migrate(connection: Connection[Any], *, login: bool, steps: Mapping[str, bytes] | None = None) -> list[str]:
    """Run what is missing in one transaction, as the owner of the tables; return the names of what was run.

    `login`: let `mainstem_app` log in by itself (the embedded server). `steps` defaults to this program's files.
    Raises `SetupError` when the schema is newer, was altered, or the user may not change it.
    """
    steps = files() if steps is None else steps
    where = f"database {connection.info.dbname}"
    try:
        with connection.transaction():
            connection.execute("select pg_advisory_xact_lock(%s)", [_LOCK])
            missing = pending(_applied(connection), steps, where=where)
            if missing:
                _bootstrap(connection, login=login)
                _run(connection, missing, steps)
            return missing
    except errors.InsufficientPrivilege as error:
        raise SetupError(
            f"The database user may not set up the schema: {error.diag.message_primary}.",
            where=where,
            remedy="Use a database_url whose user owns the database and may create roles, or is a member of "
            "mainstem_owner and mainstem_app where these roles exist already.",
        ) from error
    except errors.DiskFull as error:
        raise SetupError(
            "The disk of the database is full.", where=where, remedy="Free some space, then start again."
        ) from error


def pending(applied: Mapping[str, str], steps: Mapping[str, bytes], *, where: str) -> list[str]:
    """Return the steps not yet run; `applied` maps names to checksums; raises `SetupError` on any mismatch."""
    newer = sorted(set(applied) - set(steps))
    if newer:
        raise SetupError(
            f"The database was made by a newer mainstem (it has {newer[-1]}).",
            where=where,
            remedy="Use that version of mainstem or a later one; this one would not understand the data.",
        )
    for name, checksum in applied.items():
        if checksum != _checksum(steps[name]):
            raise SetupError(
                f"Migration {name} is not the one that this database was made with.",
                where=where,
                remedy="Use the released program; a migration that was run is never edited, a new one is added.",
            )
    return [name for name in steps if name not in applied]


def _applied(connection: Connection[Any]) -> dict[str, str]:
    row = connection.execute("select to_regclass('mainstem.migration')").fetchone()
    if row is None or row[0] is None:
        return {}
    return dict(connection.execute("select name, checksum from mainstem.migration").fetchall())


def _bootstrap(connection: Connection[Any], *, login: bool) -> None:
    connection.execute(resources.files("mainstem.store").joinpath("bootstrap.sql").read_bytes())
    if login:
        connection.execute("alter role mainstem_app login")
    connection.execute("set local role mainstem_owner")
    connection.execute("set local search_path = mainstem, pg_temp")
    row = connection.execute("select to_regclass('mainstem.migration')").fetchone()
    if row is None or row[0] is None:
        connection.execute(_TABLE)


def _run(connection: Connection[Any], names: list[str], steps: Mapping[str, bytes]) -> None:
    for name in names:
        connection.execute(steps[name])
        connection.execute("insert into migration (name, checksum) values (%s, %s)", [name, _checksum(steps[name])])


def _checksum(step: bytes) -> str:
    return sha256(step).hexdigest()


def _name(entry: Traversable) -> str:
    return entry.name
