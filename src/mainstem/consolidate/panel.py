"""A panel equals its single parts: systolic and diastolic stated one by one join the pair that they make (CONS-5)."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import cast

from mainstem.consolidate.gather import Group, Rule, admits, slots
from mainstem.consolidate.reading import Reading, comparable, nearness
from mainstem.consolidate.when import agree, ends_agree

_MINUTE = timedelta(seconds=60)


def join_panels(groups: Sequence[Group], rule: Rule) -> list[Group]:
    """Return the groups with those taken out that joined a wider one; the given groups of panels are extended."""
    wide = sorted(
        (group for group in groups if _width(group) > 1), key=lambda group: (-_width(group), group.anchor.order)
    )
    if not wide or len({group.anchor.keys for group in groups}) == 1:
        return list(groups)
    found: dict[str | int, list[Group]] = defaultdict(list)
    for group in groups:
        for slot in {slot for item in group.members for slot in slots(item.when, looking=False)}:
            found[slot].append(group)
    taken: set[int] = set()
    for panel in wide:
        for part in _chosen(panel, [each for each in _near(panel, found) if id(each) not in taken], rule):
            taken.add(id(part))
            panel.members.extend(part.members)
            panel.days |= part.days
    return [group for group in groups if id(group) not in taken]


def _near(panel: Group, found: dict[str | int, list[Group]]) -> Iterator[Group]:
    seen: set[int] = set()
    for slot in {*panel.days, *slots(panel.anchor.when, looking=True)}:
        for group in found.get(slot, ()):
            if id(group) not in seen:
                seen.add(id(group))
                yield group


def _chosen(panel: Group, near: Sequence[Group], rule: Rule) -> Iterator[Group]:
    """Per part at most one instant, all of one moment; and what is only dated."""
    fitting = [group for group in near if _part_of(panel, group) and _admitted(panel, group, rule)]
    timed = [group for group in fitting if group.anchor.when.grain == "timed"]
    moment = _moment(panel, timed)
    filled: set[str] = set()
    for group in sorted(fitting, key=lambda group: _order(group, moment)):
        names = _says(group).parts.keys()
        if group.anchor.when.grain != "timed":
            yield group
        elif _at(group, moment) and not names & filled:
            filled |= names
            yield group


def _moment(panel: Group, timed: Sequence[Group]) -> datetime | None:
    """Return the panel's own instant, or for a dated one the earliest at which most of its parts were measured."""
    if panel.anchor.when.grain == "timed":
        return panel.anchor.when.lo
    instants = sorted({group.anchor.when.lo for group in timed if group.anchor.when.lo})
    return min(instants, key=lambda instant: (-sum(_at(group, instant) for group in timed), instant), default=None)


def _at(group: Group, moment: datetime | None) -> bool:
    lo = group.anchor.when.lo
    return lo is not None and moment is not None and abs(lo - moment) <= _MINUTE


def _order(group: Group, moment: datetime | None) -> tuple[float, tuple[object, ...]]:
    lo = group.anchor.when.lo
    return abs((lo - moment).total_seconds()) if lo and moment else 0.0, group.anchor.order


def _part_of(panel: Group, group: Group) -> bool:
    wide, narrow = _says(panel), _says(group)
    if not narrow.parts or not narrow.parts.keys() < wide.parts.keys() or panel.retracted != group.retracted:
        return False
    return _timely(panel, group) and comparable(panel.anchor, group.anchor) and nearness(wide, narrow) is not None


def _timely(panel: Group, group: Group) -> bool:
    mine, theirs = panel.anchor.when, group.anchor.when
    if {mine.grain, theirs.grain} == {"timed", "day"}:
        return bool(panel.days & group.days) and ends_agree(mine, theirs)
    return agree(mine, theirs)


def _admitted(panel: Group, group: Group, rule: Rule) -> bool:
    return all(admits(member, item, rule) for member in panel.members for item in group.members)


def _width(group: Group) -> int:
    return len(_says(group).parts)


def _says(group: Group) -> Reading:
    return cast("Reading", group.anchor.says)
