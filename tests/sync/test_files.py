import gzip
import io
import json
import lzma
import os
import stat
import tracemalloc
import zipfile
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mainstem.model.fact import Delivery, Held
from mainstem.model.problem import Problem
from mainstem.sync import archive, cutting, files
from mainstem.sync.cutting import LINE_MAX, PIECE_BYTES, Oversize, Piece, cut_lines
from mainstem.sync.files import DOCUMENT_MAX, deliveries

PATIENT = b'{"resourceType":"Patient","id":"a"}'
NDJSON = "application/fhir+ndjson"
JSON = "application/fhir+json"
CDA = b'<?xml version="1.0"?><ClinicalDocument xmlns="urn:hl7-org:v3"/>'


def clock() -> datetime:
    return datetime(2026, 1, 2, tzinfo=UTC)


def taken(path: Path) -> list[tuple[str, str, int]]:
    return [(each.name, each.media, each.offset) for each in found(path)]


def found(path: Path) -> list[Delivery]:
    items = list(deliveries(path, "clinic", clock))
    assert all(isinstance(each, Delivery) for each in items), items
    return [each for each in items if isinstance(each, Delivery)]


def refused(path: Path) -> list[tuple[Problem, str]]:
    return [(each.problem, each.path) for each in deliveries(path, "clinic", clock) if isinstance(each, Held)]


