"""The raw words themselves: the piece of a delivery's bytes that a fact's path points at; never anything beside it.

A delivery may hold other people's data, so only the piece is shown; where a path leads nowhere, the fact as it was
read stands in for it.
"""

import re
from typing import Any, cast

import msgspec
from lxml import etree as _lxml  # pyright: ignore  # noqa: PGH003 - lxml ships no types; only `tostring` is used

from mainstem.formats.xml import RefusedError, parse
from mainstem.model import json
from mainstem.model.fact import Delivery, Fact

SHOWN_MAX = 6_000
"""Characters of an excerpt; the rest can be read through the FHIR door."""
_LINE = "line "
_STEPS = re.compile(r"(/\*(\[\d{1,9}\])?)+", re.ASCII)
_DECLARED = re.compile(r' xmlns(:\w+)?="[^"]*"')
"""Namespace declarations stand at the document's head, not at the piece."""


def excerpt(delivery: Delivery | None, fact: Fact) -> str:
    """Return the raw words of a fact, at most `SHOWN_MAX` characters."""
    found = _found(delivery, fact.path) if delivery is not None else None
    text = _pretty(fact.resource) if found is None else found
    return text if len(text) <= SHOWN_MAX else text[:SHOWN_MAX] + "\n…"


def _found(delivery: Delivery, path: str) -> str | None:
    if "xml" in delivery.media:
        return _element(delivery.body, path)
    if path.startswith(_LINE):
        return _line(delivery.body, path)
    return _pointed(delivery.body, path)


def _element(body: bytes, path: str) -> str | None:
    """Return the XML element at a path that `formats.xml.path_of` made."""
    if not _STEPS.fullmatch(path):
        return None
    try:
        found: Any = parse(body).xpath(path)
    except RefusedError:
        return None
    if not found:
        return None
    text: str = cast("Any", _lxml).tostring(found[0], encoding="unicode", with_tail=False)
    return _DECLARED.sub("", text)


def _line(body: bytes, path: str) -> str | None:
    wanted = path.removeprefix(_LINE).split()[0]
    if not wanted.isdecimal():
        return None
    lines = body.splitlines()
    place = int(wanted) - 1
    return _read(lines[place]) if 0 <= place < len(lines) else None


def _read(raw: bytes) -> str:
    try:
        return _pretty(json.decode(raw))
    except msgspec.DecodeError:
        return raw.decode("utf-8", "replace")


def _pointed(body: bytes, path: str) -> str | None:
    """Return what a JSON Pointer (RFC 6901) points at."""
    try:
        node: Any = json.decode(body)
    except (msgspec.DecodeError, RecursionError):
        return None
    for part in path.split("/")[1:]:
        node = _inner(node, part.replace("~1", "/").replace("~0", "~"))
    return None if node is None else _pretty(node)


def _inner(node: object, name: str) -> Any:  # noqa: ANN401 - decoded JSON
    if isinstance(node, dict):
        return cast("dict[str, Any]", node).get(name)
    if isinstance(node, list) and name.isdecimal():
        items = cast("list[Any]", node)
        return items[int(name)] if int(name) < len(items) else None
    return None


def _pretty(value: object) -> str:
    return msgspec.json.format(json.encode(value), indent=2).decode()
