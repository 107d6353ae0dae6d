"""The embedded PostgreSQL: started for its first user, shared by all processes of one home, stopped by the last.

Two lock files in the home directory do the counting, because the kernel releases a lock however its process ends:
`postgres.lock` is held, alone, by whoever starts or stops the server; `postgres.users` is held, together, by every
process that uses it. A process that is killed leaves the server running; the next one finds it, and stops it when it is
the last to leave. A server that was killed is started again and recovers from its own log.
"""

import atexit
import fcntl
import os
from collections.abc import Generator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from urllib.parse import quote

import psycopg

from mainstem.model.trouble import SetupError
from mainstem.store import place, postgres

DATABASE = "mainstem"
_NOTHING: Mapping[str, str] = {}


class Use:
    """One process's use of the server of a home directory, from its making until `leave`."""

    def __init__(self, home: Path, settings: Mapping[str, str] = _NOTHING) -> None:
        self._home = place.prepare_home(home)
        self._pid = os.getpid()
        with _locked(self._home), ExitStack() as on_failure:
            self._users = _opened(self._home / "postgres.users")
            on_failure.callback(os.close, self._users)
            fcntl.flock(self._users, fcntl.LOCK_SH)
            self._place = place.find(self._home)
            self.url = _url(_serving(self._place, settings), DATABASE)
            """libpq URL whose user bootstraps and migrates (see `mainstem.store.database`)."""
            on_failure.pop_all()

    def leave(self) -> None:
        """Stop using the server, and stop it when nobody else does; does nothing in a forked child, or twice."""
        if self._pid != os.getpid():
            return
        self._pid = -1
        with _locked(self._home):
            os.close(self._users)
            if _nobody_else(self._home):
                postgres.stop(self._place)


@contextmanager
def running(home: Path, settings: Mapping[str, str] = _NOTHING) -> Generator[str]:
    """Serve from this home directory for the length of the block; gives the libpq URL; raises `SetupError`.

    `settings` are PostgreSQL settings, used when this call is what starts the server.
    """
    use = Use(home, settings)
    try:
        yield use.url
    finally:
        use.leave()


def start(home: Path, settings: Mapping[str, str] = _NOTHING) -> str:
    """Serve from this home directory until this process exits; returns the libpq URL; raises `SetupError`."""
    use = Use(home, settings)
    atexit.register(use.leave)
    return use.url


def _serving(where: place.Place, settings: Mapping[str, str]) -> Path:
    """Find the server or start it, making its data first if need be; return the folder of its socket."""
    try:
        if postgres.running(where):
            socket = postgres.wait(where).socket
        else:
            if not where.data.exists():
                postgres.initialise(where)
            socket = postgres.start(where, settings).socket
    except OSError as error:
        raise SetupError(
            f"The embedded database cannot be started: {error.strerror}.",
            where=where.folder,
            remedy="See that its disk has free space and that its folder belongs to the user who runs mainstem.",
        ) from error
    _ensure_database(socket)
    return socket


def _ensure_database(socket: Path) -> None:
    with psycopg.connect(_url(socket, "postgres"), autocommit=True) as connection:
        found = connection.execute("select from pg_database where datname = %s", [DATABASE]).fetchone()
        if found is None:
            connection.execute(f"create database {DATABASE}")


def _url(socket: Path, database: str) -> str:
    return f"postgresql://{postgres.BOOTSTRAP_USER}@/{database}?host={quote(str(socket), safe='/')}"


@contextmanager
def _locked(home: Path) -> Generator[None]:
    lock = _opened(home / "postgres.lock")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
    finally:
        os.close(lock)


def _nobody_else(home: Path) -> bool:
    users = _opened(home / "postgres.users")
    try:
        fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    else:
        return True
    finally:
        os.close(users)


def _opened(path: Path) -> int:
    try:
        return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise SetupError(
            f"A lock file cannot be opened: {error.strerror}.",
            where=path,
            remedy="Run mainstem as the user who made this home directory, or choose another with --home.",
        ) from error
