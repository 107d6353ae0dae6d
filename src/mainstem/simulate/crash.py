"""`mainstem selftest crash`: kill an import at random points, let it finish, count what was lost or doubled (I7, I8).

The import runs as its users run it, in a process of its own on a home directory of its own; it is ended by SIGKILL
after a random number of deliveries and a random part of the next one. The same files are imported once more without any
kill into a second home; what the two ledgers and records differ in was lost or doubled.
"""

import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, LiteralString

from msgspec import Struct

from mainstem.model.json import encode
from mainstem.model.names import LOINC, UCUM
from mainstem.simulate.chance import Random
from mainstem.store import embedded
from mainstem.store.database import Database

PATIENTS = 12
FILES = 120
FACTS_A_FILE = 25
_FINISHED_SECONDS = 300
_COUNTS: dict[str, LiteralString] = {
    "facts": "select record, chash, ord from fact",
    "versions": "select pk, ver, chash from history",
    "announcements": "select pk, ver, op from outbox",
    "deliveries": "select source, chash from delivery",
    "outcomes": "select d.chash, o.stated, o.kept, o.known, o.held from outcome o join delivery d on d.id = o.delivery",
}
"""What must be there once and only once, named without arrival order; hashes are keyed, so both homes share a key."""


class Result(Struct, frozen=True, kw_only=True):
    """What a crash test found: rows missing from, and too many in, the home that was killed."""

    kills: int
    lost: int
    doubled: int


def run(kills: int, chance: Random, watch: Callable[[int], None]) -> Result:
    """Kill an import `kills` times, finish it, compare with one that was left alone; `watch` gets each count."""
    with tempfile.TemporaryDirectory(prefix="mainstem-crash-") as folder:
        root = Path(folder)
        root.chmod(0o711)
        _write_files(root / "files")
        done = _killed(root, kills, chance, watch)
        (root / "left-alone").mkdir()
        (root / "left-alone" / "key").write_bytes((root / "killed" / "key").read_bytes())
        (root / "left-alone" / "key").chmod(0o600)
        _finish(root, "killed")
        _finish(root, "left-alone")
        ours, theirs = _rows(root / "killed"), _rows(root / "left-alone")
    return Result(kills=done, lost=(theirs - ours).total(), doubled=(ours - theirs).total())


def _killed(root: Path, kills: int, chance: Random, watch: Callable[[int], None]) -> int:
    """Let each run get a little further than the one before, so that every kill meets work that is not done yet."""
    for done in range(kills):
        with subprocess.Popen(_command(root, "killed"), stdout=subprocess.PIPE) as process:
            assert process.stdout is not None
            for _ in range(FILES * done // kills + chance.randint(0, 2 * FILES // kills)):
                process.stdout.readline()
            try:
                process.wait(chance.uniform(0, 0.03))
            except subprocess.TimeoutExpired:
                process.kill()
        watch(done + 1)
    return kills


def _finish(root: Path, home: str) -> None:
    subprocess.run(_command(root, home), check=True, stdout=subprocess.DEVNULL, timeout=_FINISHED_SECONDS)


def _command(root: Path, home: str) -> Sequence[str]:
    options = ["import", "--json", "--source", "crash", "--home", str(root / home), str(root / "files")]
    return [sys.executable, "-m", "mainstem.main", *options]


def _rows(home: Path) -> Counter[tuple[Any, ...]]:
    with embedded.running(home) as url, Database(url) as database, database.connection() as connection:
        return Counter((name, *row) for name, query in _COUNTS.items() for row in connection.execute(query).fetchall())


def _write_files(folder: Path) -> None:
    """Write NDJSON files of patients and readings; some facts stand in two files, so that known ones occur too."""
    folder.mkdir()
    for number in range(FILES):
        lines = [_patient(each) for each in range(PATIENTS)] if number == 0 else []
        lines += [_reading(number * FACTS_A_FILE + each - 3) for each in range(FACTS_A_FILE)]
        (folder / f"part-{number:03}.ndjson").write_bytes(b"\n".join(lines))


def _patient(number: int) -> bytes:
    name = {"family": f"Crashtest{number}", "given": ["Ada"]}
    return encode(
        {"resourceType": "Patient", "id": f"p{number}", "name": [name], "birthDate": f"19{50 + number}-03-04"}
    )


def _reading(number: int) -> bytes:
    day, minute = divmod(max(number, 0), 1_000)
    return encode({
        "resourceType": "Observation", "id": f"o{max(number, 0)}", "status": "final",
        "code": {"coding": [{"system": LOINC, "code": "8867-4"}]},
        "subject": {"reference": f"Patient/p{number % PATIENTS}"},
        "effectiveDateTime": f"2026-01-{day + 1:02}T{minute // 60:02}:{minute % 60:02}:00Z",
        "valueQuantity": {"value": 60 + number % 40, "unit": "/min", "system": UCUM, "code": "/min"},
    })  # fmt: skip
