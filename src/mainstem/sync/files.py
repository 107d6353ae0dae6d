"""Files and folders to deliveries: bounded memory, nothing extracted, the same cuts each time (BULK-19, I1).

A large NDJSON file is cut into deliveries of whole lines; every other document is one delivery. What cannot be taken in
is held with its place and the rest goes on. Zip members are read as streams and never written anywhere by their name.
"""

import gzip
import os
import stat
import zipfile
import zlib
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import IO

from msgspec import Struct

from mainstem.formats.detect import FHIR_NDJSON, HEAD_BYTES, detect
from mainstem.model.fact import Delivery, Held
from mainstem.model.problem import Problem
from mainstem.sync.archive import RATIO_MAX, BombError, Bounded, held, members
from mainstem.sync.cutting import Oversize, Piece, Readable, cut_lines

DOCUMENT_MAX = 64 * 1024 * 1024
"""Bytes of a document that is read as a whole."""

Clock = Callable[[], datetime]

_PACKED = {
    b"\xfd7zXZ\x00": "xz",
    b"BZh": "bzip2",
    b"\x28\xb5\x2f\xfd": "Zstandard",
    b"7z\xbc\xaf\x27\x1c": "7-Zip",
    b"Rar!": "RAR",
    b"\x04\x22\x4d\x18": "LZ4",
}
_GZIP, _ZIP = b"\x1f\x8b", b"PK\x03\x04"
_WIDE = (b"\xff\xfe", b"\xfe\xff")
_MAGIC_BYTES = 8


class _Intake(Struct, frozen=True):
    source: str
    clock: Clock

    def delivery(self, name: str, media: str, body: bytes, offset: int = 0) -> Delivery:
        return Delivery(
            source=self.source, name=name, media=media, body=body, received=self.clock(), offset=offset
        )  # fmt: skip


def deliveries(path: Path, source: str, clock: Clock) -> Iterator[Delivery | Held]:
    """Yield what a file, or all files below a folder in the order of their names, deliver.

    Raises `FileNotFoundError` when `path` itself does not exist; all else that is wrong with a file is held.
    """
    intake = _Intake(source, clock)
    if path.is_dir():
        for file, name in _walk(path):
            yield from _file(file, name, intake, path)
    else:
        path.stat()
        yield from _file(path, _readable(path.name), intake, path.parent)


def _walk(folder: Path) -> Iterator[tuple[Path, str]]:
    for root, inner, names in os.walk(folder):
        inner.sort()
        links = [name for name in inner if (Path(root) / name).is_symlink()]
        for name in sorted([*names, *links]):
            file = Path(root) / name
            yield file, _readable(file.relative_to(folder).as_posix())


def _readable(name: str) -> str:
    """Return a name that can be stored and shown: bytes of another encoding than the system's become U+FFFD."""
    return os.fsencode(name).decode("utf-8", "replace")


def _file(file: Path, name: str, intake: _Intake, folder: Path) -> Iterator[Delivery | Held]:
    if file.is_symlink() and not file.resolve().is_relative_to(folder.resolve()):
        yield held(Problem.UNSAFE, "This is a link to a place outside the folder.", "Copy the file in.", name)
        return
    try:
        if not stat.S_ISREG(file.stat().st_mode):
            yield held(Problem.UNKNOWN_FORMAT, "This is no regular file.", "Name a regular file or a folder.", name)
            return
        with file.open("rb") as stream:
            yield from _opened(stream, name, intake)
    except OSError as error:
        yield held(Problem.UNREADABLE, f"The file cannot be read: {error.strerror}.", "Make it readable.", name)


def _opened(stream: IO[bytes], name: str, intake: _Intake) -> Iterator[Delivery | Held]:
    magic = stream.read(_MAGIC_BYTES)
    stream.seek(0)
    if magic.startswith(_ZIP):
        for found in members(stream, name):
            yield from (found,) if isinstance(found, Held) else _guarded(found.stream, found.name, intake)
    elif magic.startswith(_GZIP):
        with gzip.GzipFile(fileobj=stream) as plain:
            yield from _guarded(Bounded(plain, stream), name, intake)
    else:
        yield from _content(stream, name, intake)


def _guarded(stream: Readable, name: str, intake: _Intake) -> Iterator[Delivery | Held]:
    """Read a packed stream; what was delivered before a fault in it stays."""
    try:
        yield from _content(stream, name, intake)
    except BombError:
        words = f"The packed data unpacks to more than {RATIO_MAX} times its size."
        yield held(Problem.TOO_LARGE, words, "Send the file unpacked.", name)
    except (OSError, EOFError, zlib.error, zipfile.BadZipFile):
        yield held(Problem.UNREADABLE, "The packed data is damaged or cut short.", "Send the file again, whole.", name)


def _content(stream: Readable, name: str, intake: _Intake) -> Iterator[Delivery | Held]:
    head = _read(stream, HEAD_BYTES)
    packed = next((kind for magic, kind in _PACKED.items() if head.startswith(magic)), "")
    if head.startswith((_GZIP, _ZIP)):
        packed = "an archive inside an archive"
    if packed:
        yield held(Problem.UNSUPPORTED, f"This is packed ({packed}).", "Unpack it first; gzip and zip are read.", name)
        return
    media = detect(head, name)
    if media is None:
        words = "The file is empty." if not head.strip() else "No reader knows this kind of file."
        yield held(Problem.UNKNOWN_FORMAT, words, "Send FHIR JSON, FHIR NDJSON or C-CDA.", name)
    elif media == FHIR_NDJSON and not head.startswith(_WIDE):
        for piece in cut_lines(head, stream):
            yield _piece(piece, name, intake)
    else:
        yield _document(head, stream, name, media, intake)


def _piece(piece: Piece | Oversize, name: str, intake: _Intake) -> Delivery | Held:
    if isinstance(piece, Piece):
        return intake.delivery(name, FHIR_NDJSON, piece.body, piece.offset)
    words = f"A line of {piece.length:,} bytes at byte {piece.offset:,} is too long."
    return held(Problem.TOO_LARGE, words, f"Send resources of at most {piece.limit:,} bytes.", name)


def _document(head: bytes, stream: Readable, name: str, media: str, intake: _Intake) -> Delivery | Held:
    body = head + _read(stream, DOCUMENT_MAX - len(head) + 1)
    if len(body) <= DOCUMENT_MAX:
        return intake.delivery(name, media, body)
    words = f"The document has more than {DOCUMENT_MAX:,} bytes."
    return held(Problem.TOO_LARGE, words, "Send it as NDJSON, or cut it into smaller Bundles.", name)


def _read(stream: Readable, size: int) -> bytes:
    """Read exactly `size` bytes, or all that is left: packed streams give less at a time."""
    parts: list[bytes] = []
    while size > 0 and (part := stream.read(size)):
        parts.append(part)
        size -= len(part)
    return b"".join(parts)
