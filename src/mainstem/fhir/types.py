"""The FHIR R4 resource types: their fixed numbers, and where each says whom and when it is about.

The data stands in `types.csv`. Numbers are stored in the database, so a row may be added at the end, never renumbered.
Paths are plain element paths below the resource; `occurrencePeriod.start` names one choice of a polymorphic element.
"""

import csv
from collections.abc import Mapping
from importlib.resources import files
from types import MappingProxyType
from typing import Literal, cast

from msgspec import Struct

Person = Literal["self", "always", "maybe", "never"]
"""Whether a resource of a type is about a person: it is one, it means nothing without one, it may be, it never is."""


class ResourceType(Struct, frozen=True, kw_only=True):
    """One row of `types.csv`."""

    name: str
    number: int
    person: Person
    patient_paths: tuple[str, ...]
    """Where the person that it is about is named, best first (R4 Patient compartment, without mere authors)."""
    date_paths: tuple[str, ...]
    """Its clinically relevant date, best first; empty for types without one."""


def _load() -> dict[str, ResourceType]:
    text = files("mainstem.fhir").joinpath("types.csv").read_text(encoding="utf-8")
    return {
        row["name"]: ResourceType(
            name=row["name"],
            number=int(row["number"]),
            person=cast("Person", row["person"]),
            patient_paths=tuple(row["patient_paths"].split()),
            date_paths=tuple(row["date_paths"].split()),
        )
        for row in csv.DictReader(text.splitlines())
    }


TYPES: Mapping[str, ResourceType] = MappingProxyType(_load())
"""By name. `Resource` and `DomainResource` are abstract and not here."""

_NAMES: Mapping[int, str] = MappingProxyType({each.number: each.name for each in TYPES.values()})


def number_of(name: str) -> int:
    """Return the type's number; raises KeyError when R4 does not know the type."""
    return TYPES[name].number


def name_of(number: int) -> str:
    """Return the name of the type with this number; raises KeyError when there is none."""
    return _NAMES[number]
