"""Find and rewrite the references inside a resource (FHIR R4 §2.3.0); the resource itself is never changed."""

from collections.abc import Callable, Iterator
from typing import Any, cast

from mainstem.model.fact import Resource


def references(resource: Resource) -> Iterator[tuple[str, str]]:
    """Yield (JSON Pointer, text) of each `Reference.reference`, contained resources included, in document order."""
    return _walk(resource, "")


def rewrite(resource: Resource, change: Callable[[str], str]) -> Resource:
    """Return the resource with `change` applied to each reference; the same object when nothing changed.

    Only what lies on the way to a changed reference is copied; all else is shared with the original.
    """
    return cast("Resource", _rewritten(resource, change))


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


def _rewritten(node: dict[Any, Any] | list[Any], change: Callable[[str], str]) -> dict[Any, Any] | list[Any]:
    copy: Any = None
    for name, value in node.items() if isinstance(node, dict) else enumerate(node):
        if isinstance(value, (dict, list)):
            new = _rewritten(cast("list[Any]", value), change)
            same = new is value
        elif name == "reference" and isinstance(value, str):
            new = change(value)
            same = new == value
        else:
            continue
        if not same:
            if copy is None:
                copy = node.copy()
            copy[name] = new
    return node if copy is None else copy
