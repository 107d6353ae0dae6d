"""Zip archives, read member by member as streams: nothing is extracted, nothing is trusted (trust rule book, §6)."""

import re
import stat
import zipfile
from collections.abc import Iterator
from typing import IO

from msgspec import Struct

from mainstem.model.fact import Held
from mainstem.model.problem import Problem
from mainstem.sync.cutting import Readable

MEMBERS_MAX = 100_000
MEMBER_BYTES_MAX = 8 * 1024**3
"""Unpacked size of one member; NDJSON members are cut, so memory does not depend on it."""
TOTAL_BYTES_MAX = 64 * 1024**3
RATIO_MAX = 200
"""Unpacked to packed; clinical JSON and XML reach about 40, a bomb of zeros 1,000."""
_RATIO_FREE_BYTES = 1024 * 1024

_ENCRYPTED = 0x1
_READ = frozenset({zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA})
_DRIVE = re.compile(r"[A-Za-z]:")


class BombError(Exception):
    """A packed stream grows beyond `RATIO_MAX`."""


class Bounded:
    """A gzip stream that stops when it unpacks to too much for what was read of the packed file."""

    def __init__(self, plain: Readable, packed: IO[bytes]) -> None:
        """Read `plain`, which unpacks `packed`."""
        self._plain = plain
        self._packed = packed
        self._given = 0

    def read(self, size: int, /) -> bytes:
        """Return at most `size` bytes; raises `BombError`."""
        part = self._plain.read(size)
        self._given += len(part)
        if self._given > _RATIO_FREE_BYTES + RATIO_MAX * self._packed.tell():
            raise BombError
        return part


class Member(Struct, frozen=True):
    """An open member; the name is `archive!member`."""

    name: str
    stream: Readable


def members(stream: IO[bytes], name: str) -> Iterator[Member | Held]:
    """Yield each file of a zip archive, open, in the archive's order; what must not or cannot be read is held."""
    try:
        archive = zipfile.ZipFile(stream)
    except (zipfile.BadZipFile, ValueError, NotImplementedError):
        yield held(Problem.UNREADABLE, "The zip archive is damaged or cut short.", "Send it again, whole.", name)
        return
    with archive:
        infos = [info for info in archive.infolist() if not info.is_dir() or not _safe(info)]
        total = sum(info.file_size for info in infos)
        if len(infos) > MEMBERS_MAX or total > TOTAL_BYTES_MAX:
            words = f"The archive states {len(infos):,} members and {total:,} bytes."
            yield held(Problem.TOO_LARGE, words, "Send smaller archives.", name)
            return
        for info in infos:
            yield from _member(archive, info, f"{name}!{info.filename}")


def _member(archive: zipfile.ZipFile, info: zipfile.ZipInfo, name: str) -> Iterator[Member | Held]:
    refused = _refused(info, name)
    if refused is not None:
        yield refused
        return
    try:
        opened = archive.open(info)
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, OSError):
        yield held(Problem.UNREADABLE, "This member of the archive cannot be opened.", "Send it again, whole.", name)
        return
    with opened:
        yield Member(name, opened)


def _refused(info: zipfile.ZipInfo, name: str) -> Held | None:
    if not _safe(info):
        words = "This member of the archive is a link, or its name leads out of the archive's folder."
        return held(Problem.UNSAFE, words, "Nothing: no honest archive needs this. Look at who made it.", name)
    if info.flag_bits & _ENCRYPTED or info.compress_type not in _READ:
        words = "This member of the archive is encrypted or packed in an unusual way."
        return held(Problem.UNSUPPORTED, words, "Pack it again with plain zip.", name)
    ratio = info.file_size > _RATIO_FREE_BYTES and info.file_size > info.compress_size * RATIO_MAX
    if ratio or info.file_size > MEMBER_BYTES_MAX:
        words = f"This member unpacks {info.compress_size:,} bytes to {info.file_size:,}."
        return held(Problem.TOO_LARGE, words, "Send the file by itself, or as NDJSON.", name)
    return None


def _safe(info: zipfile.ZipInfo) -> bool:
    """Tell whether a member is an ordinary file below the archive's own folder, in the spelling of any system."""
    path = info.orig_filename.replace("\\", "/")
    absolute = path.startswith("/") or _DRIVE.match(path) is not None
    link = stat.S_ISLNK(info.external_attr >> 16)
    return not (absolute or link or "\0" in path or ".." in path.split("/"))


def held(problem: Problem, words: str, release: str, name: str) -> Held:
    """Return a held item for a whole file or member; its name is the path, never part of the words."""
    return Held(problem=problem, words=words, release=release, path=name)
