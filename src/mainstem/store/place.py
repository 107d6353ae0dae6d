"""Where the embedded server keeps its data, and as which user it runs.

PostgreSQL refuses to run as root. So root gives it a user number of its own, and a data folder that this user can
reach: inside the home directory when each folder above lets strangers pass, else a fresh folder under the system's
state directory, with its path in the file `postgres.where` of the home directory. No folder that was there before
is given another mode or owner. Everybody else runs the server as themselves, inside the home directory.
"""

import os
import pwd
import stat
import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import platformdirs
from msgspec import Struct

from mainstem.model.trouble import SetupError

POINTER = "postgres.where"
_FOLDER = "postgres"
_FREE_UIDS = range(60_700, 60_800)
"""From the range that Linux distributions leave unused (systemd's UIDS-GIDS document)."""


class Place(Struct, frozen=True, kw_only=True):
    """The server's own folder (mode 0700), which holds `data`, `socket` and `server.log`, and the user that owns it."""

    folder: Path
    uid: int | None
    """The user to become, when we are root; None = run as ourselves."""

    @property
    def data(self) -> Path:
        """PostgreSQL's data directory."""
        return self.folder / "data"


def prepare_home(home: Path) -> Path:
    """Make the home directory if need be and return it without symbolic links; raises `SetupError` when it cannot."""
    try:
        home.mkdir(mode=0o711 if os.geteuid() == 0 else 0o700, parents=True, exist_ok=True)
        home = home.resolve(strict=True)
        with tempfile.TemporaryFile(dir=home):
            return home
    except OSError as error:
        raise SetupError(
            f"The home directory cannot be written: {error.strerror}.",
            where=home,
            remedy="Choose another with --home, or give the user who runs mainstem the right to write there.",
        ) from error


def find(home: Path) -> Place:
    """Return the place that belongs to a home directory, making its folder at the first start."""
    if os.geteuid() != 0:
        return _own(home)
    folder = _pointed(home) or home / _FOLDER
    if not folder.exists():
        folder = _new_as_root(home)
    uid = (folder / "data").stat().st_uid if (folder / "data").exists() else _free_uid()
    _refuse_unreachable(folder, uid)
    return Place(folder=folder, uid=uid)


def may_pass(path: Path, uid: int) -> bool:
    """Whether a user of no group of ours can reach `path`, by the modes of the folders above it."""
    return all(_passable(folder.stat(), uid) for folder in path.parents)


def initial_uid() -> int:
    """Return the existing unprivileged user that makes the data directory: `initdb` wants one that has a name."""
    try:
        return pwd.getpwnam("nobody").pw_uid
    except KeyError:
        others = [entry.pw_uid for entry in pwd.getpwall() if entry.pw_uid != 0]
    if others:
        return others[0]
    raise SetupError(
        "PostgreSQL does not run as root, and this machine has no other user.",
        where="the user database",
        remedy="Run mainstem as another user, or give it a server with --database-url.",
    )


@contextmanager
def as_owner(place: Place) -> Generator[None]:
    """Touch files of the server's folder as its owner, so that a link laid there leads root nowhere else."""
    if place.uid is None:
        yield
        return
    os.setegid(place.uid)
    os.seteuid(place.uid)
    try:
        yield
    finally:
        os.seteuid(0)
        os.setegid(0)


def hand_over(folder: Path, uid: int) -> None:
    """Give a folder of our own making, and all in it, to the server's user."""
    for path in (folder, *folder.rglob("*")):
        os.chown(path, uid, uid, follow_symlinks=False)


def _own(home: Path) -> Place:
    pointer = home / POINTER
    folder = home / _FOLDER
    strange = next((path for path in (pointer, folder) if path.exists() and _owner(path) != os.geteuid()), None)
    if strange:
        raise SetupError(
            f"The embedded database was set up by another user (number {_owner(strange)}).",
            where=strange,
            remedy="Run mainstem as that user (or as root), or choose another directory with --home.",
        )
    folder.mkdir(mode=0o700, exist_ok=True)
    return Place(folder=folder, uid=None)


def _pointed(home: Path) -> Path | None:
    pointer = home / POINTER
    if not pointer.exists():
        return None
    folder = Path(pointer.read_text(encoding="utf-8").strip())
    if folder.is_dir():
        return folder
    raise SetupError(
        "The folder of the embedded database is gone.",
        where=folder,
        remedy=f"Restore it from a backup; or, to start with an empty database, delete {pointer}.",
    )


def _new_as_root(home: Path) -> Path:
    folder = home / _FOLDER
    if may_pass(folder, _free_uid()):
        folder.mkdir(mode=0o700)
        return folder
    state = platformdirs.site_state_path("mainstem")
    state.mkdir(mode=0o711, parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix=f"{_FOLDER}-", dir=state)).resolve()
    (home / POINTER).write_text(f"{folder}\n", encoding="utf-8")
    return folder


def _refuse_unreachable(folder: Path, uid: int) -> None:
    if not may_pass(folder, uid):
        raise SetupError(
            f"PostgreSQL does not run as root, and user number {uid}, as which it would run, cannot reach its folder.",
            where=folder,
            remedy="Choose a --home below folders with mode 711 or wider, or run mainstem as another user.",
        )


def _passable(status: os.stat_result, uid: int) -> bool:
    return bool(status.st_mode & (stat.S_IXUSR if status.st_uid == uid else stat.S_IXOTH))


def _owner(path: Path) -> int:
    return path.stat().st_uid


def _nameless(uid: int) -> bool:
    try:
        pwd.getpwuid(uid)
    except KeyError:
        return True
    return False


def _free_uid() -> int:
    return next(filter(_nameless, _FREE_UIDS))
