"""Page tokens: where the next page starts, sealed for the one principal that asked.

A token holds the whole request, so that a `next` link shows nothing of what was searched. Another principal's token
does not open; a grant that was stopped since shows nothing on the next page, because each page is judged anew.
"""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error
from collections.abc import Callable
from datetime import datetime
from hashlib import blake2b

import msgspec
from msgspec import Struct

from mainstem.model.ids import Namer
from mainstem.store.access import Principal
from mainstem.trust.sealing import UnsealError, seal, unseal


class BadPageError(ValueError):
    """A page token that is not one, or not this principal's."""


class Mark(Struct, frozen=True, kw_only=True):
    """What a page token remembers."""

    route: str
    """Which listing it belongs to, such as `Observation` or `everything/<id>`."""
    pairs: tuple[tuple[str, str], ...]
    key: datetime | None = None
    pk: int


def page_token(mark: Mark, principal: Principal, namer: Namer, random_bytes: Callable[[int], bytes]) -> str:
    """Return the opaque token of a mark for this principal."""
    sealed = seal(_key(namer), _bound(principal), msgspec.json.encode(mark), random_bytes)
    return urlsafe_b64encode(sealed).decode().rstrip("=")


def read_page_token(token: str, route: str, principal: Principal, namer: Namer) -> Mark:
    """Return the mark of a token of this route; raises `BadPageError`."""
    try:
        sealed = urlsafe_b64decode(token + "=" * (-len(token) % 4))
        mark = msgspec.json.decode(unseal(_key(namer), _bound(principal), sealed), type=Mark)
    except (Error, ValueError, UnsealError) as error:
        raise BadPageError("This page link is not valid here: start the search again.") from error
    if mark.route != route:
        raise BadPageError("This page link belongs to another search: start the search again.")
    return mark


def _key(namer: Namer) -> bytes:
    return blake2b(namer.key, digest_size=32, person=b"page").digest()


def _bound(principal: Principal) -> bytes:
    return f"page:{principal.grantee}:{principal.client}".encode()
