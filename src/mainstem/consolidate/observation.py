"""The Observations of one block → entries and the differences between sources (CONS-3, CONS-5)."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from itertools import combinations, pairwise, product
from typing import cast

from mainstem.consolidate.gather import Group, gather
from mainstem.consolidate.issue import Difference, cited, differing, issue
from mainstem.consolidate.jump import jumps
from mainstem.consolidate.panel import join_panels
from mainstem.consolidate.publish import single, together
from mainstem.consolidate.reading import RULE, Reading, comparable, readings
from mainstem.consolidate.sameness import FAMILIES, JUMPS
from mainstem.consolidate.statement import Statement
from mainstem.consolidate.value import same
from mainstem.consolidate.when import agree, ends_agree
from mainstem.consolidate.withdraw import withdrawn
from mainstem.consolidate.words import listed, name_of, sources_words, values_of
from mainstem.model.ids import Namer
from mainstem.model.moment import parse_moment
from mainstem.model.record import Block, Entry

_MINUTE = timedelta(seconds=60)
_MIDNIGHT = "T00:00"
_OTHER_TIMES = frozenset({"_effectiveDateTime", "effectivePeriod", "effectiveInstant"})
_WATCHED = frozenset(JUMPS) | {each.family for each in FAMILIES.values() if each.window}
"""Families whose readings matter to one another although they are far apart in time."""


def observations(block: Block, heard: Sequence[Statement], namer: Namer) -> list[Entry]:
    """Return one entry per reading, one DetectedIssue per day of disagreement, and one per implausible jump."""
    if far_apart(block.name, heard):
        return [single(block, each, namer, "observation") for each in heard]
    items = withdrawn(readings(heard), RULE)
    groups = join_panels(gather(items, RULE), RULE)
    differences = list(_differences(groups))
    told = [set(each.ids) for each in differences]
    differences += [each for each in jumps(block.name, groups) if not any(set(each.ids) <= ids for ids in told)]
    marked = differing(differences)
    entries = [together(block, group, namer, "observation", differs=group.id in marked) for group in groups]
    return entries + [issue(block, "Observation", each, namer) for each in differences]


def far_apart(block: str, heard: Sequence[Statement]) -> bool:
    """Whether no two readings can be of one time and nothing else joins them: the bulk case, told by their times alone.

    False whenever it cannot be told cheaply: a date, a midnight, a borrowed offset, a period, a family whose readings
    hold longer or must not leap, something taken back.
    """
    if block.rpartition("|")[2] in _WATCHED:
        return False
    instants: list[datetime] = []
    for each in heard:
        resource = each.fact.resource
        text = resource.get("effectiveDateTime")
        if each.retracted or not isinstance(text, str) or _MIDNIGHT in text or not _OTHER_TIMES.isdisjoint(resource):
            return False
        moment = parse_moment(text)
        if moment is None or not moment.timed:
            return False
        instants.append(moment.lo)
    instants.sort()
    return all(later - earlier > _MINUTE for earlier, later in pairwise(instants))


def _differences(groups: Sequence[Group]) -> Iterator[Difference]:
    """One difference per day, whatever the number of its values."""
    found: dict[str, dict[str, Group]] = defaultdict(dict)
    speaking = [group for group in groups if not group.retracted and _says(group).parts]
    for left, right in _pairs(speaking):
        if _disagree(left, right):
            found[left.anchor.when.day] |= {left.id: left, right.id: right}
    for day in sorted(found):
        yield _difference(day, found[day].values())


def _difference(day: str, groups: Iterable[Group]) -> Difference:
    ordered = sorted(groups, key=lambda group: group.id)
    best = [group.best.statement.fact.resource for group in ordered]
    stated: dict[str, set[str]] = defaultdict(set)
    for group, resource in zip(ordered, best, strict=True):
        stated[values_of(resource)] |= group.sources
    told = [f"{words} ({sources_words(sources)})" for words, sources in sorted(stated.items())]
    of = f" of {day}" if day else ""
    return Difference(
        code="differs",
        ids=tuple(group.id for group in ordered),
        sources=tuple(sorted({source for group in ordered for source in group.sources})),
        sentence=f"{name_of(best[0].get('code'))}{of} is stated differently: {listed(told)}.",
        members=cited(ordered),
    )


def _pairs(groups: Sequence[Group]) -> Iterator[tuple[Group, Group]]:
    """Yield pairs that could speak of one time: neighbours in time, and what is only dated with all of its day."""
    timed = sorted((each for each in groups if each.anchor.when.grain == "timed"), key=lambda each: each.anchor.order)
    yield from _neighbours(timed, _instant)
    for each in _by_day([group for group in timed if group.anchor.when.window == "day"]).values():
        yield from combinations(each, 2)
    if any(group.anchor.when.floating for group in timed):
        yield from _neighbours(sorted(timed, key=lambda each: str(each.anchor.when.wall)), _clock)
    days, dated = _by_day(timed), _by_day([each for each in groups if each.anchor.when.grain == "day"])
    for day, each in dated.items():
        counts = _counts(days[day])
        lone = [right for right in days[day] if any(counts[source] == 1 for source in right.sources)]
        yield from combinations(each, 2)
        yield from product(each, lone)


def _neighbours(timed: Sequence[Group], hand: Callable[[Group], datetime | None]) -> Iterator[tuple[Group, Group]]:
    for index, left in enumerate(timed):
        for position in range(index + 1, len(timed)):
            earlier, later = hand(left), hand(timed[position])
            if earlier is None or later is None or later - earlier > _MINUTE:
                break
            if agree(left.anchor.when, timed[position].anchor.when):
                yield left, timed[position]


def _instant(group: Group) -> datetime | None:
    return group.anchor.when.lo


def _clock(group: Group) -> datetime | None:
    return group.anchor.when.wall


def _by_day(groups: Sequence[Group]) -> dict[str, list[Group]]:
    days: dict[str, list[Group]] = defaultdict(list)
    for group in groups:
        for day in group.days:
            days[day].append(group)
    return days


def _counts(timed: Sequence[Group]) -> dict[str, int]:
    """Readings of the day per source: who took several leaves room for one more, who took one does not."""
    counts: dict[str, int] = defaultdict(int)
    for group in timed:
        for source in group.sources:
            counts[source] += 1
    return counts


def _disagree(left: Group, right: Group) -> bool:
    """One source that states both means two readings, whatever it states of their time."""
    if (
        not left.sources.isdisjoint(right.sources)
        or not ends_agree(left.anchor.when, right.anchor.when)
        or not comparable(left.anchor, right.anchor)
    ):
        return False
    mine, theirs = _says(left), _says(right)
    shared = mine.parts.keys() & theirs.parts.keys()
    return any(same(mine.parts[name], theirs.parts[name], mine.tolerances[name]) is not True for name in shared)


def _says(group: Group) -> Reading:
    return cast("Reading", group.anchor.says)
