"""The published alert rules, read from `rules.toml`: numbers, citations, intended use and limits are data."""

import tomllib
from decimal import Decimal
from functools import cache
from importlib.resources import files
from typing import Literal

import msgspec
from msgspec import Struct


class Measure(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which number of an Observation a rule reads."""

    codes: tuple[str, ...]
    """LOINC codes, of the Observation or of a component."""
    unit: str
    """UCUM; a value in any other unit was refused by harmonising and is left out."""
    name: str


class Gain(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="kind", tag="gain"):
    """The newest day's value is more than so much above that of a day within so many calendar days before it."""

    measure: str
    more_than: Decimal
    days: int
    ignore_above: Decimal
    words: str
    citation: str
    url: str


class Single(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="kind", tag="reading"):
    """One reading reaches a level in any of its measures."""

    at_least: dict[str, Decimal]
    words: str
    citation: str
    url: str


class Mean(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="kind", tag="mean"):
    """The mean of enough readings of some days reaches a level in any measure."""

    at_least: dict[str, Decimal]
    days: int
    days_at_least: int
    readings_at_least: int
    first_day_counts: bool
    words: str
    citation: str
    url: str


Criterion = Gain | Single | Mean


class Rule(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One published rule; it holds when any of its criteria does."""

    id: str
    version: int
    title: str
    block: str
    """Name of the consolidation block that it watches."""
    indicator: Literal["info", "warning", "critical"]
    """CDS Hooks 2.0 card indicator."""
    daily: Literal["first", "all"]
    """Whether only the first reading of a calendar day counts."""
    stale_days: int
    """Evidence older than this is said to be old."""
    intended_use: str
    limits: tuple[str, ...]
    not_seen: tuple[str, ...]
    """What the rule does not look at."""
    measures: dict[str, Measure]
    criteria: tuple[Criterion, ...]


class Book(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All rules, and the statuses of an Observation that may raise an alert."""

    statuses: tuple[str, ...]
    rule: tuple[Rule, ...]


@cache
def book() -> Book:
    """Return the rules; an unknown or missing field is an error at the first use."""
    text = (files("mainstem.insight") / "rules.toml").read_text(encoding="utf-8")
    return msgspec.convert(tomllib.loads(text), Book)


@cache
def rule_of(identifier: str) -> Rule | None:
    """Return the rule of that id."""
    return next((rule for rule in book().rule if rule.id == identifier), None)
