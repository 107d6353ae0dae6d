"""Hostile and broken files beside good ones, through the real command: each is told, nothing stops the rest."""

import os
import zipfile
from collections.abc import Generator
from pathlib import Path

import pytest

from journeys import command
from journeys.command import Ended
from mainstem.store import embedded
from mainstem.store.database import Database

MEMORY_MAX = 600 * 1024 * 1024
PATIENT = b'{"resourceType":"Patient","id":"p1","name":[{"family":"Adair","given":["Mona"]}],"birthDate":"1961-02-03"}'
CCD = (
    b'<?xml version="1.0"?><ClinicalDocument xmlns="urn:hl7-org:v3">'
    b'<templateId root="2.16.840.1.113883.10.20.22.1.2"/><id root="1.2.3"/>'
    b'<code code="34133-9" codeSystem="2.16.840.1.113883.6.1"/></ClinicalDocument>'
)
LAUGHS = (
    b'<?xml version="1.0"?><!DOCTYPE lolz [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">'
    b'<!ENTITY c "&b;&b;&b;&b;&b;&b;&b;&b;">]><ClinicalDocument xmlns="urn:hl7-org:v3">&c;</ClinicalDocument>'
)
OUTSIDE = (
    b'<?xml version="1.0"?><!DOCTYPE d [<!ENTITY x SYSTEM "file:///etc/passwd">]>'
    b'<ClinicalDocument xmlns="urn:hl7-org:v3">&x;</ClinicalDocument>'
)


def reading(key: str, **more: object) -> dict[str, object]:
    return {
        "resourceType": "Observation", "id": key, "status": "final", "subject": {"reference": "Patient/p1"},
        "code": {"coding": [{"system": "http://loinc.org", "code": "8867-4"}]},
        "effectiveDateTime": "2026-03-28T08:00:00Z",
        "valueQuantity": {"value": 61, "unit": "/min", "system": "http://unitsofmeasure.org", "code": "/min"}, **more,
    }  # fmt: skip


