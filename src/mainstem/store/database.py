"""The one database: connections as the ordinary role `mainstem_app`, and the schema brought up to date.

The URL's user bootstraps and migrates; requests never run as that user. On a server of the operator's own each
connection takes the role by `-c role=mainstem_app`; on the embedded server it logs in as that role.
"""

from collections.abc import Generator
from contextlib import contextmanager
from types import TracebackType
from typing import Any, Self

import psycopg
from psycopg import Connection
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg_pool import ConnectionPool

from mainstem.model.trouble import SetupError
from mainstem.store import migration
from mainstem.store.postgres import BOOTSTRAP_USER
from mainstem.store.session import Session

APP_ROLE = "mainstem_app"
_OLDEST_SERVER = 150_000
_SETTINGS = "-c search_path=mainstem,pg_temp -c timezone=UTC"


class Database:
    """A PostgreSQL database (15 or newer) by its libpq URL; opens connections at first use."""

    def __init__(self, url: str, *, connections_max: int = 8) -> None:
        self.admin_url = url
        """The URL as given: for bootstrap, migrations and rebuilding, never for requests."""
        self._pool = ConnectionPool(
            request_conninfo(url),
            connection_class=Session,
            min_size=0,
            max_size=connections_max,
            open=False,
            reset=Session.forget,
            name="mainstem",
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @contextmanager
    def connection(self) -> Generator[Session]:
        """Lend a connection for one unit of work: committed at the end of the block, rolled back on an error.

        Raises `SetupError` when the server cannot be reached or refuses the role.
        """
        if self._pool.closed:
            self._open()
        try:
            with self._pool.connection() as session:
                yield session
        except psycopg.OperationalError:
            self._pool.check()  # a server that ended one connection has often ended them all
            raise

    def migrate(self) -> list[str]:
        """Bring roles and schema up to date and return the names of the migrations that were run.

        Raises `SetupError` when the schema is newer than this program, was altered, or may not be changed.
        """
        with _connected(self.admin_url) as connection:
            return migration.migrate(connection, login=_is_embedded(self.admin_url))

    def leakproof(self) -> bool:
        """Whether array operators may use the token index under row-level security (store rule book, §5.3)."""
        query = "select bool_and(proleakproof) from pg_proc where proname = any(%s)"
        with self.connection() as session:
            row = session.execute(query, [["arraycontains", "arrayoverlap"]]).fetchone()
        return bool(row and row[0])

    def close(self) -> None:
        """Close all connections; the object cannot be used again."""
        self._pool.close()

    def _open(self) -> None:
        """Try one connection first, because a pool only says that it timed out."""
        with _connected(request_conninfo(self.admin_url)) as connection:
            _refuse_power(connection, self.admin_url)
        self._pool.open()


def request_conninfo(url: str) -> str:
    """Return the connection string with which requests run: as `mainstem_app`, in the schema `mainstem`, in UTC."""
    parts = _parts(url)
    options = f"{parts.pop('options', '')} {_SETTINGS}".strip()
    if _is_embedded(url):
        parts["user"] = APP_ROLE
    else:
        options += f" -c role={APP_ROLE}"
    return make_conninfo("", **parts, options=options)


def public_url(url: str) -> str:
    """Return the URL's parts that may be shown to people: no password."""
    parts = conninfo_to_dict(url)
    shown = {name: parts[name] for name in ("host", "port", "user", "dbname") if name in parts}
    return make_conninfo("", **shown)


def _parts(url: str) -> dict[str, Any]:
    try:
        return conninfo_to_dict(url)
    except psycopg.ProgrammingError:
        raise SetupError(
            "The database URL is not one.", where="database_url", remedy="Write postgresql://user@host:5432/database."
        ) from None


def _is_embedded(url: str) -> bool:
    return conninfo_to_dict(url).get("user") == BOOTSTRAP_USER


@contextmanager
def _connected(conninfo: str) -> Generator[Connection[Any]]:
    try:
        connection = psycopg.connect(conninfo, connect_timeout=10)
    except psycopg.OperationalError as error:
        raise _unreachable(conninfo, error) from error
    with connection:
        if connection.info.server_version < _OLDEST_SERVER:
            raise SetupError(
                f"The database server is PostgreSQL {connection.info.server_version // 10_000}.",
                where=public_url(conninfo),
                remedy="Use PostgreSQL 15 or newer, or leave database_url out to use the embedded server.",
            )
        yield connection


def _unreachable(conninfo: str, error: psycopg.OperationalError) -> SetupError:
    said = str(error).strip().rpartition("\n")[2]
    if APP_ROLE in said:
        remedy = f"Run `mainstem check` for the plan, then let the URL's user take the role: grant {APP_ROLE} to it."
    else:
        remedy = "See that the server runs, and that host, port, user and password in database_url are right."
    return SetupError(f"The database cannot be used: {said}", where=public_url(conninfo), remedy=remedy)


def _refuse_power(connection: Connection[Any], url: str) -> None:
    row = connection.execute(
        "select current_user, rolsuper or rolbypassrls from pg_roles where rolname = current_user"
    ).fetchone()
    if row is None or row[0] != APP_ROLE or row[1]:
        raise SetupError(
            "Requests would run with rights that skip row-level security.",
            where=public_url(url),
            remedy=f"Run: alter role {APP_ROLE} nosuperuser nobypassrls; and do not set another role in the URL.",
        )