def zipped(path: Path, members: Iterable[tuple[str | zipfile.ZipInfo, bytes]]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as made:
        for name, body in members:
            made.writestr(name, body)
    return path


def test_a_file_is_one_delivery_with_its_name_source_and_time(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_bytes(PATIENT)
    (one,) = found(tmp_path / "a.json")
    assert (one.source, one.name, one.media, one.body, one.received) == ("clinic", "a.json", JSON, PATIENT, clock())


def test_a_folder_is_read_whole_in_the_order_of_its_names(tmp_path: Path) -> None:
    for name, body in (("b.xml", CDA), ("a/2.ndjson", PATIENT), ("a/1.json", PATIENT)):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(body)
    assert taken(tmp_path) == [
        ("b.xml", "application/cda+xml", 0), ("a/1.json", JSON, 0), ("a/2.ndjson", NDJSON, 0),
    ]  # fmt: skip
    assert taken(tmp_path) == taken(tmp_path)


def test_a_missing_path_is_an_error_of_the_operator(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        list(deliveries(tmp_path / "none", "clinic", clock))


def test_gzip_is_read_through(tmp_path: Path) -> None:
    (tmp_path / "a.ndjson.gz").write_bytes(gzip.compress(PATIENT + b"\n"))
    (one,) = found(tmp_path / "a.ndjson.gz")
    assert (one.media, one.body) == (NDJSON, PATIENT + b"\n")


@pytest.mark.parametrize(
    ("name", "body", "problem"),
    [
        ("a.bin", b"\x00\x01\x02", Problem.UNKNOWN_FORMAT),
        ("a.json", b"", Problem.UNKNOWN_FORMAT),
        ("a.txt", b"hello", Problem.UNKNOWN_FORMAT),
        ("a.json", b'{"a":1}', Problem.UNKNOWN_FORMAT),
        ("a.xml", b"<html/>", Problem.UNKNOWN_FORMAT),
        ("a.ndjson.xz", lzma.compress(PATIENT), Problem.UNSUPPORTED),
        ("a.gz", gzip.compress(gzip.compress(PATIENT, mtime=0), mtime=0), Problem.UNSUPPORTED),
        ("a.ndjson.gz", gzip.compress(PATIENT * 1000, mtime=0)[:-20], Problem.UNREADABLE),
        ("a.zip", b"PK\x03\x04 broken", Problem.UNREADABLE),
        ("a.ndjson.gz", gzip.compress(b'{"a":"' + b"0" * 50_000_000, mtime=0), Problem.TOO_LARGE),
    ],
)
def test_what_cannot_be_taken_in_is_held_and_the_next_file_goes_on(
    tmp_path: Path, name: str, body: bytes, problem: Problem
) -> None:
    (tmp_path / name).write_bytes(body)
    (tmp_path / "z.json").write_bytes(PATIENT)
    assert refused(tmp_path) == [(problem, name)]
    assert [each.name for each in deliveries(tmp_path, "clinic", clock) if isinstance(each, Delivery)] == ["z.json"]


def test_utf_16_ndjson_goes_whole_to_the_reader_that_says_what_is_wrong(tmp_path: Path) -> None:
    (tmp_path / "a.ndjson").write_bytes(PATIENT.decode().encode("utf-16"))
    assert taken(tmp_path) == [("a.ndjson", NDJSON, 0)]


def test_a_link_out_of_the_folder_is_refused_and_a_pipe_is_not_opened(tmp_path: Path) -> None:
    outside = tmp_path / "outside.json"
    outside.write_bytes(PATIENT)
    folder = tmp_path / "in"
    folder.mkdir()
    (folder / "a.json").symlink_to(outside)
    (folder / "up").symlink_to(tmp_path, target_is_directory=True)
    os.mkfifo(folder / "pipe")
    assert sorted(refused(folder)) == [
        (Problem.UNKNOWN_FORMAT, "pipe"), (Problem.UNSAFE, "a.json"), (Problem.UNSAFE, "up"),
    ]  # fmt: skip


def test_a_file_that_may_not_be_read_is_held(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    (tmp_path / "a.json").write_bytes(PATIENT)
    monkeypatch.setattr(Path, "open", refuse)
    assert refused(tmp_path) == [(Problem.UNREADABLE, "a.json")]


# zip -----------------------------------------------------------------------------------------------------------------


def link(name: str) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name)
    info.external_attr = (stat.S_IFLNK | 0o777) << 16
    return info


@pytest.mark.parametrize(
    "name",
    ["../up.json", "a/../../up.json", "/etc/passwd.json", "C:/up.json", "..\\up.json", "\\\\host\\up.json", link("l")],
)
def test_zip_members_that_climb_out_are_refused_by_name_and_the_others_go_on(
    tmp_path: Path, name: str | zipfile.ZipInfo
) -> None:
    path = zipped(tmp_path / "a.zip", [("ok.json", PATIENT), (name, PATIENT), ("sub/two.ndjson", PATIENT)])
    stated = name if isinstance(name, str) else name.filename
    assert refused(path) == [(Problem.UNSAFE, f"a.zip!{stated}")]
    kept = [each.name for each in deliveries(path, "clinic", clock) if isinstance(each, Delivery)]
    assert kept == ["a.zip!ok.json", "a.zip!sub/two.ndjson"]
    assert sorted(each.name for each in tmp_path.iterdir()) == ["a.zip"]


def test_a_zip_bomb_is_refused_before_it_is_read(tmp_path: Path) -> None:
    path = zipped(tmp_path / "a.zip", [("zeros.ndjson", b"0" * 30_000_000), ("ok.json", PATIENT)])
    assert refused(path) == [(Problem.TOO_LARGE, "a.zip!zeros.ndjson")]


def test_an_archive_of_too_many_bytes_is_refused_as_a_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archive, "TOTAL_BYTES_MAX", 50)
    assert refused(zipped(tmp_path / "a.zip", [("1.json", PATIENT), ("2.json", PATIENT)])) == [
        (Problem.TOO_LARGE, "a.zip")
    ]


def test_a_damaged_member_is_held_and_the_others_go_on(tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w") as made:
        made.writestr("bad.json", PATIENT)
        made.writestr("ok.json", PATIENT)
    path.write_bytes(path.read_bytes().replace(PATIENT, PATIENT.replace(b'"a"', b'"b"'), 1))
    assert refused(path) == [(Problem.UNREADABLE, "a.zip!bad.json")]
    assert [each.name for each in deliveries(path, "clinic", clock) if isinstance(each, Delivery)] == ["a.zip!ok.json"]


def test_a_member_whose_own_header_is_damaged_is_held(tmp_path: Path) -> None:
    path = zipped(tmp_path / "a.zip", [("bad.json", PATIENT), ("ok.json", PATIENT)])
    path.write_bytes(path.read_bytes().replace(b"bad.json", b"xxx.json", 1))
    assert refused(path) == [(Problem.UNREADABLE, "a.zip!bad.json")]


def test_an_encrypted_member_and_an_archive_in_an_archive_are_unsupported(tmp_path: Path) -> None:
    inner = zipped(tmp_path / "inner.zip", [("a.json", PATIENT)]).read_bytes()
    path = zipped(tmp_path / "a.zip", [("inner.zip", inner), ("x.json", PATIENT)])
    body = bytearray(path.read_bytes())
    at = body.rindex(b"PK\x01\x02")
    body[at + 8] |= 1
    path.write_bytes(bytes(body))
    assert refused(path) == [(Problem.UNSUPPORTED, "a.zip!inner.zip"), (Problem.UNSUPPORTED, "a.zip!x.json")]


# cutting -------------------------------------------------------------------------------------------------------------


class Dribble(io.BytesIO):
    """Gives a few bytes at a time, as packed streams do."""

    def __init__(self, body: bytes, most: int) -> None:
        super().__init__(body)
        self.most = most

    def read(self, size: int | None = -1, /) -> bytes:
        return super().read(min(size or 0, self.most) if size and size > 0 else self.most)


_LINES = st.lists(st.integers(0, 40).map(lambda size: b"x" * size), max_size=12).map(b"\n".join)


@given(_LINES, st.integers(1, 7), st.integers(0, 20))
def test_i1_cuts_depend_on_the_bytes_alone_and_lose_none(body: bytes, most: int, head: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(cutting, "PIECE_BYTES", 16)
        patch.setattr(cutting, "LINE_MAX", 24)
        found = list(cut_lines(body[:head], Dribble(body[head:], most)))
        assert found == list(cut_lines(b"", io.BytesIO(body)))
        at = 0
        for each in found:
            assert each.offset == at
            at += len(each.body) if isinstance(each, Piece) else each.length
            if isinstance(each, Piece):
                assert body[each.offset :].startswith(each.body)
                assert len(each.body) <= (16 if each.body.rstrip(b"\n").count(b"\n") else 24)
            else:
                assert each.length > 24
        assert at == len(body)


def test_a_large_file_is_cut_at_line_ends_with_offsets(tmp_path: Path) -> None:
    line = json.dumps({"resourceType": "Basic", "id": "x", "note": "n" * 1000}).encode() + b"\n"
    (tmp_path / "big.ndjson").write_bytes(line * 9000)
    pieces = found(tmp_path / "big.ndjson")
    assert [each.offset for each in pieces] == [
        0,
        *[sum(len(p.body) for p in pieces[:n]) for n in range(1, len(pieces))],
    ]
    assert all(len(each.body) <= PIECE_BYTES and each.body.endswith(b"\n") for each in pieces)
    assert b"".join(each.body for each in pieces) == line * 9000
    assert len(pieces) == 3


class Endless(io.RawIOBase):
    """A stream of one very long line between two short ones, made as it is read."""

    def __init__(self, length: int) -> None:
        self.left = length
        self.end = b"\n" + PATIENT

    def read(self, size: int = -1, /) -> bytes:
        if self.left:
            part = min(size, self.left)
            self.left -= part
            return b"0" * part
        part, self.end = self.end[:size], self.end[size:]
        return part


def test_bulk_19_a_line_of_a_gigabyte_is_passed_over_with_bounded_memory() -> None:
    length = 1024**3
    tracemalloc.start()
    before, oversize, after = cut_lines(PATIENT + b"\n", Endless(length))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert before == Piece(0, PATIENT + b"\n")
    assert oversize == Oversize(len(PATIENT) + 1, length + 1, LINE_MAX)
    assert after == Piece(len(PATIENT) + 1 + length + 1, PATIENT)
    assert peak < 3 * LINE_MAX


def test_a_line_too_long_says_where_and_how_long(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cutting, "PIECE_BYTES", 64)
    monkeypatch.setattr(cutting, "LINE_MAX", 128)
    (tmp_path / "a.ndjson").write_bytes(PATIENT + b"\n" + b"1" * 2000 + b"\n" + PATIENT + b"\n")
    items = list(deliveries(tmp_path / "a.ndjson", "clinic", clock))
    assert [type(each) for each in items] == [Delivery, Held, Delivery]
    assert isinstance(items[1], Held)
    assert "2,001 bytes at byte 36" in items[1].words


def test_a_document_beyond_the_limit_is_held_with_words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "DOCUMENT_MAX", 100)
    (tmp_path / "a.json").write_bytes(PATIENT + b" " * 100)
    assert refused(tmp_path / "a.json") == [(Problem.TOO_LARGE, "a.json")]
    assert DOCUMENT_MAX == 64 * 1024 * 1024
