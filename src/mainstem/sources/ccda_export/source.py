"""C-CDA documents that an HTTP index lists, as JSON or as a plain directory page; each is fetched when it is new."""

from collections.abc import AsyncGenerator, Sequence
from hashlib import blake2b
from html.parser import HTMLParser
from typing import Any
from urllib.parse import urljoin

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from mainstem.sync.connector import Answer, Chunk, Cursor, Fetch, Refused, TryLater

_MEDIA = "application/cda+xml"
_GONE = {404, 410}
_DOCUMENTS_MAX = 20_000


class Options(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where the index stands and which of its links are documents."""

    index: str = "documents"
    """Relative to the base URL."""
    suffix: str = ".xml"
    """Of the links of an HTML index; a JSON index lists documents only."""


class Listed(Struct, frozen=True, kw_only=True):
    """One document of the index. `etag` and `modified` are opaque: a change of either means a new edition."""

    href: str
    etag: str = ""
    modified: str = ""


class _Index(Struct, frozen=True):
    documents: tuple[Listed, ...]


def streams(options: Options) -> Sequence[str]:
    """Return the one stream: the index."""
    return (options.index,)


async def pull(fetch: Fetch, stream: str, cursor: Cursor, options: Options) -> AsyncGenerator[Chunk, None]:
    """Yield each listed document that is new or changed; one that cannot be found does not stop the others (SYNC-9)."""
    answer = await fetch.get(stream)
    new = [(mark, item) for mark, item in _marked(_listed(answer, options)) if mark not in set(cursor.seen)]
    missing = 0
    for place, (mark, item) in enumerate(new):
        document = await fetch.get(urljoin(answer.url, item.href))
        if document.status in _GONE:
            missing += 1
            continue
        cursor = replace(cursor, seen=(*cursor.seen, mark))
        yield Chunk(body=document.body, media=_MEDIA, name=item.href, cursor=cursor, left=len(new) - place - 1)
    if missing:
        raise Refused(
            f"{missing} of {len(new)} documents that the index lists were not found; they are asked for again."
        )


def _listed(answer: Answer, options: Options) -> Sequence[Listed]:
    if answer.status in _GONE:
        raise Refused(f"There is no index at this address ({answer.status}).")
    documents = _from_html(answer, options) if "html" in answer.headers.get("content-type", "") else _from_json(answer)
    if len(documents) > _DOCUMENTS_MAX:
        raise Refused(f"The index lists more than {_DOCUMENTS_MAX} documents; split it.")
    return documents


def _from_json(answer: Answer) -> Sequence[Listed]:
    try:
        return msgspec.json.decode(answer.body, type=_Index).documents
    except msgspec.ValidationError as error:
        raise Refused("The index is JSON, but not {documents: [{href, etag, modified}]}.") from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise TryLater("The index is not complete JSON.") from error


def _from_html(answer: Answer, options: Options) -> Sequence[Listed]:
    page = _Links()
    page.feed(answer.body.decode("utf-8", errors="replace"))
    return [Listed(href=href) for href in dict.fromkeys(page.hrefs) if href.lower().endswith(options.suffix)]


def _marked(documents: Sequence[Listed]) -> list[tuple[str, Listed]]:
    """Return each document with a short mark of its edition; a cursor holds marks, never names of files."""
    return [(blake2b(msgspec.json.encode(item), digest_size=8).hexdigest(), item) for item in documents]


class _Links(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.hrefs: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, Any]]) -> None:
        if tag == "a":
            self.hrefs.extend(str(value) for name, value in attrs if name == "href" and value)
