"""Identifiers that can say who somebody is: of a real assigner, of a kind that stands for one person (RID-2)."""

import re
from collections.abc import Mapping

from msgspec import Struct

from mainstem.fhir.element import part, parts, text
from mainstem.identify.words import fold, is_placeholder, rows
from mainstem.model.fact import Resource

_NATIONAL = "SS"
_OLD = frozenset({"old"})
_PLAIN = re.compile(r"[\s.-]")
_ABSOLUTE = re.compile(r"(?:urn:(?:oid|uuid):\S+|https?://\S+)", re.IGNORECASE)


class _Assigner(Struct, frozen=True):
    use: str
    canonical: str
    type: str
    pattern: re.Pattern[str] | None


_TYPES: Mapping[str, str] = {row["code"]: row["use"] for row in rows("identifier_types.csv")}
_ASSIGNERS: tuple[tuple[str, _Assigner], ...] = tuple(
    (
        row["prefix"],
        _Assigner(row["use"], row["canonical"], row["type"], re.compile(row["pattern"]) if row["pattern"] else None),
    )
    for row in sorted(rows("assigners.csv"), key=lambda row: -len(row["prefix"]))
)
NATIONAL_SYSTEMS = frozenset(each.canonical for _, each in _ASSIGNERS if each.type == _NATIONAL)
"""Systems of national numbers: often mistyped, so two different ones alone keep nobody apart."""


class Identifiers(Struct, frozen=True, kw_only=True):
    """What `Demographics` keeps of a Patient's identifiers."""

    usable: tuple[tuple[str, str], ...]
    assigned: tuple[tuple[str, str], ...]


def identifiers(patient: Resource) -> Identifiers:
    """Return the identifiers that can be compared across sources, and those of which a person has one only."""
    usable: set[tuple[str, str]] = set()
    assigned: set[tuple[str, str]] = set()
    for each in parts(patient, "identifier"):
        system, type_ = _system(text(each, "system")), _type(each)
        value = _value(system, text(each, "value"))
        if not system or not value or _TYPES.get(type_) == "shared":
            continue
        usable.add((system.canonical, value))
        only_one = _TYPES.get(system.type or type_) == "person"
        if only_one and text(each, "use") not in _OLD and not part(each, "period").get("end"):
            assigned.add((system.canonical, value))
    return Identifiers(usable=tuple(sorted(usable)), assigned=tuple(sorted(assigned)))


def _system(uri: str) -> _Assigner | None:
    """Return the assigner behind a system URI; None when it is no real one, such as an example or a bare name."""
    clean = uri.strip().rstrip("/")
    for prefix, known in _ASSIGNERS:
        if clean == prefix or clean.startswith(_beginnings(prefix)):
            return known if known.use == "person" else None
    return _Assigner("person", clean, "", None) if _ABSOLUTE.fullmatch(clean) else None


def _beginnings(prefix: str) -> tuple[str, ...]:
    return (prefix,) if prefix.endswith((".", ":", "/")) else (f"{prefix}.", f"{prefix}/")


def _type(identifier: Resource) -> str:
    codings = parts(part(identifier, "type"), "coding")
    return next((text(each, "code") for each in codings if text(each, "code") in _TYPES), "")


def _value(system: _Assigner | None, value: str) -> str:
    if system is None or is_placeholder("identifier", fold(value)):
        return ""
    plain = _PLAIN.sub("", value).upper()
    if system.pattern is not None:
        valid = system.pattern.fullmatch(plain) and not is_placeholder("ssn", plain) and len(set(plain)) > 1
        return plain if valid else ""
    return plain if not is_placeholder("identifier", plain.lower()) else ""
