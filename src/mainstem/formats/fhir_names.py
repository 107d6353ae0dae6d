"""How a source's resources are named and ordered: keys, references and versions (IDEM-1, IDEM-4, REF-1)."""

import re
from hashlib import blake2b
from typing import cast

from mainstem.model.fact import Resource
from mainstem.model.json import canonical
from mainstem.model.moment import parse_moment

_ID = re.compile(r"[A-Za-z0-9.-]{1,64}", re.ASCII)
_RELATIVE = re.compile(r"([A-Z][A-Za-z]+)/([^/?#|\s]+)(?:/_history/[^/?#|\s]+)?", re.ASCII)
_INSTANT = re.compile(
    r"(\d{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\d|3[01])T(?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d)(?:\.(\d{1,9})\d*)?Z", re.ASCII
)
_ETAG = re.compile(r'(?:W/)?"?([^"]+)"?')
_VERSION_DIGITS = 20


def key_of(identifier: str) -> str:
    """Return the source's id when it is a valid FHIR id (R4 §2.24.0.1), else a valid one derived from it."""
    if _ID.fullmatch(identifier):
        return identifier
    return "x" + blake2b(identifier.encode("utf-8", "surrogatepass"), digest_size=20).hexdigest()


def content_key(resource: Resource) -> str:
    """Return the key of a resource that has no id: the same content always gets the same key (IDEM-7)."""
    return "c" + blake2b(canonical(resource), digest_size=20).hexdigest()


def target(reference: str) -> str | None:
    """Return `Type/key` of a relative literal reference, its version left away; None when it is of another form.

    The version stays readable in the delivery's bytes (REF-8).
    """
    match = _RELATIVE.fullmatch(reference)
    return f"{match[1]}/{key_of(match[2])}" if match else None


def base_of(url: str) -> str:
    """Return the part of a RESTful URL before `Type/id`, with its slash; empty when the URL is not RESTful."""
    parts = url.partition("/_history/")[0].rsplit("/", 2)
    restful = len(parts) == 3 and _RELATIVE.fullmatch(f"{parts[1]}/{parts[2]}")  # noqa: PLR2004 - base, type, id
    return f"{parts[0]}/" if restful else ""


def order(meta: object, response: Resource | None = None, otherwise: str = "") -> str:
    """Return text that sorts a record's versions by the source's own clock, then by its numeric version (IDEM-4).

    Both parts have a fixed width and the instant is in UTC, so that text order is their order. `response` is the
    entry's response in a history or a batch response, which stands in for a missing meta; `otherwise` is an instant
    that stands in for both, such as a document's own time. Empty when the source says nothing.
    """
    stated = cast("Resource", meta) if isinstance(meta, dict) else {}
    answer = response or {}
    instant = _utc(stated.get("lastUpdated")) or _utc(answer.get("lastModified")) or _utc(otherwise)
    version = _version(stated.get("versionId")) or _version(_bare(answer.get("etag")))
    return f"{instant} {version}" if instant or version else ""


def _utc(text: object) -> str:
    if not isinstance(text, str) or not text:
        return ""
    match = _INSTANT.fullmatch(text)
    if match:
        return f"{match[1]}.{(match[2] or ''):0<9}Z"
    moment = parse_moment(text)
    return f"{moment.lo:%Y-%m-%dT%H:%M:%S.%f}000Z" if moment else ""


def _version(text: object) -> str:
    return text.zfill(_VERSION_DIGITS) if isinstance(text, str) and text.isascii() and text.isdigit() else ""


def _bare(etag: object) -> object:
    match = _ETAG.fullmatch(etag) if isinstance(etag, str) else None
    return match[1] if match else None
