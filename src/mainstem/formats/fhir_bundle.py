"""A Bundle of any type to facts: its entries, with the references between them resolved by fullUrl (R4 §2.36.4.1)."""

from collections.abc import Iterator
from typing import Any, cast

from mainstem.fhir.element import part, text
from mainstem.fhir.types import TYPES
from mainstem.formats.fhir_names import base_of, order, target
from mainstem.formats.fhir_resource import as_fact, held
from mainstem.formats.fhir_scope import Names
from mainstem.model.fact import Fact, Held, Resource
from mainstem.model.names import GONE_TAG
from mainstem.model.problem import Problem

NESTED_MAX = 4
"""How deep a Bundle may lie inside Bundles."""


def read_bundle(bundle: Resource, path: str, source: str, depth: int = 0) -> Iterator[Fact | Held]:
    """Yield a fact or a held item for each entry that states something.

    Entries that only answer a write (no resource, a 2xx status) state nothing and yield nothing.
    """
    entries = bundle.get("entry")
    if not isinstance(entries, list):
        return
    names = Names(bundle, cast("list[Any]", entries))
    for index, entry in enumerate(cast("list[Any]", entries)):
        where = f"{path}/entry/{index}"
        if isinstance(entry, dict):
            yield from _entry(cast("Resource", entry), where, source, names, depth)
        else:
            yield held(Problem.NOT_A_RESOURCE, "This entry of a Bundle is not an object.", "Send valid entries.", where)


def _entry(entry: Resource, path: str, source: str, names: Names, depth: int) -> Iterator[Fact | Held]:
    request, resource = part(entry, "request"), entry.get("resource")
    method = text(request, "method").upper()
    if method == "DELETE":
        yield _gone(entry, text(request, "url"), path, source)
    elif method in {"PATCH", "GET", "HEAD"} and not entry.get("response"):
        words = f"This entry asks for a {method}, which states no data by itself."
        yield held(Problem.UNSUPPORTED, words, "Send the resource as it now is.", path)
    elif resource is None:
        yield from _empty(entry, path)
    elif text(nested := part(entry, "resource"), "resourceType") == "Bundle":
        yield from _nested(nested, f"{path}/resource", source, depth)
    else:
        yield as_fact(resource, f"{path}/resource", names.scope(entry, source))


def _empty(entry: Resource, path: str) -> Iterator[Held]:
    status = text(part(entry, "response"), "status")
    if status.startswith(("4", "5")):
        words = f"The source answered this entry with {status[:3]}."
        yield held(Problem.UNSUPPORTED, words, "Look at the source: it refused or could not answer.", path)
    elif not entry.get("response"):
        yield held(Problem.NOT_A_RESOURCE, "This entry of a Bundle holds no resource.", "Send the resource.", path)


def _nested(bundle: Resource, path: str, source: str, depth: int) -> Iterator[Fact | Held]:
    if depth < NESTED_MAX:
        yield from read_bundle(bundle, path, source, depth + 1)
    else:
        words = f"Bundles lie more than {NESTED_MAX} deep in one another."
        yield held(Problem.TOO_LARGE, words, "Send the inner Bundles by themselves.", path)


def _gone(entry: Resource, url: str, path: str, source: str) -> Fact | Held:
    """Return a tombstone: the source deleted the resource (GONE-1). Its person is the one of its last version."""
    at = target(url) or target(url.removeprefix(base_of(url)))
    name, _, key = (at or "").partition("/")
    if name not in TYPES:
        words = "This entry deletes something that is not named by type and id."
        return held(Problem.BAD_REFERENCE, words, "Delete by `Type/id`.", path)
    tombstone = {"resourceType": name, "id": key, "meta": {"tag": [{"system": GONE_TAG, "code": "deleted"}]}}
    return Fact(
        source=source,
        type=name,
        key=key,
        subject=key if name == "Patient" else None,
        order=order(None, part(entry, "response")),
        resource=tombstone,
        path=path,
    )