def write_all(folder: Path) -> None:
    """Write the good files first and last by name, the bad ones between."""
    folder.mkdir()
    (folder / "a-good.json").write_bytes(PATIENT)
    (folder / "truncated.json").write_bytes(PATIENT[:-30])
    (folder / "wide.json").write_bytes(PATIENT.decode().encode("utf-16"))
    (folder / "latin.json").write_bytes(PATIENT.replace(b"Mona", b"Ren\xe9e"))
    (folder / "laughs.xml").write_bytes(LAUGHS)
    (folder / "laughs-wide.xml").write_bytes(LAUGHS.decode().encode("utf-16"))
    (folder / "outside.xml").write_bytes(OUTSIDE)
    (folder / "nobody.xml").write_bytes(CCD)
    (folder / "picture.bin").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(100))
    (folder / "empty.json").write_bytes(b"")
    (folder / "deep.json").write_bytes(
        b'{"resourceType":"Patient","id":"d","extension":' + b"[" * 5000 + b"]" * 5000 + b"}"
    )
    (folder / "list.json").write_bytes(b'[{"resourceType":"Patient"}]')
    (folder / "older.json").write_bytes(b'{"resourceType":"DeviceUseRequest","id":"u"}')
    os.mkfifo(folder / "pipe.json")
    (folder / "link.json").symlink_to("/etc/passwd")
    Path(os.fsdecode(bytes(folder) + b"/caf\xe9.json")).write_bytes(PATIENT[:-3])
    command.ndjson(
        folder / "mixed.ndjson",
        [reading("o1"), {"resourceType": "Nothing"}, reading("o2\x00", note=[{"text": "a\x00b"}]), reading("o3")],
    )
    with zipfile.ZipFile(folder / "climbs.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("../../../escaped.json", PATIENT)
        archive.writestr("/absolute.json", PATIENT)
        archive.writestr("honest.json", PATIENT.replace(b"p1", b"p2"))
        archive.writestr("bomb.json", bytes(64 * 1024 * 1024))
    long_line(folder / "long.ndjson", 64 * 1024 * 1024)
    command.ndjson(folder / "z-good.ndjson", [reading("o9", effectiveDateTime="2026-03-28T09:00:00Z")])


def long_line(path: Path, size: int) -> None:
    """Write a line of `size` bytes, sparse, and a good one after it."""
    with path.open("wb") as file:
        file.write(b'{"resourceType":"Patient","id":"')
        file.seek(size)
        file.write(b"\n" + PATIENT.replace(b"p1", b"p3"))


class Journey:
    """What the command said of the folder, and what it left."""

    def __init__(self, root: Path, ended: Ended) -> None:
        self.root = root
        self.home = root / "home"
        self.ended = ended

    def told(self, name: str) -> str:
        """Return what was said of a file."""
        lines = [line for line in self.ended.said.splitlines() if f"{name}" in line]
        assert lines, (name, self.ended.said)
        return "\n".join(lines)


@pytest.fixture(scope="module")
def journey() -> Generator[Journey]:
    with command.room() as root:
        write_all(root / "files")
        yield Journey(root, command.run(root / "home", "import", "--source", "clinic", root / "files"))


def test_the_rest_of_the_batch_goes_on(journey: Journey) -> None:
    assert journey.ended.status == 0, journey.ended.said
    with embedded.running(journey.home) as url, Database(url) as database, database.connection() as tx:
        assert tx.execute("select count(*) from fact").fetchone() == (7,), journey.ended.said
        assert (
            tx.execute("select count(*) from outcome").fetchone()
            == tx.execute("select count(*) from delivery").fetchone()
        )


@pytest.mark.parametrize(
    "name",
    [
        "truncated.json", "wide.json", "latin.json", "laughs.xml", "laughs-wide.xml", "outside.xml", "nobody.xml",
        "picture.bin", "empty.json", "deep.json", "list.json", "older.json", "pipe.json", "link.json", "mixed.ndjson",
        "long.ndjson",
    ],
)  # fmt: skip
def test_sync_9_each_bad_file_is_named_with_what_is_wrong(journey: Journey, name: str) -> None:
    assert "held" in journey.told(name)


@pytest.mark.parametrize("member", ["../../../escaped.json", "/absolute.json", "bomb.json"])
def test_d_10_the_refused_member_of_an_archive_is_named(journey: Journey, member: str) -> None:
    assert "held" in journey.told(f"climbs.zip!{member}")


def test_d_10_nothing_is_written_outside(journey: Journey) -> None:
    assert sorted(each.name for each in journey.root.iterdir()) == ["files", "home"]
    assert not Path("/absolute.json").exists()
    assert not list(Path("/tmp").glob("escaped.json"))  # noqa: S108 - where the archive's climb would end


def test_d_07_a_long_line_does_not_grow_the_memory(journey: Journey) -> None:
    assert journey.ended.peak < MEMORY_MAX


@pytest.mark.deep
def test_d_07_a_line_of_a_gigabyte_does_not_grow_the_memory() -> None:
    with command.room() as root:
        long_line(root / "long.ndjson", 1024**3)
        ended = command.run(root / "home", "import", "--source", "clinic", root / "long.ndjson")
        assert ended.status == 0
        assert "too long" in ended.said
        assert "1 kept" in ended.said
        assert ended.peak < MEMORY_MAX


def test_i8_the_ledger_is_whole_afterwards(journey: Journey) -> None:
    ended = command.run(journey.home, "verify")
    assert ended.status == 0, ended.said


def test_i1_importing_the_bad_files_again_changes_nothing(journey: Journey) -> None:
    ended = command.run(journey.home, "import", "--source", "clinic", journey.root / "files")
    assert ", 0 kept, 0 known before, 0 held," in ended.said


def test_what_cannot_be_imported_at_all_is_said_without_a_traceback(journey: Journey) -> None:
    nowhere = command.run(journey.home, "import", "--source", "clinic", journey.root / "not-there")
    assert nowhere.status == 2
    assert "Traceback" not in nowhere.said
    misnamed = command.run(journey.home, "import", "--source", "The Clinic", journey.root / "files")
    assert misnamed.status == 2
    assert "Traceback" not in misnamed.said
