"""What the record has to say in the end: reckoned from the plan alone, never by running the product."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Literal

from msgspec import Struct

from mainstem.model.problem import Problem
from mainstem.simulate.people import CASTING
from mainstem.simulate.plan import Chart, Copy, Event, Holding, Part
from mainstem.simulate.tables import Analyte

NOTHING_KNOWN = "nothing known"
"""Stands for every code that says so."""
EventKind = Literal["condition", "allergy", "medication", "immunization"]


class Expected(Struct, frozen=True, kw_only=True):
    """One measured number that the record must show once, or twice where sources differ."""

    person: int
    reading: int
    loinc: str
    at: datetime
    day_only: bool
    """No source knows the time of day."""
    values: Mapping[str, Decimal]
    """The value in each unit in which the record may show it."""
    sources: frozenset[str]
    """Names of all sites that sent it."""
    conflicting: bool = False


class Known(Struct, frozen=True, kw_only=True, order=True):
    """One coded fact of one person, as the record must hold it."""

    person: int
    kind: EventKind
    code: str
    negated: bool = False


class Truth(Struct, frozen=True, kw_only=True):
    """Everything that a correct record shows of a world, and what stays outside of it."""

    people: frozenset[int]
    """Numbers of all people whom at least one site knows."""
    numbers: Mapping[str, int]
    """A site's number for a person → the person; numbers are distinct over all sites."""
    readings: Sequence[Expected]
    conflicts: frozenset[tuple[int, str]]
    """(person, LOINC code) about which sites differ."""
    retracted: frozenset[tuple[int, str]]
    """(person, LOINC code) of results that their source took back: not to be shown as current."""
    known: frozenset[Known]
    held: Mapping[Problem, int]
    gaining: frozenset[int]
    """People whose weight rises more than 2 kg within 3 days at home."""


def truth(holdings: Sequence[Holding]) -> Truth:
    """Return what follows from the holdings when both phases have been read."""
    charts = [(holding, chart) for holding in holdings for chart in holding.charts]
    readings, retracted = _readings(charts)
    return Truth(
        people=frozenset(chart.written.person.number for _, chart in charts),
        numbers={chart.written.mrn: chart.written.person.number for _, chart in charts},
        readings=readings,
        conflicts=frozenset((item.person, item.loinc) for item in readings if item.conflicting),
        retracted=retracted,
        known=frozenset(known for _, chart in charts for known in _known(chart)),
        held=_held(holdings),
        gaining=frozenset(
            chart.written.person.number
            for holding, chart in charts
            if holding.kind == "home" and chart.written.person.number in CASTING.gaining
        ),
    )


_Charts = Sequence[tuple[Holding, Chart]]


class _Said(Struct, frozen=True):
    """One site's final word on one number."""

    site: str
    copy: Copy
    part: Part


def _readings(charts: _Charts) -> tuple[Sequence[Expected], frozenset[tuple[int, str]]]:
    said: defaultdict[tuple[int, int, str], list[_Said]] = defaultdict(list)
    retracted: set[tuple[int, str]] = set()
    for holding, chart in charts:
        person = chart.written.person.number
        for copy in chart.copies:
            if copy.ambiguous:
                continue
            for part in copy.later or copy.parts:
                if copy.later_status == "entered-in-error":
                    retracted.add((person, part.analyte.loinc))
                else:
                    said[person, copy.reading.number, part.analyte.loinc].append(_Said(holding.name, copy, part))
    return [item for key, voices in said.items() for item in _agreed(key, voices)], frozenset(retracted)


def _agreed(key: tuple[int, int, str], voices: Sequence[_Said]) -> Iterator[Expected]:
    """Yield one expected number for each value that was said."""
    person, reading, loinc = key
    by_value: defaultdict[Decimal, list[_Said]] = defaultdict(list)
    for voice in voices:
        by_value[voice.part.value].append(voice)
    for value, members in by_value.items():
        yield Expected(
            person=person,
            reading=reading,
            loinc=loinc,
            at=members[0].copy.reading.at,
            day_only=all(member.copy.day_only for member in members),
            values=_both(members[0].part.analyte, value),
            sources=frozenset(member.site for member in members),
            conflicting=len(by_value) > 1,
        )


def _both(analyte: Analyte, value: Decimal) -> Mapping[str, Decimal]:
    return {analyte.unit: value, analyte.si_unit: value * analyte.si_factor + analyte.si_offset}


def _known(chart: Chart) -> Iterator[Known]:
    kinds: Sequence[tuple[EventKind, Sequence[Event]]] = (
        ("condition", chart.conditions),
        ("allergy", chart.allergies),
        ("medication", chart.medications),
        ("immunization", chart.immunizations),
    )
    for kind, events in kinds:
        for event in events:
            person = chart.written.person.number
            yield Known(person=person, kind=kind, code=event.concept.code, negated=event.negated)
    if chart.no_known_allergies:
        yield Known(person=chart.written.person.number, kind="allergy", code=NOTHING_KNOWN, negated=True)


def _held(holdings: Sequence[Holding]) -> Mapping[Problem, int]:
    held: Counter[Problem] = Counter()
    for holding in holdings:
        held[Problem.UNREADABLE] += holding.broken
        held[Problem.AMBIGUOUS_PERSON] += sum(copy.ambiguous for chart in holding.charts for copy in chart.copies)
    return {problem: count for problem, count in held.items() if count}
