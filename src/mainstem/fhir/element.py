"""Reach into decoded JSON whose shape nobody has checked yet: what is not there, or is of another kind, is empty."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, cast

from mainstem.model.fact import Resource


def part(node: Resource, name: str) -> Resource:
    """Return a member that is an object, else an empty one."""
    value = node.get(name)
    return cast("Resource", value) if isinstance(value, dict) else {}


def parts(node: Resource, name: str) -> list[Resource]:
    """Return the objects in a member that is a list or an object; empty when it is neither."""
    value = node.get(name)
    listed: list[Any] = cast("list[Any]", value) if isinstance(value, list) else [value]
    return [each for each in listed if isinstance(each, dict)]


def text(node: Resource, name: str) -> str:
    """Return a member that is a string, else an empty one."""
    value = node.get(name)
    return value if isinstance(value, str) else ""


def values_at(node: object, steps: Sequence[str]) -> Iterator[Any]:
    """Yield what stands at an element path, through lists, in document order; nothing where a step is absent."""
    if isinstance(node, list):
        for item in cast("list[Any]", node):
            yield from values_at(item, steps)
    elif not steps:
        yield node
    elif isinstance(node, dict):
        child = cast("dict[str, Any]", node).get(steps[0])
        if child is not None:
            yield from values_at(child, steps[1:])


def getter(path: str) -> Callable[[Resource], Iterator[Any]]:
    """Compile an element path, such as `participant.actor`, to a function that yields its values."""
    steps = tuple(path.split("."))
    return lambda resource: values_at(resource, steps)
