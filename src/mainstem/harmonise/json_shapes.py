"""Decoded JSON as it comes: any shape may stand anywhere, and what has another shape is left alone."""

from collections.abc import Callable
from typing import Any, cast

Json = dict[str, Any]


def dicts(value: object) -> list[Json]:
    """Return a JSON array whose items are all objects; an empty list for anything else, which is then left alone."""
    if not isinstance(value, list):
        return []
    items = cast("list[Any]", value)
    return items if all(isinstance(item, dict) for item in items) else []


def mapped(value: object, change: Callable[[Json], Json]) -> list[Json] | None:
    """Return the array with each object changed, or None when none was."""
    stated = dicts(value)
    fresh = [change(each) for each in stated]
    return fresh if any(new is not old for new, old in zip(fresh, stated, strict=True)) else None


def applied(node: Json, changes: Json) -> Json:
    """Return a copy with the changed elements, without those that became None; the same object without changes."""
    if not changes:
        return node
    gone = {name for name, each in changes.items() if each is None}
    return {name: each for name, each in {**node, **changes}.items() if name not in gone}
