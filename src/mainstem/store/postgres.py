"""The embedded PostgreSQL server: make its data directory, start, find and stop it, and say what went wrong."""

import contextlib
import os
import re
import shutil
import subprocess
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

from msgspec import Struct

from mainstem.model.trouble import SetupError
from mainstem.store.place import Place, as_owner, hand_over, initial_uid
from mainstem.store.programs import MAJOR, run

BOOTSTRAP_USER = "mainstem_bootstrap"
"""Superuser of the embedded server; used to bootstrap and migrate alone."""
SETTINGS: Mapping[str, str] = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "max_connections": "100",
    "shared_buffers": "256MB",
    "max_wal_size": "2GB",
    "random_page_cost": "1.1",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "jit": "off",
    # No patient's data in the log: neither statements nor the values that an error quotes (trust rule book, E-13).
    "log_min_error_statement": "panic",
    "log_error_verbosity": "terse",
}
_START_SECONDS_MAX = 120
_STOP_SECONDS_MAX = 60
_ORPHAN_SECONDS_MAX = 15
_SOCKET_FOLDER_MAX = 85
_LOG_BYTES_MAX = 10_000_000
_FREE_BYTES_MIN = 32_000_000
_REASON = re.compile(r"(?:(?:FATAL|PANIC|error): +|LOG: +(?=invalid|unrecognized|could not))(.+)")
_NOBODYS_PID = 2_147_483_646
_PID_LINES = 8


class Postmaster(Struct, frozen=True):
    """What a running server says of itself in `postmaster.pid`."""

    pid: int
    socket: Path
    ready: bool


def running(place: Place) -> Postmaster | None:
    """Return the server that runs on this place's data, if one does."""
    lines = _pid_lines(place)
    if len(lines) < _PID_LINES or not lines[0].isdigit() or not _is_ours(int(lines[0]), place.data):
        return None
    return Postmaster(int(lines[0]), Path(lines[4]), lines[7].strip() == "ready")


def initialise(place: Place) -> None:
    """Make the data directory, whole or not at all."""
    for left in place.folder.glob("data-*"):
        shutil.rmtree(left)
    draft = Path(tempfile.mkdtemp(prefix="data-", dir=place.folder))
    maker = None if place.uid is None else initial_uid()
    if maker is not None:
        hand_over(place.folder, maker)
    arguments = ["--pgdata", str(draft), "--username", BOOTSTRAP_USER, "--auth=trust", "--data-checksums"]
    locale = ["--encoding=UTF8", "--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C"]
    done = run(place, "initdb", [*arguments, *locale], uid=maker)
    if done.returncode != 0:
        raise _trouble("The embedded database could not be made", place, done.stderr)
    if place.uid is not None:
        hand_over(place.folder, place.uid)
    with as_owner(place):
        with (draft / "postgresql.conf").open("a", encoding="utf-8") as file:
            file.write("include = 'mainstem.conf'\n")
        draft.rename(place.data)


def start(place: Place, settings: Mapping[str, str]) -> Postmaster:
    """Start the server on an existing data directory and wait until it answers; raises `SetupError`."""
    _refuse_other_version(place)
    log = place.folder / "server.log"
    with as_owner(place):
        _disown_number(place)
        _write_settings(place, {**SETTINGS, **settings, "unix_socket_directories": str(_socket_folder(place))})
        if log.exists() and log.stat().st_size > _LOG_BYTES_MAX:
            log.replace(log.with_suffix(".log.1"))
    deadline = time.monotonic() + _ORPHAN_SECONDS_MAX
    while True:
        offset = log.stat().st_size if log.exists() else 0
        arguments = ["--pgdata", str(place.data), "--log", str(log), "--wait", f"--timeout={_START_SECONDS_MAX}"]
        done = run(place, "pg_ctl", [*arguments, "start"])
        found = running(place)
        if done.returncode == 0 and found:
            return found
        said = done.stderr + _tail(log, offset)
        # A server that was killed leaves processes which take a moment to notice.
        if "pre-existing shared memory block" not in said or time.monotonic() > deadline:
            raise _trouble("The embedded database did not start", place, said)
        time.sleep(0.2)


def wait(place: Place) -> Postmaster:
    """Wait for a server that somebody else is starting (or that recovers from a crash) until it answers."""
    deadline = time.monotonic() + _START_SECONDS_MAX
    while (found := running(place)) and time.monotonic() < deadline:
        if found.ready:
            return found
        time.sleep(0.05)
    raise _trouble("The embedded database did not start", place, _tail(place.folder / "server.log", 0))


