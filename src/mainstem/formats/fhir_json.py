"""FHIR R4 JSON to facts: one resource, a Bundle of any type, or NDJSON with one of them on each line (R4 §2.6.2).

Of duplicate keys in one object the last wins, as in every decoder of the project, so no two parts of it differ about
what a body says. Depth is bounded by `DEPTH_MAX`, the size of a line by the delivery.
"""

import re
from collections.abc import Iterable, Iterator
from typing import Any, cast

import msgspec

from mainstem.formats.detect import FHIR_NDJSON
from mainstem.formats.fhir_bundle import read_bundle
from mainstem.formats.fhir_names import target
from mainstem.formats.fhir_resource import Scope, as_fact
from mainstem.model.fact import Delivery, Fact, Held, Resource
from mainstem.model.json import decode
from mainstem.model.outcome import Outcome
from mainstem.model.problem import Problem

DEPTH_MAX = 64
"""Objects and lists within one another; the deepest R4 example has fewer than twenty."""

_BOM = b"\xef\xbb\xbf"
_NEEDS_REWRITE = re.compile(rb'"reference"\s*:\s*"(?!#|[A-Z][A-Za-z]+/[A-Za-z0-9.-]{1,64}")')
"""A reference that `resolve` may change. An escaped key would hide it, so escapes make a line need the walk too."""


def read(delivery: Delivery) -> Outcome[Fact]:
    """Return the delivery's facts, and what it holds that cannot be used, each with its JSON Pointer or line."""
    wide = _wide(delivery.body)
    if wide:
        return Outcome((), (wide,))
    body = delivery.body.removeprefix(_BOM)
    lines = _lines(body) if delivery.media == FHIR_NDJSON else ((body, ""),)
    scopes = _scopes(delivery.source)
    return _split(found for line, path in lines for found in _read(line, path, scopes))


def _lines(body: bytes) -> Iterator[tuple[bytes, str]]:
    for index, line in enumerate(body.split(b"\n"), 1):
        if line and not line.isspace():
            yield line, f"line {index}"


def _split(found: Iterable[Fact | Held]) -> Outcome[Fact]:
    kept: list[Fact] = []
    held: list[Held] = []
    for each in found:
        if isinstance(each, Fact):
            kept.append(each)
        else:
            held.append(each)
    return Outcome(kept, held)


def _read(raw: bytes, path: str, scopes: tuple[Scope, Scope]) -> Iterable[Fact | Held]:
    resource = _decoded(raw, path)
    if isinstance(resource, Held):
        return (resource,)
    if isinstance(resource, dict):
        stated = cast("Resource", resource)
        if stated.get("resourceType") == "Bundle":
            return read_bundle(stated, path, scopes[0].source)
    plain = b"\\" not in raw and not _NEEDS_REWRITE.search(raw)
    return (as_fact(cast("object", resource), path, scopes[plain]),)


def _scopes(source: str) -> tuple[Scope, Scope]:
    """Return the scopes of resources that stand alone: to be walked, and plain."""
    walked = Scope(source=source, resolve=_relative, identified=_nobody)
    return walked, msgspec.structs.replace(walked, plain=True)


def _relative(reference: str) -> str:
    return target(reference) or reference


def _nobody(reference: Resource) -> str | None:  # noqa: ARG001 - a resource by itself resolves no identifier
    return None


def _decoded(raw: bytes, path: str) -> object:
    try:
        value: Any = decode(raw)
    except RecursionError:
        return _too_deep(path)
    except UnicodeDecodeError:
        return _unreadable(_encoding(raw), "Send UTF-8 (RFC 8259 §8.1).", path)
    except msgspec.DecodeError as error:
        return _unreadable(f"The JSON cannot be read: {_position(str(error), raw)}.", "Send it again, whole.", path)
    return _too_deep(path) if _deeper(value, raw) else value


def _deeper(value: object, raw: bytes) -> bool:
    if raw.count(b"{") + raw.count(b"[") <= DEPTH_MAX:
        return False
    level: list[Any] = [value]
    for _ in range(DEPTH_MAX):
        level = [inner for each in level for inner in _inner(each) if isinstance(inner, (dict, list))]
        if not level:
            return False
    return True


def _inner(node: dict[str, Any] | list[Any]) -> Iterable[Any]:
    return node.values() if isinstance(node, dict) else node


def _position(error: str, raw: bytes) -> str:
    """Say what and where, without the text itself, which may hold a person's data."""
    if "truncated" in error:
        return f"it ends too early, at byte {len(raw)}"
    at = re.search(r"byte (\d+)", error)
    what = "a number is out of range" if "out of range" in error else "it is malformed"
    return f"{what} at byte {at[1]}" if at else what


def _encoding(raw: bytes) -> str:
    try:
        raw.decode("utf-8")
    except UnicodeDecodeError as error:
        return f"The bytes are not UTF-8, from byte {error.start} on; they may be Latin-1."
    return "The bytes are not UTF-8."


def _wide(body: bytes) -> Held | None:
    """Recognise UTF-16 and UTF-32 by their byte order mark or by the zero beside the first ASCII character."""
    if body[:2] in {b"\xff\xfe", b"\xfe\xff"} or b"\0" in body[:4]:
        words = "The bytes are UTF-16 or UTF-32, seen at byte 0; FHIR JSON is UTF-8."
        return _unreadable(words, "Send UTF-8 (RFC 8259 §8.1).", "")
    return None


def _too_deep(path: str) -> Held:
    words = f"Objects and lists lie more than {DEPTH_MAX} deep in one another."
    release = "No FHIR resource needs this; look at what made it."
    return Held(problem=Problem.TOO_LARGE, words=words, release=release, path=path)


def _unreadable(words: str, release: str, path: str) -> Held:
    return Held(problem=Problem.UNREADABLE, words=words, release=release, path=path)
