"""Pulls measure groups by `lastupdate`, one stream per account, and reads them as facts (WEAR-6)."""

from collections.abc import AsyncGenerator, Sequence
from functools import cache
from urllib.parse import quote

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from mainstem.model.fact import Delivery, Fact
from mainstem.model.outcome import Outcome
from mainstem.sources.home_scale.reading import read_envelope, table
from mainstem.sync.connector import Answer, Chunk, Cursor, Fetch, Reauthorise, Refused, TryLater

_MEDIA = "application/vnd.home_scale+json"
_PAGES_MAX = 10_000
_NOT_JSON = b"null"


class Options(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which accounts to read; each has its own credential under its user id."""

    accounts: tuple[str, ...]
    """User ids, as the vendor's token answer gives them."""
    profile_path: str = ""
    """Where the programme's enrolment record of an account is read, with `{userid}`; empty = no profiles."""
    lag_s: int = 60


class _Group(Struct, frozen=True):
    grpid: int
    modified: int = 0


class _Body(Struct, frozen=True):
    measuregrps: tuple[_Group, ...] = ()
    updatetime: int = 0
    more: bool | int = 0
    offset: int = 0


class _Measures(Struct, frozen=True):
    status: int
    body: _Body = _Body()


def streams(options: Options) -> Sequence[str]:
    """Return one stream per account."""
    return options.accounts


async def pull(fetch: Fetch, stream: str, cursor: Cursor, options: Options) -> AsyncGenerator[Chunk, None]:
    """Yield pages of groups created or modified since the cursor, each in an envelope that names the account."""
    committed = cursor
    profile = await _profile(fetch, stream, options)
    for _ in range(_PAGES_MAX):
        answer = await fetch.post("measure", form=_form(cursor, options), account=stream)
        measures = _checked(answer)
        after = _advance(cursor, measures.body, options)
        known = set(cursor.seen)
        fresh = any(_version(group) not in known for group in measures.body.measuregrps)
        if fresh or (not after.page and committed.page):
            body = _envelope(stream, profile, answer.body)
            yield Chunk(body=body, media=_MEDIA, name="measure", cursor=after)
            committed = after
        cursor = after
        if not cursor.page:
            return
    raise Refused("The pages of measurements do not end.")


def read(delivery: Delivery) -> Outcome[Fact]:
    """Return the Patient, Device and Observation facts of one envelope; what cannot be used is held with its reason."""
    return read_envelope(delivery)


def _form(cursor: Cursor, options: Options) -> dict[str, str]:
    since = max(0, int(cursor.value or 0) - options.lag_s)
    form = {"action": "getmeas", "meastypes": _types(), "category": "1", "lastupdate": str(since)}
    return {**form, "offset": cursor.page} if cursor.page else form


def _advance(cursor: Cursor, body: _Body, options: Options) -> Cursor:
    """Return the cursor after a page: the server's own time of the scan's first page becomes the value (SYNC-5)."""
    high = cursor.high or str(body.updatetime)
    seen = dict.fromkeys((*cursor.seen, *(_version(group) for group in body.measuregrps)))
    if body.more:
        return replace(cursor, high=high, page=str(body.offset), seen=tuple(seen))
    edge = int(high) - options.lag_s
    boundary = tuple(version for version in seen if int(version.partition("@")[2]) >= edge)
    return replace(cursor, value=high, high="", page="", seen=boundary)


def _version(group: _Group) -> str:
    return f"{group.grpid}@{group.modified}"


def _checked(answer: Answer) -> _Measures:
    """Decode an answer; the vendor tells errors by `status` in a body that came with HTTP 200."""
    try:
        measures = msgspec.json.decode(answer.body, type=_Measures)
    except msgspec.ValidationError as error:
        raise Refused("The answer is not one of Measure-Getmeas.") from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise TryLater("The answer is not complete JSON.") from error
    if measures.status == 0:
        return measures
    recovery, words = _recovery(measures.status)
    match recovery:
        case "reauthorise":
            raise Reauthorise(f"The account answers status {measures.status}: {words}.")
        case "later":
            raise TryLater(f"The account answers status {measures.status}: {words}.")
        case _:
            raise Refused(f"The account answers status {measures.status}: {words}.")


async def _profile(fetch: Fetch, userid: str, options: Options) -> bytes:
    if not options.profile_path:
        return _NOT_JSON
    answer = await fetch.get(options.profile_path.replace("{userid}", quote(userid, safe="")), account=userid)
    try:
        msgspec.json.decode(answer.body)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise TryLater("The enrolment record is not complete JSON.") from error
    return answer.body if answer.status == 200 else _NOT_JSON  # noqa: PLR2004  # 404 and 410: not enrolled


def _envelope(userid: str, profile: bytes, answer: bytes) -> bytes:
    """Join the bytes as they came; both were decoded before, so neither can reach beyond its place."""
    return b"".join((b'{"userid":', msgspec.json.encode(userid), b',"profile":', profile, b',"answer":', answer, b"}"))


@cache
def _types() -> str:
    return ",".join(field for field in table("codes.csv", "field") if field.isdigit())


def _recovery(status: int) -> tuple[str, str]:
    for row in table("statuses.csv", "low").values():
        if int(row["low"]) <= status <= int(row["high"]):
            return row["recovery"], row["words"]
    return "later", "an error that the documentation does not list"
