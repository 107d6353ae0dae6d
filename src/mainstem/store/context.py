"""What the doors are handed by `main`: the world, passed in."""

from collections.abc import Callable
from datetime import datetime

from msgspec import Struct

from mainstem.model.reference import Reference
from mainstem.store.database import Database
from mainstem.store.vault import Vault


class Context(Struct, frozen=True, kw_only=True):
    """Everything that a request may touch; made once, in `main`."""

    database: Database
    vault: Vault
    reference: Reference
    clock: Callable[[], datetime]
    """The time now, aware, in UTC."""
    random_bytes: Callable[[int], bytes]
    base_url: str
    """Under which people reach this server, without a slash at the end: `http://127.0.0.1:8080`."""
