"""Dose units in UCUM spelling, and nothing more: a dose is never converted."""

from functools import cache
from typing import cast

from mainstem.harmonise.json_shapes import Json, applied, mapped
from mainstem.harmonise.quantities import read
from mainstem.harmonise.tables import rows
from mainstem.model.fact import Resource


def doses(resource: Resource) -> Resource:
    """Return the resource with UCUM codes at its doses (`doses.csv`); the same object when nothing changes."""
    for path in _paths().get(str(resource.get("resourceType")), ()):
        resource = _at(resource, path)
    return resource


def _at(node: Json, path: tuple[str, ...]) -> Json:
    """Return the node with the quantity at the path respelled; the same object when nothing changes."""
    if not path:
        return read(node, None).quantity
    name, held = path[0], node.get(path[0])
    if isinstance(held, dict):
        inner = _at(cast("Json", held), path[1:])
        return node if inner is held else applied(node, {name: inner})
    fresh = mapped(held, lambda each: _at(each, path[1:]))
    return applied(node, {name: fresh}) if fresh else node


@cache
def _paths() -> dict[str, list[tuple[str, ...]]]:
    found: dict[str, list[tuple[str, ...]]] = {}
    for row in rows("doses"):
        found.setdefault(row["type"], []).append(tuple(row["path"].split(".")))
    return found
