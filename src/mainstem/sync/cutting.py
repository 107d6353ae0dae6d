"""Cut a stream of lines into pieces of whole lines; where the cuts fall depends on the bytes alone (I1)."""

from collections.abc import Iterator
from typing import Protocol

from msgspec import Struct

PIECE_BYTES = 4 * 1024 * 1024
"""A piece holds as many whole lines as fit; a longer line is a piece of its own."""
LINE_MAX = 16 * 1024 * 1024
"""Bytes of the longest line that is taken."""
_BLOCK = 1024 * 1024


class Readable(Protocol):
    """A stream of bytes: a file, or what a packed file unpacks to."""

    def read(self, size: int, /) -> bytes:
        """Return at most `size` bytes; none at the end."""
        ...


class Piece(Struct, frozen=True):
    """Whole lines, and where they begin in the stream."""

    offset: int
    body: bytes


class Oversize(Struct, frozen=True):
    """A line that was passed over because it is too long."""

    offset: int
    length: int
    limit: int


def cut_lines(head: bytes, stream: Readable) -> Iterator[Piece | Oversize]:
    """Yield the pieces of `head` followed by `stream`; memory stays within `LINE_MAX` and two blocks."""
    return _Cutter(head, stream).pieces()


class _Cutter:
    def __init__(self, head: bytes, stream: Readable) -> None:
        self._buffer = bytearray(head)
        self._stream = stream
        self._offset = 0
        self._ended = False

    def pieces(self) -> Iterator[Piece | Oversize]:
        while self._fill(PIECE_BYTES) or self._buffer:
            end = self._buffer.rfind(b"\n", 0, PIECE_BYTES) + 1
            if not end and self._ended and len(self._buffer) <= PIECE_BYTES:
                end = len(self._buffer)
            yield self._take(end) if end else self._long_line()

    def _fill(self, size: int) -> bool:
        """Read until the buffer holds `size` bytes or the stream ends; tell whether it is not empty."""
        while len(self._buffer) < size and not self._ended:
            block = self._stream.read(_BLOCK)
            self._buffer += block
            self._ended = not block
        return bool(self._buffer)

    def _take(self, size: int) -> Piece:
        piece = Piece(self._offset, bytes(self._buffer[:size]))
        del self._buffer[:size]
        self._offset += size
        return piece

    def _long_line(self) -> Piece | Oversize:
        self._fill(LINE_MAX + 1)
        end = self._buffer.find(b"\n", 0, LINE_MAX) + 1
        if not end and self._ended and len(self._buffer) <= LINE_MAX:
            end = len(self._buffer)
        return self._take(end) if end else self._pass_over()

    def _pass_over(self) -> Oversize:
        """Drop bytes up to the end of the line, without keeping them."""
        start = self._offset
        while (end := self._buffer.find(b"\n")) < 0 and not self._ended:
            self._offset += len(self._buffer)
            self._buffer.clear()
            self._fill(1)
        drop = end + 1 if end >= 0 else len(self._buffer)
        del self._buffer[:drop]
        self._offset += drop
        return Oversize(start, self._offset - start, LINE_MAX)
