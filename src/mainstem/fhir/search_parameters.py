"""The R4 search parameters that this server answers, as data: by resource type, each with its kind and its paths.

The data stands in `search_parameters.csv`; a parameter that is not there is refused, never ignored.
"""

import csv
from collections.abc import Iterator, Mapping
from importlib.resources import files
from types import MappingProxyType
from typing import Literal, cast

from msgspec import Struct

from mainstem.fhir.types import TYPES

Kind = Literal["token", "string", "reference", "uri", "date", "day", "person", "subject", "pk", "updated", "union"]
"""How a parameter is answered.

token, string, reference, uri, day: by blind tokens of the index. date: by the type's clinical date columns.
person: by the person column. subject: by the person column or, for other subjects, as a reference.
pk, updated: by those columns. union: whatever one of the parameters that its paths name finds.
"""


class Parameter(Struct, frozen=True, kw_only=True):
    """One search parameter of one resource type."""

    type: str
    name: str
    kind: Kind
    paths: tuple[str, ...]
    scoped: bool
    """Whether a second token per person and value is kept, so that person + value is one rare token."""
    token: str
    """The name under which its tokens are made: parameters with equal kind and paths share theirs."""


def _rows() -> Iterator[dict[str, str]]:
    text = files("mainstem.fhir").joinpath("search_parameters.csv").read_text(encoding="utf-8")
    yield from csv.DictReader(text.splitlines())


def _load() -> Mapping[str, Mapping[str, Parameter]]:
    found: dict[str, dict[str, Parameter]] = {name: {} for name in TYPES}
    for row in _rows():
        for type_ in TYPES if row["type"] == "Resource" else (row["type"],):
            parameter = _parameter(type_, row, found[type_])
            found[type_][parameter.name] = parameter
    return MappingProxyType({type_: MappingProxyType(dict(sorted(each.items()))) for type_, each in found.items()})


def _parameter(type_: str, row: dict[str, str], known: Mapping[str, Parameter]) -> Parameter:
    kind, paths = cast("Kind", row["kind"]), tuple(row["paths"].split())
    twin = next((each.token for each in known.values() if (each.kind, each.paths) == (kind, paths)), row["parameter"])
    return Parameter(
        type=type_, name=row["parameter"], kind=kind, paths=paths, scoped=row["scoped"] == "yes", token=twin
    )


PARAMETERS: Mapping[str, Mapping[str, Parameter]] = _load()
"""By resource type, then by parameter name; every R4 type has at least the parameters of `Resource`."""
