"""From consolidated Observations to the readings that a rule may use; what is doubtful is left out and counted."""

from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import cast

from msgspec import Struct

from mainstem.harmonise.codes import codings
from mainstem.harmonise.json_shapes import dicts
from mainstem.insight.rules import Rule, book
from mainstem.model.fact import Resource
from mainstem.model.moment import parse_moment
from mainstem.model.names import CONFLICT_TAG, LOINC, QUALITY_TAG
from mainstem.model.record import Entry

_LARGEST = Decimal(10_000)
"""No weight in kg and no pressure in mm[Hg] is larger; a rule does not speak of such a number."""
_DOUBTFUL = frozenset({CONFLICT_TAG, QUALITY_TAG})


class Reading(Struct, frozen=True, kw_only=True):
    """One Observation as a rule sees it."""

    entry: Entry
    at: datetime
    day: date
    """Calendar day as the source wrote it."""
    when: str
    """Time as the source wrote it."""
    values: dict[str, Decimal]
    """By the rule's name of the measure, in the rule's unit."""


class Readings(Struct, frozen=True, kw_only=True):
    """The usable readings in order of time, and how many were left out as doubtful."""

    usable: tuple[Reading, ...]
    left_out: int


def readings(entries: Sequence[Entry], rule: Rule) -> Readings:
    """Return what the rule may use: final, dated, undisputed, in the rule's unit; each Observation once."""
    usable: dict[str, Reading] = {}
    left_out: set[str] = set()
    for entry in entries:
        found = _reading(entry, rule)
        if found is None:
            continue
        if _doubtful(entry.resource):
            left_out.add(entry.id)
        else:
            usable[entry.id] = found
    ordered = sorted(usable.values(), key=lambda reading: (reading.at, reading.entry.id))
    return Readings(usable=tuple(_first_of_day(ordered) if rule.daily == "first" else ordered), left_out=len(left_out))


def _reading(entry: Entry, rule: Rule) -> Reading | None:
    resource = entry.resource
    when = stated_time(resource)
    moment = parse_moment(when)
    if moment is None or moment.precision in {"year", "month"} or resource.get("status") not in book().statuses:
        return None
    values = {name: value for name in rule.measures if (value := _value(resource, rule, name)) is not None}
    if not values:
        return None
    return Reading(entry=entry, at=moment.lo, day=date.fromisoformat(moment.day), when=when, values=values)


def stated_time(resource: Resource) -> str:
    """Return when an Observation was made, as its source wrote it; empty when it says nothing usable."""
    period: object = resource.get("effectivePeriod")
    start: object = cast("Resource", period).get("start") if isinstance(period, dict) else None
    found: list[object] = [resource.get("effectiveDateTime"), resource.get("effectiveInstant"), start]
    return next((each for each in found if isinstance(each, str)), "")


def quantities(resource: Resource) -> list[tuple[object, Resource]]:
    """Return (code, Quantity) of an Observation and of its components, as far as they are what they should be."""
    found: list[tuple[object, Resource]] = []
    for part in [resource, *dicts(resource.get("component"))]:
        quantity: object = part.get("valueQuantity")
        if isinstance(quantity, dict):
            found.append((part.get("code"), cast("Resource", quantity)))
    return found


def _doubtful(resource: Resource) -> bool:
    meta: object = resource.get("meta")
    tags = dicts(cast("Resource", meta).get("tag")) if isinstance(meta, dict) else []
    return any(str(tag.get("system")) in _DOUBTFUL for tag in tags)


def _value(resource: Resource, rule: Rule, name: str) -> Decimal | None:
    measure = rule.measures[name]
    for code, quantity in quantities(resource):
        exact = quantity.get("code") == measure.unit and "comparator" not in quantity
        if exact and any(each.get("system") == LOINC and each.get("code") in measure.codes for each in codings(code)):
            return _number(quantity.get("value"))
    return None


def _number(value: object) -> Decimal | None:
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        return None
    number = Decimal(value)
    return number if number.is_finite() and abs(number) <= _LARGEST else None


def _first_of_day(ordered: Sequence[Reading]) -> list[Reading]:
    first: dict[date, Reading] = {}
    for reading in ordered:
        first.setdefault(reading.day, reading)
    return [first[day] for day in sorted(first)]
