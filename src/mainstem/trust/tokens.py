"""Bearer tokens: opaque 256-bit handles, of which the store keeps only a hash (trust rule book, section 2.2)."""

import re
from base64 import urlsafe_b64encode
from collections.abc import Callable
from hashlib import sha256

PREFIX = "mst_"
"""So that a person or a secret scanner sees what it is."""
_BYTES = 32
_SHAPE = re.compile(r"mst_[A-Za-z0-9_-]{43}")


def new_token(random_bytes: Callable[[int], bytes]) -> str:
    """Return a fresh token; `random_bytes` must be a cryptographic source."""
    return PREFIX + urlsafe_b64encode(random_bytes(_BYTES)).decode().rstrip("=")


def fingerprint(token: str) -> bytes | None:
    """Return the SHA-256 under which the store knows a token; None when the text cannot be a token.

    A plain hash is enough: 256 random bits cannot be guessed, so there is nothing to slow down or to salt.
    """
    return sha256(token.encode()).digest() if _SHAPE.fullmatch(token) else None
