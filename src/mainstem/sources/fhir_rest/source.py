"""A FHIR R4 server read by search: probe, `_lastUpdated` from the cursor on, next links as they come (REST-1…5)."""

from collections.abc import AsyncGenerator, Sequence
from datetime import timedelta
from hashlib import blake2b
from typing import TypeVar

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from mainstem.model.moment import Moment, parse_moment
from mainstem.sync.connector import Answer, Chunk, Cursor, Fetch, Refused, TryLater
from mainstem.sync.retry import http_date

_MEDIA = "application/fhir+json"
_FUTURE = "9999-01-01"
_GONE = {404, 410}
_SEEN_MAX = 10_000
_PAGES_MAX = 100_000


class _Meta(Struct, frozen=True):
    versionId: str = ""  # noqa: N815  # FHIR's name
    lastUpdated: str = ""  # noqa: N815  # FHIR's name


class _Found(Struct, frozen=True):
    """What a cursor needs of a resource; the rest stays in the page's bytes."""

    id: str = ""
    meta: _Meta = _Meta()

    @property
    def version(self) -> str:
        """Empty when the server gives no version: then only the content can tell what is new (SYNC-4)."""
        meta = self.meta
        return f"{self.id}|{meta.versionId}|{meta.lastUpdated}" if meta.versionId or meta.lastUpdated else ""


class _Search(Struct, frozen=True):
    mode: str = "match"


class _Entry(Struct, frozen=True):
    resource: _Found = _Found()
    search: _Search = _Search()


class _Link(Struct, frozen=True):
    relation: str = ""
    url: str = ""


class _Bundle(Struct, frozen=True, tag_field="resourceType", tag="Bundle"):
    entry: tuple[_Entry, ...] = ()
    link: tuple[_Link, ...] = ()

    @property
    def matches(self) -> list[_Found]:
        """The resources that match; includes are delivered with the page but not counted (REST-2)."""
        return [entry.resource for entry in self.entry if entry.search.mode == "match"]

    @property
    def partial(self) -> bool:
        return any(entry.search.mode == "outcome" for entry in self.entry)

    @property
    def next(self) -> str:
        return next((link.url for link in self.link if link.relation == "next"), "")


class _Parameter(Struct, frozen=True):
    name: str = ""


class _Offer(Struct, frozen=True):
    type: str = ""
    searchParam: tuple[_Parameter, ...] = ()  # noqa: N815  # FHIR's name


class _Rest(Struct, frozen=True):
    resource: tuple[_Offer, ...] = ()


class _Software(Struct, frozen=True):
    name: str = ""
    version: str = ""


class _Statement(Struct, frozen=True, tag_field="resourceType", tag="CapabilityStatement"):
    fhirVersion: str = ""  # noqa: N815  # FHIR's name
    software: _Software = _Software()
    rest: tuple[_Rest, ...] = ()

    def offer(self, type_: str) -> _Offer | None:
        return next((offer for rest in self.rest for offer in rest.resource if offer.type == type_), None)


_Body = TypeVar("_Body", _Bundle, _Statement)


