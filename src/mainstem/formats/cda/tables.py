"""The clinical and structural knowledge of the C-CDA reader, as data: each row says where it comes from."""

import csv
import re
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Literal

from msgspec import Struct

Absence = Literal["none-known", "no-information"]
"""What an empty statement means: the patient is known to have none, or nothing is said (CCDA-2, CCDA-3)."""

LONGEST_PHRASE = 160
"""A longer text is a narrative, not a way to say "none"."""


class Marker(Struct, frozen=True, kw_only=True):
    """A code that names nothing: `none-known` says so by itself, `generic` only when it is negated or stands alone."""

    meaning: Literal["none-known", "generic"]
    target: str
    """SNOMED CT concept that states the absence; empty where FHIR states it by a section's emptyReason."""
    display: str


class SectionKind(Struct, frozen=True, kw_only=True):
    """What a section holds."""

    loinc: str
    kind: str


def _rows(name: str) -> Iterator[Mapping[str, str]]:
    with (Path(__file__).parent / name).open(encoding="utf-8", newline="") as file:
        yield from csv.DictReader(file)


@cache
def _concepts() -> dict[tuple[str, str], tuple[str, str]]:
    return {(row["map"], row["code"]): (row["target"], row["display"]) for row in _rows("concepts.csv")}


def target(map_: str, code: str | None) -> str | None:
    """Return what a concept map of `concepts.csv` makes of a code; None when it knows none."""
    found = _concepts().get((map_, code or ""))
    return found[0] if found else None


def target_with_display(map_: str, code: str | None) -> tuple[str, str] | None:
    """Return the mapped code and its display."""
    return _concepts().get((map_, code or ""))


@cache
def _systems() -> tuple[dict[str, str], dict[str, str]]:
    by_oid: dict[str, str] = {}
    by_name: dict[str, str] = {}
    for row in _rows("systems.csv"):
        by_oid[row["oid"]] = row["uri"]
        by_name.update({name: row["uri"] for name in row["names"].split("|") if name})
    return by_oid, by_name


def system_of(oid: str | None, name: str | None = None) -> str | None:
    """Return the FHIR URI of a code or identifier system: by OID, else by the name a sender gives instead of one."""
    by_oid, by_name = _systems()
    root = (oid or "").strip()
    if not root:
        return by_name.get((name or "").strip().lower())
    if root in by_oid:
        return by_oid[root]
    return f"urn:uuid:{root.lower()}" if "-" in root else f"urn:oid:{root}"


@cache
def _templates() -> dict[str, str]:
    return {row["root"]: row["kind"] for row in _rows("templates.csv")}


def template_kind(root: str | None) -> str | None:
    """Return the kind of statement that a template root names, whatever its extension (CCDA-1)."""
    return _templates().get(root or "")


@cache
def _sections() -> tuple[dict[str, SectionKind], dict[str, SectionKind]]:
    by_template: dict[str, SectionKind] = {}
    by_loinc: dict[str, SectionKind] = {}
    for row in _rows("sections.csv"):
        kind = SectionKind(loinc=row["loinc"], kind=row["kind"])
        by_loinc.setdefault(row["loinc"], kind)
        if row["template"]:
            by_template[row["template"]] = kind
    return by_template, by_loinc


def section_kind(templates: list[str], loinc: str | None) -> SectionKind | None:
    """Return what a section holds: by template root, else by its LOINC code (CCDA-1)."""
    by_template, by_loinc = _sections()
    found = next((by_template[root] for root in templates if root in by_template), None)
    return found or by_loinc.get(loinc or "")


@cache
def _markers() -> dict[tuple[str, str], Marker]:
    return {
        (row["domain"], row["code"]): Marker(
            meaning="none-known" if row["meaning"] == "none-known" else "generic",
            target=row["target"],
            display=row["display"],
        )
        for row in _rows("markers.csv")
    }


def marker(domain: str, code: str | None) -> Marker | None:
    """Return what `markers.csv` says of a code that names nothing."""
    return _markers().get((domain, code or ""))


@cache
def _phrases() -> tuple[tuple[Absence, re.Pattern[str]], ...]:
    return tuple(
        (
            "none-known" if row["meaning"] == "none-known" else "no-information",
            re.compile(row["pattern"], re.IGNORECASE),
        )
        for row in _rows("phrases.csv")
    )


def absence_in(text: str) -> Absence | None:
    """Return what a short text says of absence (`No known allergies`), or None when it states something else."""
    if not text or len(text) > LONGEST_PHRASE:
        return None
    return next((meaning for meaning, pattern in _phrases() if pattern.search(text)), None)


@cache
def _structure() -> tuple[tuple[str, str, str, str], ...]:
    return tuple((row["section"], row["element"], row["mood"], row["kind"]) for row in _rows("structure.csv"))


@cache
def structural_kind(section: str, element: str, mood: str) -> str:
    """Return the kind of a statement without a known template, from where it stands and what it is (CCDA-1)."""
    for row_section, row_element, row_mood, kind in _structure():
        if row_element == element and row_section in {section, "*"} and row_mood in {mood, "*"}:
            return kind
    return "note"
