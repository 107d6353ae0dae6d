"""The contract between the kernel and a source folder: what it says of itself, what it yields, how it fails."""

from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, Literal, Protocol

import msgspec
from msgspec import Struct

from mainstem.model.fact import Delivery
from mainstem.model.reference import Reader
from mainstem.store.ledger import CursorMove


class TryLater(Exception):  # noqa: N818  # named by what recovers it, not by what went wrong (DESIGN 8)
    """The source is busy or broken for now; asking again may help. `after` = seconds that it asked us to wait."""

    def __init__(self, words: str, after: float | None = None) -> None:
        super().__init__(words)
        self.after = after


class Reauthorise(Exception):  # noqa: N818  # named by what recovers it
    """The credentials no longer work; a person has to connect the source again."""


class Refused(Exception):  # noqa: N818  # named by what recovers it: nothing but a change of settings
    """The source, or our own safety rules, say no; asking again changes nothing."""


class Secret(Struct, frozen=True):
    """A credential: never shown by `repr`, so that no log and no traceback holds it (SYNC-13)."""

    value: str

    def __repr__(self) -> str:
        return "Secret(…)"


class Limits(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a source bears; the kernel never asks for more (SYNC-8)."""

    requests_per_minute: int
    streams_at_once: int = 1
    answer_bytes_max: int = 50_000_000


class Manifest(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`manifest.toml` of a source folder; unknown keys are errors (SYNC-6: declared, then probed)."""

    name: str
    """Name of the folder."""
    title: str
    kind: Literal["ehr", "hie", "wearable", "telehealth", "legacy"]
    speaks: str
    """Protocol at the other end, such as `fhir-r4`: what finds the right folder for a server."""
    delivers: tuple[str, ...]
    """FHIR types of the facts."""
    media: str
    """Media type of its chunks; the folder brings `read` when it is a vendor's own."""
    modes: tuple[Literal["pull", "file"], ...]
    auth: Literal["none", "bearer"]
    limits: Limits
    deletes_reported: bool
    modified_time_reliable: bool
    writes: bool = False


class SourceSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One configured connection: a patient's and a back-end connection to one EHR are two sources (REST-10)."""

    name: str
    """`[a-z0-9][a-z0-9-]{0,62}`; stands in every delivery, tag and provenance."""
    connector: str
    """Name of the source folder."""
    base_url: str
    origins: tuple[str, ...] = ()
    """Further origins that answers may lead to, such as `https://files.example.org`; no credentials are sent there."""
    credentials: Mapping[str, Secret] = {}
    """Bearer tokens by account; the account `""` is the default."""
    options: Mapping[str, Any] = {}
    """The folder's own options; unknown ones are errors."""
    requests_per_minute: int = 0
    """What the contract with this source allows, where it is not what the manifest says; 0 = as the manifest says."""


class Cursor(Struct, frozen=True, kw_only=True):
    """How far a stream has been read; not a timestamp but a state (SYNC-3). Stored as `to_builtins` gives it."""

    value: str = ""
    """The source's own clock or token up to which everything is here; empty = nothing yet."""
    seen: tuple[str, ...] = ()
    """Ids, with their versions, at the boundary that `value - lag` reads again."""
    high: str = ""
    """Highest value met by the scan under way; becomes `value` when the scan is complete."""
    page: str = ""
    """Opaque place at which the scan under way goes on (REST-1)."""
    mode: str = ""
    """How the probe found that the server can be read, such as `since` or `scan`."""
    server: str = ""
    """Fingerprint of the server's software and abilities; a change forces one complete scan (SYNC-6)."""
    whole: bool = True
    """False when a page of the scan under way was partial (REST-2): then `value` stays."""


class Chunk(Struct, frozen=True, kw_only=True):
    """Raw bytes as they came, with the cursor that is true once they are committed."""

    body: bytes
    media: str
    name: str
    """What the source calls them; never holds a person's name or number."""
    cursor: Cursor
    left: int | None = None
    """How many chunks follow in this stream, when the source can know it."""


class Answer(Struct, frozen=True, kw_only=True):
    """What came back through the outbound door: success, 304, 404 or 410; everything else was raised."""

    status: int
    url: str
    headers: Mapping[str, str]
    """Names in lower case."""
    body: bytes


class Fetch(Protocol):
    """The one outbound HTTP door. Raises `TryLater`, `Reauthorise` or `Refused`; credentials never pass a connector."""

    async def get(self, url: str, *, query: Mapping[str, str] | None = None, account: str = "") -> Answer:
        """GET `url`, which may be relative to the source's base URL."""
        ...

    async def post(self, url: str, *, form: Mapping[str, str], account: str = "") -> Answer:
        """POST a form to `url`."""
        ...


class Report(Protocol):
    """What became of one delivery: stated = kept + known + held (I8)."""

    @property
    def stated(self) -> int: ...  # noqa: D102  # said by the class
    @property
    def kept(self) -> int: ...  # noqa: D102  # said by the class
    @property
    def known(self) -> int: ...  # noqa: D102  # said by the class
    @property
    def held(self) -> int: ...  # noqa: D102  # said by the class
    @property
    def written(self) -> int: ...  # noqa: D102  # said by the class


Sink = Callable[[Delivery, CursorMove], Report]
"""Commits a delivery, all that follows from it, and the cursor, in one transaction; runs in a worker thread."""

Pull = Callable[[Fetch, str, Cursor, Any], AsyncGenerator[Chunk, None]]
"""`pull(fetch, stream, cursor, options)`: the chunks of a stream from a cursor on, in the order of their cursors."""


class Source(Struct, frozen=True, kw_only=True):
    """A source folder, loaded."""

    manifest: Manifest
    options: type[Struct]
    streams: Callable[[Any], Sequence[str]]
    """From its options: what can be read, and fail, on its own (SYNC-9)."""
    pull: Pull
    read: Reader | None
    """Reader of the manifest's media type, when it is the folder's own."""


Clock = Callable[[], datetime]


def cursor_of(value: Mapping[str, Any] | None) -> Cursor:
    """Return a stored cursor; None = the stream was never read."""
    return msgspec.convert(value or {}, Cursor)