class Options(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What to read and how."""

    types: tuple[str, ...] = (
        "Patient",
        "Encounter",
        "Condition",
        "AllergyIntolerance",
        "MedicationRequest",
        "MedicationStatement",
        "Immunization",
        "Procedure",
        "DiagnosticReport",
        "Observation",
        "Device",
    )
    """Types to read; one that the server does not offer is passed over."""
    page_size: int = 200
    lag_s: int = 300
    """How far before the cursor is read again, for rows that a server files late or skips while paging (REST-3)."""


def streams(options: Options) -> Sequence[str]:
    """Return one stream per type."""
    return options.types


async def pull(fetch: Fetch, stream: str, cursor: Cursor, options: Options) -> AsyncGenerator[Chunk, None]:
    """Yield the server's pages of one type, as they came, that hold anything not seen before."""
    committed = cursor
    cursor, offered = await _probe(fetch, stream, cursor)
    if not offered:
        return
    bundle, answer = await _first(fetch, stream, cursor, options)
    for _ in range(_PAGES_MAX):
        after = _advance(cursor, bundle, answer, options)
        if _fresh(cursor, bundle) or (not after.page and after != committed):
            yield Chunk(body=answer.body, media=_MEDIA, name=stream, cursor=after)
            committed = after
        cursor = after
        if not cursor.page:
            return
        answer = await fetch.get(cursor.page)
        if answer.status in _GONE:
            raise TryLater("A page of the server expired; the search starts again.")
        bundle = _decoded(answer, _Bundle)
    raise Refused("The server's pages do not end.")


async def _probe(fetch: Fetch, stream: str, cursor: Cursor) -> tuple[Cursor, bool]:
    """Ask the server what it is and whether it obeys `_lastUpdated` for this type (REST-5, SYNC-6)."""
    statement = _decoded(await fetch.get("metadata"), _Statement)
    offer = statement.offer(stream)
    server = _fingerprint(statement, offer)
    if offer is None or server == cursor.server:
        return cursor, offer is not None
    declared = any(parameter.name == "_lastUpdated" for parameter in offer.searchParam)
    since = declared and await _obeys(fetch, stream)
    return Cursor(mode="since" if since else "scan", server=server), True


async def _obeys(fetch: Fetch, stream: str) -> bool:
    """Return whether the server finds nothing in the far future; one that ignores the parameter returns everything."""
    answer = await fetch.get(stream, query={"_lastUpdated": f"ge{_FUTURE}", "_count": "1"})
    return not _decoded(answer, _Bundle).matches


async def _first(fetch: Fetch, stream: str, cursor: Cursor, options: Options) -> tuple[_Bundle, Answer]:
    """Go on with the scan under way, or start one; an expired page starts the scan again (REST-1)."""
    if cursor.page:
        answer = await fetch.get(cursor.page)
        if answer.status not in _GONE:
            return _decoded(answer, _Bundle), answer
    query = {"_count": str(options.page_size)}
    moment = parse_moment(cursor.value) if cursor.mode == "since" else None
    if moment is not None:
        query["_lastUpdated"] = "ge" + _stamp(moment, options.lag_s)
    answer = await fetch.get(stream, query=query)
    if answer.status in _GONE:
        raise Refused(f"The server offers {stream} but does not find it ({answer.status}).")
    return _decoded(answer, _Bundle), answer


def _advance(cursor: Cursor, bundle: _Bundle, answer: Answer, options: Options) -> Cursor:
    """Return the cursor after a page: `value` moves when the scan is complete and whole, never before (SYNC-3)."""
    matches = bundle.matches
    high = max([cursor.high or cursor.value, *(found.meta.lastUpdated for found in matches)], key=_sortable)
    seen = dict.fromkeys((*cursor.seen, *(found.version for found in matches if found.version)))
    whole = cursor.whole and not bundle.partial
    if bundle.next:
        return replace(cursor, high=high, seen=_bounded(seen), page=bundle.next, whole=whole)
    value = _not_future(high, cursor.value, answer) if whole else cursor.value
    boundary = _boundary(seen, value, options)
    return replace(cursor, value=value, high="", seen=boundary, page="", whole=True)


def _fresh(cursor: Cursor, bundle: _Bundle) -> bool:
    known = set(cursor.seen)
    return any(not found.version or found.version not in known for found in bundle.matches)


def _bounded(seen: dict[str, None]) -> tuple[str, ...]:
    """Keep no more than a bounded set: what is forgotten is only read again, and the ledger knows it (I1)."""
    return tuple(seen)[-_SEEN_MAX:]


def _boundary(seen: dict[str, None], value: str, options: Options) -> tuple[str, ...]:
    """Keep the versions that the next run will read again (REST-4)."""
    edge = parse_moment(value)
    if edge is None:
        return _bounded(seen)
    start = edge.lo - timedelta(seconds=options.lag_s)
    return _bounded({version: None for version in seen if _moment_of(version) >= start.timestamp()})


def _not_future(high: str, value: str, answer: Answer) -> str:
    """Clamp to the server's own clock: a row from the future must not make later rows invisible (SYNC-4, SYNC-5)."""
    now, moment = http_date(answer.headers.get("date")), parse_moment(high)
    if now is None or moment is None or moment.lo <= now:
        return high
    return max(value, now.isoformat().replace("+00:00", "Z"), key=_sortable)


def _moment_of(version: str) -> float:
    moment = parse_moment(version.rpartition("|")[2])
    return moment.lo.timestamp() if moment else float("inf")


def _sortable(stamp: str) -> float:
    moment = parse_moment(stamp) if stamp else None
    return moment.lo.timestamp() if moment else float("-inf")


def _stamp(moment: Moment, lag_s: int) -> str:
    return (moment.lo - timedelta(seconds=lag_s)).isoformat().replace("+00:00", "Z")


def _decoded(answer: Answer, shape: type[_Body]) -> _Body:
    try:
        return msgspec.json.decode(answer.body, type=shape)
    except msgspec.ValidationError as error:
        raise Refused(f"The server's answer is not a FHIR R4 {shape.__name__.strip('_')}.") from error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise TryLater("The server's answer is not complete JSON.") from error


def _fingerprint(statement: _Statement, offer: _Offer | None) -> str:
    facts = (statement.software, statement.fhirVersion, offer)
    return blake2b(msgspec.json.encode(facts), digest_size=8).hexdigest()
