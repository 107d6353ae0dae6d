"""The simulation's tables, read once."""

import csv
import tomllib
from collections.abc import Sequence
from decimal import Decimal
from functools import cache
from importlib import resources

import msgspec
from msgspec import Struct


class Names(Struct, frozen=True, kw_only=True):
    """Names and places; pairs are (full, short or misspelt)."""

    female: tuple[tuple[str, str], ...]
    male: tuple[tuple[str, str], ...]
    family: tuple[tuple[str, str], ...]
    streets: tuple[str, ...]
    places: tuple[tuple[str, str, str], ...]
    """(city, state, postal code)."""


class Analyte(Struct, frozen=True, kw_only=True):
    """Something that is measured, in two systems of units; si = value times factor plus offset."""

    kind: str
    loinc: str
    name: str
    unit: str
    decimals: int
    low: Decimal
    high: Decimal
    local: str
    si_loinc: str
    si_unit: str
    si_factor: Decimal
    si_offset: Decimal
    si_decimals: int
    cda_unit: str
    source: str

    def si(self, value: Decimal) -> Decimal:
        """Return a value as the other system writes it, rounded as its laboratories round."""
        return rounded(value * self.si_factor + self.si_offset, self.si_decimals)


class Concept(Struct, frozen=True, kw_only=True):
    """A coded thing, with the code that another site may use for it."""

    kind: str
    system: str
    code: str
    display: str
    other_system: str
    other_code: str
    other_display: str
    source: str


@cache
def names() -> Names:
    """Return names and places."""
    return msgspec.convert(tomllib.loads(_text("names.toml")), Names)


@cache
def analytes() -> dict[str, Analyte]:
    """Return the analytes by LOINC code."""
    rows = [msgspec.convert(row, Analyte, strict=False) for row in _rows("analytes.csv")]
    return {row.loinc: row for row in rows}


@cache
def concepts(kind: str) -> Sequence[Concept]:
    """Return the concepts of a kind: condition, medication, allergy or immunization."""
    return [concept for row in _rows("codes.csv") if (concept := msgspec.convert(row, Concept)).kind == kind]


def rounded(value: Decimal, decimals: int) -> Decimal:
    """Return a value with exactly so many decimals."""
    return value.quantize(Decimal(1).scaleb(-decimals))


def _rows(name: str) -> list[dict[str, str]]:
    return list(csv.DictReader(_text(name).splitlines()))


def _text(name: str) -> str:
    return resources.files("mainstem.simulate.data").joinpath(name).read_text(encoding="utf-8")
