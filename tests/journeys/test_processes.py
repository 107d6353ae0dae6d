"""Several processes at one home, and processes that are killed: the record is that of one careful run."""

from pathlib import Path
from typing import LiteralString

import pytest

from journeys import command
from mainstem.store import embedded
from mainstem.store.database import Database

FILES = 12
ROWS: dict[str, LiteralString] = {
    "facts": "select record, chash, ord from fact order by 1, 2, 3",
    "record": "select id, rt, person, block, dlo, dhi, cat, labels, tok, chash from resource order by pk",
    "deliveries": "select source, chash from delivery order by 1, 2",
    "kept": "select sum(kept), count(*) from outcome",
    "held": "select count(*) from held",
}


def write_files(folder: Path) -> None:
    """Write files that overlap: each reading stands in two of them, and every third file has a broken line."""
    for number in range(FILES):
        people = [_patient(each) for each in range(4)] if number % 4 == 0 else []
        readings = [_reading(number * 10 + each) for each in range(20)]
        path = command.ndjson(folder / f"part-{number:02}.ndjson", [*people, *readings])
        if number % 3 == 0:
            path.write_bytes(path.read_bytes() + b'\n{"resourceType": "Obs')


def _patient(number: int) -> dict[str, object]:
    return {
        "resourceType": "Patient", "id": f"p{number}", "birthDate": f"19{50 + number}-03-04", "gender": "female",
        "name": [{"family": "Several", "given": [f"Ada{number}"]}],
    }  # fmt: skip


def _reading(number: int) -> dict[str, object]:
    return {
        "resourceType": "Observation", "id": f"o{number}", "status": "final",
        "subject": {"reference": f"Patient/p{number % 4}"},
        "code": {"coding": [{"system": "http://loinc.org", "code": "8867-4"}]},
        "effectiveDateTime": f"2026-01-{number % 28 + 1:02}T08:{number % 60:02}:00Z",
        "valueQuantity": {
            "value": 60 + number % 40, "unit": "/min", "system": "http://unitsofmeasure.org", "code": "/min",
        },
    }  # fmt: skip


def rows(home: Path) -> dict[str, object]:
    with embedded.running(home) as url, Database(url) as database, database.connection() as tx:
        return {name: tx.execute(query).fetchall() for name, query in ROWS.items()}


def test_idem_1_processes_at_once_make_the_record_of_one_after_the_other() -> None:
    with command.room() as root:
        write_files(root / "files")
        quiet = root / "quiet"
        assert command.run(quiet, "import", "--source", "clinic", root / "files").status == 0
        busy = root / "busy"
        busy.mkdir()
        (busy / "key").write_bytes((quiet / "key").read_bytes())
        (busy / "key").chmod(0o600)
        words = ("import", "--source", "clinic", root / "files")
        ended = [command.end(each) for each in [command.begin(busy, *words) for _ in range(3)]]
        assert [each.status for each in ended] == [0, 0, 0], [each.said for each in ended]
        assert rows(busy) == rows(quiet)
        proven = command.run(busy, "verify")
        assert proven.status == 0, proven.said


def test_processes_that_start_a_home_at_once_agree_on_its_key() -> None:
    with command.room() as root:
        write_files(root / "files")
        names = sorted((root / "files").iterdir())
        ended = [
            command.end(each)
            for each in [
                command.begin(root / "home", "import", "--source", "clinic", *part)
                for part in (names[::2], names[1::2])
            ]
        ]
        assert [each.status for each in ended] == [0, 0], [each.said for each in ended]
        proven = command.run(root / "home", "verify")
        assert proven.status == 0, proven.said


@pytest.mark.parametrize("kills", [pytest.param(4), pytest.param(30, marks=pytest.mark.deep)])
def test_i7_a_killed_import_loses_and_doubles_nothing(tmp_path: Path, kills: int) -> None:
    ended = command.run(tmp_path, "selftest", "crash", "--kills", str(kills), "--seed", "1")
    assert f"{kills} kills: 0 lost, 0 doubled." in ended.said
    assert ended.status == 0
