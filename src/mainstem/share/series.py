"""Observations to series: one per measurement and unit, oldest point first, ready for a chart and its table; pure."""

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from hashlib import blake2b
from typing import Any

from msgspec import Struct

from mainstem.model.fact import Resource
from mainstem.model.moment import parse_moment
from mainstem.model.names import LOINC
from mainstem.share.wording import (
    Value,
    code_of,
    concept,
    date_of,
    differs,
    measurement,
    objects,
    quantity,
    retracted,
    sources_of,
    title_of,
    value_of,
    word,
)

POINTS_MAX = 600
"""Newest points of a series that a page is sent; the FHIR door has them all."""
_ORDER = ("vital-signs", "laboratory", "exam", "activity", "survey", "social-history", "imaging", "other")


class Line(Struct, frozen=True, kw_only=True):
    """One curve of a chart, such as the systolic pressure, with its usual range."""

    code: str
    label: str
    unit: str
    low: Decimal | None
    high: Decimal | None


class Point(Struct, frozen=True, kw_only=True):
    """One reading; `values` has one entry a line, to the digit as stated."""

    id: str
    type: str
    date: str
    values: list[str | None]
    text: str
    sources: list[str]
    differs: bool


class Series(Struct, frozen=True, kw_only=True):
    """All readings of one measurement in one unit."""

    key: str
    name: str
    code: str
    category: str
    lines: list[Line]
    points: list[Point]


class _Part(Struct, frozen=True, kw_only=True):
    key: str
    label: str
    value: Value
    node: Mapping[str, Any]


class _Reading(Struct, frozen=True, kw_only=True):
    resource: Resource
    parts: tuple[_Part, ...]
    date: str


def series_of(observations: Iterable[Resource]) -> list[Series]:
    """Group readings, but for retracted ones and ones without a value or a date; vital signs first, then by name."""
    groups: dict[tuple[str, str], list[_Reading]] = {}
    for resource in observations:
        reading = _reading(resource)
        if reading is not None:
            groups.setdefault(_group(reading), []).append(reading)
    units: dict[str, int] = {}
    for key, _ in groups:
        units[key] = units.get(key, 0) + 1
    made = [
        _series(key if units[key] == 1 else f"{key}~{_short(unit)}", group) for (key, unit), group in groups.items()
    ]
    return sorted(made, key=lambda one: (_ORDER.index(one.category), one.name.casefold(), one.key))


def _reading(resource: Resource) -> _Reading | None:
    date = date_of(resource)
    if not date or retracted(resource):
        return None
    parts = tuple(part for part in map(_part, objects(resource, "component")) if part.value.text)
    own = value_of({name: value for name, value in resource.items() if name != "component"})
    if any(name.startswith("value") for name in resource):
        parts = (_Part(key="", label="", value=own, node=resource),)
    return _Reading(resource=resource, parts=parts, date=date) if parts else None


def _part(node: dict[str, Any]) -> _Part:
    return _Part(key=code_of(node.get("code")), label=concept(node.get("code")), value=value_of(node), node=node)


def _group(reading: _Reading) -> tuple[str, str]:
    return _key(reading.resource), reading.parts[0].value.unit


def _key(resource: Resource) -> str:
    codings = objects(resource, "code.coding")
    system, code = (word(codings[0], "system"), word(codings[0], "code")) if codings else ("", "")
    if code and system == LOINC:
        return code
    return _short(f"{system}|{code or title_of(resource).casefold()}")


def _short(text: str) -> str:
    return blake2b(text.encode(), digest_size=6).hexdigest()


def _series(key: str, group: Sequence[_Reading]) -> Series:
    ordered = sorted(group, key=_when)
    newest = ordered[-1].resource
    keys = list(dict.fromkeys(part.key for reading in reversed(ordered) for part in reading.parts))
    return Series(
        key=key,
        name=_usual_name(ordered),
        code=measurement(newest),
        category=_category(newest),
        lines=[_line(part_key, ordered) for part_key in keys],
        points=[_point(reading, keys) for reading in ordered[-POINTS_MAX:]],
    )


def _usual_name(ordered: Sequence[_Reading]) -> str:
    """Return what it is called most often; of equals the newest."""
    names = [title_of(reading.resource) for reading in reversed(ordered)]
    return max(names, key=names.count)


def _when(reading: _Reading) -> tuple[str, str]:
    moment = parse_moment(reading.date)
    return (moment.lo.isoformat() if moment else "", reading.resource["id"])


def _line(key: str, ordered: Sequence[_Reading]) -> Line:
    parts = [part for reading in reversed(ordered) for part in reading.parts if part.key == key]
    ranges = [
        found for part in parts for found in objects(part.node, "referenceRange") if _bounds(found) != (None, None)
    ]
    low, high = _bounds(ranges[0]) if ranges else (None, None)
    return Line(code=measurement(parts[0].node), label=parts[0].label, unit=parts[0].value.unit, low=low, high=high)


def _bounds(stated: Mapping[str, Any]) -> tuple[Decimal | None, Decimal | None]:
    return quantity(stated.get("low")).number, quantity(stated.get("high")).number


def _point(reading: _Reading, keys: Sequence[str]) -> Point:
    by_key = {part.key: part.value for part in reading.parts}
    numbers = [by_key[key].number if key in by_key else None for key in keys]
    return Point(
        id=reading.resource["id"],
        type=reading.resource["resourceType"],
        date=reading.date,
        values=[None if number is None else str(number) for number in numbers],
        text=" / ".join(part.value.text for part in reading.parts),
        sources=sources_of(reading.resource),
        differs=differs(reading.resource),
    )


def _category(resource: Resource) -> str:
    codes = [word(coding, "code") for coding in objects(resource, "category.coding")]
    return next((code for code in codes if code in _ORDER), "other")
