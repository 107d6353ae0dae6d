"""Whether a criterion holds at a reading, with the evidence and the numbers in plain words; pure."""

from collections.abc import Sequence
from datetime import date, timedelta
from decimal import Decimal
from typing import assert_never

from msgspec import Struct

from mainstem.insight.readings import Reading
from mainstem.insight.rules import Criterion, Gain, Mean, Rule, Single

_CENT = Decimal("0.01")


class Finding(Struct, frozen=True, kw_only=True):
    """A criterion that holds: on which readings, in which words, and what was missing."""

    criterion: Criterion
    evidence: tuple[Reading, ...]
    """In order of time; the last one is the reading at which it holds."""
    words: str
    missing: tuple[str, ...] = ()


def judge(rule: Rule, series: Sequence[Reading], index: int) -> list[Finding]:
    """Return the criteria of the rule that hold at `series[index]`, given it and the readings before it."""
    past = _recent(series, index, max(getattr(criterion, "days", 0) for criterion in rule.criteria))
    return [found for criterion in rule.criteria if (found := _judged(rule, criterion, past))]


def _recent(series: Sequence[Reading], index: int, days: int) -> Sequence[Reading]:
    """Return the readings up to `index` of so many days back and one more: zones may differ by a day."""
    start, newest = index, series[index].day
    while start and newest - series[start - 1].day <= timedelta(days=days + 1):
        start -= 1
    return series[start : index + 1]


def _judged(rule: Rule, criterion: Criterion, past: Sequence[Reading]) -> Finding | None:
    match criterion:
        case Gain():
            return _gain(rule, criterion, past)
        case Single():
            return _single(rule, criterion, past)
        case Mean():
            return _mean(rule, criterion, past)
        case _:
            assert_never(criterion)


def _gain(rule: Rule, criterion: Gain, past: Sequence[Reading]) -> Finding | None:
    newest = past[-1]
    earlier = [each for each in past[:-1] if newest.day - each.day <= timedelta(days=criterion.days)]
    name = criterion.measure
    gains = [(newest.values[name] - each.values[name], each) for each in earlier]
    high = [(gain, each) for gain, each in gains if criterion.more_than < gain <= criterion.ignore_above]
    if not high:
        return None
    gain, base = max(high, key=lambda pair: (pair[0], pair[1].at, pair[1].entry.id))
    measure = rule.measures[name]
    days = (newest.day - base.day).days
    words = (
        f"{measure.name.capitalize()} rose by {_shown(gain)} {measure.unit} in {_count(days, 'day')}: "
        f"{_shown(base.values[name])} {measure.unit} on {base.day} to {_shown(newest.values[name])} {measure.unit} "
        f"on {newest.day}. Rule: {criterion.words}."
    )
    weighed = {each.day for each in past}
    gaps = [day for day in _days(newest.day, criterion.days) if day not in weighed and day > base.day]
    missing = tuple(f"no {measure.name} on {day}" for day in gaps)
    return Finding(criterion=criterion, evidence=(base, newest), words=words, missing=missing)


def _single(rule: Rule, criterion: Single, past: Sequence[Reading]) -> Finding | None:
    newest = past[-1]
    reached = [name for name, level in criterion.at_least.items() if newest.values.get(name, level - 1) >= level]
    if not reached:
        return None
    stated = _pair(rule, newest.values)
    words = f"Blood pressure {stated} on {newest.day}. Rule: {criterion.words}."
    missing = tuple(f"no {measure.name} value" for name, measure in rule.measures.items() if name not in newest.values)
    return Finding(criterion=criterion, evidence=(newest,), words=words, missing=missing)


def _mean(rule: Rule, criterion: Mean, past: Sequence[Reading]) -> Finding | None:
    newest = past[-1]
    whole = [each for each in past if each.values.keys() == rule.measures.keys()]
    recent = [each for each in whole if newest.day - each.day < timedelta(days=criterion.days)]
    days = sorted({each.day for each in recent})
    counted = [each for each in recent if criterion.first_day_counts or each.day != days[0]]
    if len(days) < criterion.days_at_least or len(counted) < criterion.readings_at_least:
        return None
    means = {name: sum((each.values[name] for each in counted), Decimal(0)) / len(counted) for name in rule.measures}
    if not any(means[name] >= level for name, level in criterion.at_least.items()):
        return None
    words = (
        f"Mean blood pressure {_pair(rule, means)} over {_count(len(counted), 'reading')} from {counted[0].day} to "
        f"{counted[-1].day}. Rule: {criterion.words}."
    )
    gaps = [day for day in _days(newest.day, criterion.days - 1) if day not in days]
    missing = tuple(f"no reading on {day}" for day in gaps)
    return Finding(criterion=criterion, evidence=tuple(counted), words=words, missing=missing)


def _pair(rule: Rule, values: dict[str, Decimal]) -> str:
    stated = "/".join(_shown(values[name]) if name in values else "?" for name in rule.measures)
    return f"{stated} {next(iter(rule.measures.values())).unit}"


def _days(last: date, before: int) -> list[date]:
    """Return the calendar days from so many days before to the last, in order."""
    return [last - timedelta(days=back) for back in range(before, -1, -1)]


def _shown(value: Decimal) -> str:
    text = format(value.quantize(_CENT), "f")
    return text.rstrip("0").rstrip(".")


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
