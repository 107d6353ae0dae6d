"""Find and rewrite the references inside a resource (FHIR R4 §2.3.0); the resource itself is never changed."""

import re
from collections.abc import Callable, Iterator
from typing import Any, cast

from mainstem.model.fact import Resource

RELATIVE = re.compile(r"([A-Z][A-Za-z]+)/([A-Za-z0-9.-]{1,64})(?:/_history/[A-Za-z0-9.-]{1,64})?", re.ASCII)
"""A relative literal reference to a valid id, with or without a version: its type and id (R4 §2.3.0.1)."""


def references(resource: Resource) -> Iterator[tuple[str, str]]:
    """Yield (JSON Pointer, text) of each `Reference.reference`, contained resources included, in document order."""
    return _walk(resource, "")


def rewrite(resource: Resource, change: Callable[[str], str]) -> Resource:
    """Return the resource with `change` applied to each reference; the same object when nothing changed.

    Only what lies on the way to a changed reference is copied; all else is shared with the original.
    """
    return _rewritten(resource, change)


def _walk(node: object, pointer: str) -> Iterator[tuple[str, str]]:
    if isinstance(node, dict):
        for name, value in cast("dict[str, Any]", node).items():
            if isinstance(value, (dict, list)):
                yield from _walk(cast("object", value), f"{pointer}/{_escaped(name)}")
            elif name == "reference" and isinstance(value, str):
                yield f"{pointer}/reference", value
    elif isinstance(node, list):
        for index, value in enumerate(cast("list[object]", node)):
            yield from _walk(value, f"{pointer}/{index}")


def _escaped(name: str) -> str:
    return name.replace("~", "~0").replace("/", "~1") if "~" in name or "/" in name else name


def _rewritten(node: dict[str, Any], change: Callable[[str], str]) -> dict[str, Any]:
    """Classes are compared by identity: this walks every element of every resource, and decoded JSON has no others."""
    copy: dict[str, Any] | None = None
    for name, value in node.items():
        kind = value.__class__
        if kind is dict:
            new = _rewritten(value, change)
        elif kind is list:
            new = _rewritten_list(value, change)
        elif name == "reference" and kind is str:
            new = change(value)
        else:
            continue
        if new is not value and new != value:
            copy = node.copy() if copy is None else copy
            copy[name] = new
    return node if copy is None else copy


def _rewritten_list(node: list[Any], change: Callable[[str], str]) -> list[Any]:
    copy: list[Any] | None = None
    for index, value in enumerate(node):
        kind = value.__class__
        if kind is not dict and kind is not list:
            continue
        new = _rewritten(value, change) if kind is dict else _rewritten_list(value, change)
        if new is not value:
            copy = node.copy() if copy is None else copy
            copy[index] = new
    return node if copy is None else copy
