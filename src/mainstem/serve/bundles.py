"""Bundles put together from final bytes: no stored resource is parsed to be served (store rule book, section 5.2)."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Literal

from mainstem.model.json import encode
from mainstem.store.provenance import instant, provenance
from mainstem.store.reading import Served

Mode = Literal["match", "include", "outcome"]
_OPS = {"c": ("POST", "201"), "u": ("PUT", "200"), "d": ("DELETE", "204")}


def search_entry(url: str, body: bytes, mode: Mode) -> bytes:
    """Return one entry of a searchset."""
    return b'{"fullUrl":%b,"resource":%b,"search":{"mode":"%b"}}' % (encode(url), body, mode.encode())


def match(base: str, served: Served) -> bytes:
    """Return a matched resource as an entry."""
    return search_entry(f"{base}/{served.type}/{served.id}", served.body, "match")


def proof(base: str, served: Served) -> bytes:
    """Return the Provenance of a matched resource as an included entry."""
    return search_entry(f"{base}/Provenance/{served.id}", provenance(served), "include")


def version_entry(base: str, served: Served) -> bytes:
    """Return one version as an entry of a history Bundle."""
    method, status = _OPS[served.op]
    url = served.type if served.op == "c" else f"{served.type}/{served.id}"
    told = {
        "request": {"method": method, "url": url},
        "response": {
            "status": status, "etag": f'W/"{served.version}"', "lastModified": instant(served.updated),
        },
    }  # fmt: skip
    head = b'{"fullUrl":%b,' % encode(f"{base}/{served.type}/{served.id}")
    body = b'"resource":%b,' % served.body if served.body else b""
    return head + body + encode(told)[1:]


def bundle(
    kind: Literal["searchset", "history"], entries: Iterable[bytes], links: Sequence[tuple[str, str]], now: datetime,
    total: int | None = None,
) -> bytes:  # fmt: skip
    """Return a Bundle of finished entries; `links` are (relation, URL) pairs."""
    head = {"resourceType": "Bundle", "type": kind, "timestamp": instant(now)}
    told = encode({**head, "total": total} if total is not None else head)[:-1]
    linked = encode([{"relation": relation, "url": url} for relation, url in links])
    listed = b",".join(entries)
    return b'%b,"link":%b%b}' % (told, linked, b',"entry":[%b]' % listed if listed else b"")
