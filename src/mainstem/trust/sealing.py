"""Bodies at rest: zstd, then AES-256-GCM, bound to what they are and where they stand (trust rule book, §4.2).

byte 0   format version: 1 = zstd inside, 2 = as it is (short bodies, which zstd does not make shorter)
byte 1   id of the trained zstd dictionary, 0 = none (reserved)
2 .. 13  nonce, 96 random bits; one data key must not seal more than 2^32 bodies
14 ..    ciphertext and 16-byte tag; the two header bytes are authenticated with the caller's `aad`
"""

import threading
from collections.abc import Callable
from functools import lru_cache

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from zstandard import ZstdCompressor, ZstdDecompressor

_PACKED = b"\x01\x00"
_PLAIN = b"\x02\x00"
_SHORT = 400
"""Bytes below which compressing costs more time than it saves space."""
_LEVEL = 1
_NONCE_LENGTH = 12
_HEADER_LENGTH = 2
_START = _HEADER_LENGTH + _NONCE_LENGTH


class UnsealError(Exception):
    """A sealed body does not open: another key, another place (`aad`), altered bytes, or an unknown format."""


class _Zstd(threading.local):
    """One compressor and one decompressor a thread: they may not be shared, and making them costs more than using."""

    def __init__(self) -> None:
        self.compress = ZstdCompressor(level=_LEVEL).compress
        self.decompress = ZstdDecompressor().decompress


_ZSTD = _Zstd()


@lru_cache(maxsize=4_096)
def _cipher(dek: bytes) -> AESGCM:
    """Making the cipher of a key costs as much as using it; what is kept here is kept by the vault too."""
    return AESGCM(dek)


def seal(dek: bytes, aad: bytes, body: bytes, random_bytes: Callable[[int], bytes]) -> bytes:
    """Compress and encrypt `body` under the 32-byte data key; `aad` says what it is and must be given again to open."""
    nonce = random_bytes(_NONCE_LENGTH)
    header, packed = (_PLAIN, body) if len(body) < _SHORT else (_PACKED, _ZSTD.compress(body))
    return header + nonce + _cipher(dek).encrypt(nonce, packed, header + aad)


def unseal(dek: bytes, aad: bytes, sealed: bytes) -> bytes:
    """Return the body; raises `UnsealError` when any bit of it, its key or its `aad` differs."""
    header = sealed[:_HEADER_LENGTH]
    if header not in {_PACKED, _PLAIN}:
        raise UnsealError("the sealed body has a format or dictionary that this version does not know")
    try:
        packed = _cipher(dek).decrypt(sealed[_HEADER_LENGTH:_START], sealed[_START:], header + aad)
    except (InvalidTag, ValueError) as error:
        raise UnsealError("the sealed body does not open here: altered, moved, or another key") from error
    return _ZSTD.decompress(packed) if header == _PACKED else packed
