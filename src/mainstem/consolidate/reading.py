"""Observations: what each one measured, when, and on what; which of them are one reading (CONS-3, CONS-4, CONS-5)."""

from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, cast

from msgspec import Struct
from msgspec.structs import replace

from mainstem.consolidate.block import codings, main_coding
from mainstem.consolidate.gather import Item, Rule
from mainstem.consolidate.sameness import FAMILIES, Tolerance, tolerance_of
from mainstem.consolidate.statement import Statement
from mainstem.consolidate.value import Coded, Measured, Value, coded, distance, repeated, same, value_of
from mainstem.consolidate.when import ALWAYS, GRAINS, When, agree, as_day, when
from mainstem.consolidate.words import conversions, values_of
from mainstem.model.fact import Resource
from mainstem.model.json import canonical

_START = ("effectiveDateTime", "effectiveInstant", "effectivePeriod.start")
_END = ("effectivePeriod.end",)
_CONTEXT = ("method", "bodySite")
_ZERO = Decimal(0)
_EARLIEST = datetime.min.replace(tzinfo=UTC)
_UNSETTLED = frozenset({"registered", "preliminary", "unknown", "draft"})
"""Statuses of an unfinished statement: another source's finished words are the better body."""


class Reading(Struct, frozen=True, kw_only=True):
    """What an Observation says: one value, or one per component."""

    parts: dict[str, Value]
    """By part of the family (`systolic`), by component code, or under "" for a lone value; empty = no value."""
    tolerances: dict[str, Tolerance]
    context: tuple[Coded | None, ...]
    """Method and body site, as far as stated."""
    specimen: str
    focus: str
    """What it is about, when not the patient (a fetus, a device): never joined with what is about the patient."""


def readings(heard: Sequence[Statement]) -> list[Item]:
    """Return the statements prepared for comparison, best anchors first by rank."""
    times = [when(each.fact.resource, _START, _END) for each in heard]
    plain = undisguised([(each.fact.source, time) for each, time in zip(heard, times, strict=True)])
    says = [_reading(each.fact.resource) for each in heard]
    moments = [
        _held(as_day(time) if each.fact.source in plain else time, each.fact.resource)
        for each, time in zip(heard, times, strict=True)
    ]
    backing = _backing(heard, says, moments)
    return [
        _item(each, reading, moment, count)
        for each, reading, moment, count in zip(heard, says, moments, backing, strict=True)
    ]


def undisguised(times: Sequence[tuple[str, When]]) -> frozenset[str]:
    """Return the sources that state midnight whenever they state a time: what they mean is the day."""
    timed = [(source, time.midnight) for source, time in times if time.grain == "timed"]
    return frozenset(source for source, _ in timed) - {source for source, midnight in timed if not midnight}


def _held(time: When, resource: Resource) -> When:
    """Return the time with the window through which its family holds."""
    main = main_coding(resource.get("code"))
    family = FAMILIES.get(main[1]) if main else None
    if family is None or not family.window:
        return time
    return ALWAYS if family.window == "ever" else replace(time, window=family.window)


def _reading(resource: Resource) -> Reading:
    main = main_coding(resource.get("code"))
    own = _part(main)
    parts: dict[str, Value] = {}
    tolerances: dict[str, Tolerance] = {}
    elements: list[tuple[str, tuple[str, str] | None, Resource]] = [(own, main, resource)]
    for component in resource.get("component", ()):
        code = main_coding(component.get("code"))
        elements.append((_part(code) or "|".join(code or ("?",)), code, component))
    for name, code, element in elements:
        value = value_of(element)
        if value is not None:
            parts[name] = value
            tolerances[name] = tolerance_of(code[1] if code else "")
    return Reading(
        parts=parts,
        tolerances=tolerances,
        context=tuple(_concept(resource.get(name)) for name in _CONTEXT),
        specimen=_canonical(resource.get("specimen")),
        focus=_canonical(resource.get("focus")),
    )


def _part(code: tuple[str, str] | None) -> str:
    family = FAMILIES.get(code[1]) if code else None
    return family.part if family else ""


def _concept(element: object) -> Coded | None:
    return coded(cast("dict[str, Any]", element)) if isinstance(element, dict) else None


def _canonical(element: object) -> str:
    return canonical(element).decode() if element else ""