def stop(place: Place) -> None:
    """Stop the server cleanly; does nothing when none runs."""
    found = running(place)
    if found is None:
        return  # killed by somebody else
    arguments = ["--pgdata", str(place.data), "--mode=fast", "--wait", f"--timeout={_STOP_SECONDS_MAX}", "stop"]
    done = run(place, "pg_ctl", arguments)
    if done.returncode != 0 and running(place):
        raise _trouble("The embedded database did not stop", place, done.stderr)
    with as_owner(place):
        _drop_socket_folder(place)
    with contextlib.suppress(ChildProcessError):
        os.waitpid(found.pid, 0)  # when we are process 1, the orphaned server is our child


def _pid_lines(place: Place) -> list[str]:
    try:
        return (place.data / "postmaster.pid").read_text(encoding="utf-8", errors="replace").splitlines()
    except FileNotFoundError:
        return []


def _is_ours(pid: int, data: Path) -> bool:
    """Whether this process is a server on this data: after a crash the number may be another process's."""
    return str(data) in _command_line(pid)


def _command_line(pid: int) -> str:
    """Return what a process was started with; empty when there is none, or only its unreaped remains."""
    if Path("/proc/self/cmdline").exists():
        try:
            return Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace").replace("\0", " ")
        except (FileNotFoundError, ProcessLookupError):
            return ""
    listed = subprocess.run(["/bin/ps", "-o", "args=", "-p", str(pid)], check=False, capture_output=True, text=True)
    return listed.stdout


def _disown_number(place: Place) -> None:
    """Put a number that no process has into the file of a dead server, whose own may since be somebody else's.

    PostgreSQL would take that somebody for a server. The file itself stays: its shared-memory key is how PostgreSQL
    sees that processes of the dead server are still alive.
    """
    lines = _pid_lines(place)
    if lines:
        (place.data / "postmaster.pid").write_text("\n".join([str(_NOBODYS_PID), *lines[1:], ""]), encoding="utf-8")


def _refuse_other_version(place: Place) -> None:
    found = (place.data / "PG_VERSION").read_text(encoding="ascii").strip()
    if found != str(MAJOR):
        raise SetupError(
            f"The embedded database was made by PostgreSQL {found}; this mainstem brings PostgreSQL {MAJOR}.",
            where=place.data,
            remedy=f"Use the mainstem that brings PostgreSQL {found}, or move the data with pg_dump and pg_restore.",
        )


def _write_settings(place: Place, settings: Mapping[str, str]) -> None:
    lines = [f"{name} = '{value.replace(chr(39), 2 * chr(39))}'\n" for name, value in settings.items()]
    (place.data / "mainstem.conf").write_text("".join(lines), encoding="utf-8")


def _socket_folder(place: Place) -> Path:
    """Return a folder of mode 0700 for the socket, whose path may be no longer than a socket address.

    Where the place's own path is too long, `socket` is a link to a short one under the folder for temporary files.
    """
    own = place.folder / "socket"
    _drop_socket_folder(place)
    if len(os.fsencode(own)) <= _SOCKET_FOLDER_MAX:
        own.mkdir(mode=0o700)
        short = own
    else:
        short = Path(tempfile.mkdtemp(prefix="mainstem-")).resolve()
        own.symlink_to(short)
    if len(os.fsencode(short)) > _SOCKET_FOLDER_MAX:
        raise SetupError(
            "The folder for temporary files has too long a path for a socket.",
            where=short,
            remedy="Set TMPDIR to a folder with a short path.",
        )
    return short


def _drop_socket_folder(place: Place) -> None:
    own = place.folder / "socket"
    if own.is_symlink():
        shutil.rmtree(own.resolve(), ignore_errors=True)
        own.unlink()
    elif own.exists():
        shutil.rmtree(own)


def _tail(log: Path, offset: int) -> str:
    if not log.exists():
        return ""
    with log.open("rb") as file:
        file.seek(max(offset, log.stat().st_size - 20_000))
        return file.read().decode(errors="replace")


def _trouble(what: str, place: Place, said: str) -> SetupError:
    full = "No space left on device" in said and "shared memory" not in said
    if full or shutil.disk_usage(place.folder).free < _FREE_BYTES_MIN:
        return SetupError(
            f"{what}: the disk is full.",
            where=place.folder,
            remedy="Free some space (1 GB is a start), then try again.",
        )
    reasons = _REASON.findall(said) or said.strip().splitlines()[-1:] or ["no reason given"]
    return SetupError(
        f"{what}: {reasons[0]}",
        where=place.folder / "server.log",
        remedy="The log says more. Or name a PostgreSQL server of your own with --database-url.",
    )
