"""Element paths compiled to closures: the small part of FHIRPath that search parameters need.

A path is `name.family`: steps through objects and lists. A step may end in `[x]` (any choice of a polymorphic element)
or in `.where(system=phone)` (only the objects whose member has that value).
"""

import re
from collections.abc import Callable
from typing import Any

Getter = Callable[[Any, list[Any]], None]
"""Appends what it finds below a node to a list."""

CHOICES = (
    "Age", "Boolean", "CodeableConcept", "Coding", "Date", "DateTime", "Instant", "Integer", "Period", "Quantity",
    "Range", "Reference", "String", "Time", "Timing",
)  # fmt: skip
"""Data types that a choice element `[x]` ends in, among those that search parameters name."""

_STEP = re.compile(r"where\((\w+)=(\w+)\)|(\w+)(\[x\])?")


class BadPathError(ValueError):
    """A path outside the subset; the data table is wrong."""


def compile_path(path: str) -> list[tuple[str, Getter]]:
    """Return (member of the resource, getter below it) pairs, one for each choice of the first step."""
    steps = [match for match in re.split(r"\.(?![^(]*\))", path) if match]
    names = _names(steps[0])
    rest = _chain(steps[1:])
    return [(name, rest) for name in names]


def collect(path: str) -> Callable[[dict[str, Any]], list[Any]]:
    """Compile a path to a function that lists the values of a whole resource."""
    compiled = compile_path(path)

    def values(resource: dict[str, Any]) -> list[Any]:
        found: list[Any] = []
        for name, get in compiled:
            node = resource.get(name)
            if node is not None:
                get(node, found)
        return found

    return values


def _names(step: str) -> list[str]:
    match = _STEP.fullmatch(step)
    if match is None or match[3] is None:
        raise BadPathError(step)
    return [match[3] + choice for choice in CHOICES] if match[4] else [match[3]]


def _chain(steps: list[str]) -> Getter:
    then: Getter = _leaf
    for step in reversed(steps):
        match = _STEP.fullmatch(step)
        if match is None:
            raise BadPathError(step)
        then = _where(match[1], match[2], then) if match[1] else _child(_names(step), then)
    return then


def _leaf(node: Any, out: list[Any]) -> None:  # noqa: ANN401 - decoded JSON
    if node.__class__ is list:
        out.extend(node)
    else:
        out.append(node)


def _child(names: list[str], then: Getter) -> Getter:
    def get(node: Any, out: list[Any]) -> None:  # noqa: ANN401 - decoded JSON
        if node.__class__ is dict:
            for name in names:
                child = node.get(name)
                if child is not None:
                    then(child, out)
        elif node.__class__ is list:
            for item in node:
                get(item, out)

    return get


def _where(name: str, value: str, then: Getter) -> Getter:
    def get(node: Any, out: list[Any]) -> None:  # noqa: ANN401 - decoded JSON
        if node.__class__ is dict:
            if node.get(name) == value:
                then(node, out)
        elif node.__class__ is list:
            for item in node:
                get(item, out)

    return get