def _backing(heard: Sequence[Statement], says: Sequence[Reading], moments: Sequence[When]) -> list[int]:
    """Return per statement how many sources state exactly this within 60 s: what most state is the best anchor."""
    shelves: dict[str, list[int]] = {}
    for index, reading in enumerate(says):
        shelves.setdefault(_figures(reading), []).append(index)
    counts = [1] * len(heard)
    for shelf in shelves.values():
        shelf.sort(key=lambda index: moments[index].lo or _EARLIEST)
        first = 0
        for position, index in enumerate(shelf):
            while not agree(moments[shelf[first]], moments[index]) and first < position:
                first += 1
            last = position
            while last + 1 < len(shelf) and agree(moments[shelf[last + 1]], moments[index]):
                last += 1
            counts[index] = len({heard[near].fact.source for near in shelf[first : last + 1]})
    return counts


def _figures(reading: Reading) -> str:
    return ";".join(f"{name}={_figure(value)}" for name, value in sorted(reading.parts.items()))


def _figure(value: Value) -> str:
    if isinstance(value, Measured):
        number = value.number.normalize() if value.number else _ZERO
        return f"{value.comparator}{number:f} {value.unit}"
    if isinstance(value, Coded):
        return str((sorted(value.codes), sorted(value.labels)))
    return value.text


def _item(statement: Statement, reading: Reading, moment: When, backing: int) -> Item:
    figures = _figures(reading)
    order = moment.lo.isoformat() if moment.lo else ""
    return Item(
        statement=statement,
        when=moment,
        keys=frozenset({",".join(sorted(reading.parts))}),
        rank=(-backing, order, figures, statement.record),
        worth=(-len(reading.parts), *plainness(statement, moment, "code"), -backing, statement.record),
        says=reading,
        kind=",".join(sorted(reading.parts)),
        figure=values_of(statement.fact.resource),
    )


def plainness(statement: Statement, moment: When, code: str) -> tuple[int, ...]:
    """Rank bodies: the most precise time, the most complete coding, the fewest conversions, a settled status."""
    resource = statement.fact.resource
    return (
        GRAINS.index(moment.grain) + int(moment.floating),
        -len(codings(resource.get(code))),
        int(bool(conversions(resource))),
        int(resource.get("status") in _UNSETTLED),
    )


def _fits(anchor: Item, item: Item) -> Decimal | None:
    left, right = cast("Reading", anchor.says), cast("Reading", item.says)
    if not left.parts or not right.parts:
        repeats = anchor.source == item.source and anchor.statement.content == item.statement.content
        return _ZERO if repeats else None
    if not comparable(anchor, item):
        return None
    return nearness(left, right)


def comparable(anchor: Item, item: Item) -> bool:
    """Return whether two readings are of one thing: method, body site, specimen and focus agree where they must."""
    left, right = cast("Reading", anchor.says), cast("Reading", item.says)
    if left.focus != right.focus or (anchor.source == item.source and left.specimen != right.specimen):
        return False
    return all(
        mine is None or theirs is None or same(mine, theirs, _ANY) is True
        for mine, theirs in zip(left.context, right.context, strict=True)
    )


def nearness(left: Reading, right: Reading) -> Decimal | None:
    """Return the sum of distances over the parts that both state; None when one of them is not the same."""
    shared = left.parts.keys() & right.parts.keys()
    apart = _ZERO
    for name in shared:
        if same(left.parts[name], right.parts[name], left.tolerances[name]) is not True:
            return None
        apart += distance(left.parts[name], right.parts[name])
    return apart if shared else None


def _repeats(member: Item, item: Item) -> bool:
    left, right = cast("Reading", member.says), cast("Reading", item.says)
    return all(
        repeated(left.parts[name], right.parts[name], left.tolerances[name])
        for name in left.parts.keys() & right.parts.keys()
    )


def _copies(origin: Item, item: Item) -> bool:
    """A retraction often comes without its value: then its time must agree."""
    if cast("Reading", origin.says).parts:
        return _fits(origin, item) is not None
    return origin.when.grain == "none" or agree(origin.when, item.when)


_ANY = tolerance_of("")
RULE = Rule(
    fits=_fits, repeats=_repeats, copies=_copies, lasting=lambda _left, _right: False, undated="content", coarse=False
)
"""Sameness of Observations; undated ones are the same only when one source repeats itself word for word."""
