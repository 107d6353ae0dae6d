"""Names for things: deterministic, keyed, the same on every machine that holds the key (IDEM-7, RID-1).

An id is a UUID-shaped string (RFC 9562 version 8) cut from a keyed BLAKE2b of what it names, so that nobody without
the key can guess a source's number from it; a number is its first 64 bits, signed, for `bigint` columns.
"""

from functools import lru_cache
from hashlib import blake2b
from uuid import UUID

from msgspec import Struct

_SEPARATOR = "\x1f"


def number(identifier: str) -> int:
    """Return the signed 64-bit surrogate of a UUID-shaped id; the same id always gives the same number."""
    return int.from_bytes(bytes.fromhex(identifier[:18].replace("-", "")), "big", signed=True)


def _uuid8(digest: bytes) -> str:
    value = int.from_bytes(digest, "big")
    value = (value & ~(0xF << 76)) | (0x8 << 76)
    value = (value & ~(0x3 << 62)) | (0x2 << 62)
    return str(UUID(int=value))


class Namer(Struct, frozen=True):
    """Names records, persons, blocks and search tokens under one installation's key (32 bytes)."""

    key: bytes

    def record(self, source: str, type_: str, key: str) -> str:
        """Return the public id of a source record; it names the record for ever."""
        return _record(self.key, source, type_, key)

    def derived(self, *parts: str) -> str:
        """Return the id of something computed (a conflict, a flag, a person) from what it is computed from."""
        return _uuid8(_digest(self.key, b"derived", parts, 16))

    def token(self, *parts: str) -> int:
        """Return the 64-bit blind token of a searchable value (trust rule book, section 4.4)."""
        return _token(self.key, parts)

    def block(self, name: str) -> int:
        """Return the number of a sameness block, such as `Observation|29463-7`."""
        return _token(self.key, ("block", name))

    def content(self, body: bytes) -> bytes:
        """Return the keyed 16-byte hash of canonical bytes (REST-8: a bare hash of a small body can be guessed)."""
        return blake2b(body, digest_size=16, key=self.key, person=b"content").digest()


def _digest(key: bytes, domain: bytes, parts: tuple[str, ...], size: int) -> bytes:
    return blake2b(_SEPARATOR.join(parts).encode(), digest_size=size, key=key, person=domain).digest()


@lru_cache(maxsize=50_000)
def _record(key: bytes, source: str, type_: str, record_key: str) -> str:
    return _uuid8(_digest(key, b"record", (source, type_, record_key), 16))


@lru_cache(maxsize=100_000)
def _token(key: bytes, parts: tuple[str, ...]) -> int:
    return int.from_bytes(_digest(key, b"token", parts, 8), "big", signed=True)
