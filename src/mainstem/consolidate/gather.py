"""Brings items that state the same thing together: by anchors in a fixed order, never by chains (CONS-10).

An item joins a group only if it fits the group's anchor; what fits a mere member does not count. The order of the
items is a function of what they say, so the input's order cannot matter.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from itertools import combinations
from typing import Any, Literal

from msgspec import Struct, field

from mainstem.consolidate.statement import Statement
from mainstem.consolidate.when import GRAINS, Grain, When, agree, ends_agree, within

_LATEST = datetime.max.replace(tzinfo=UTC)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Item(Struct, frozen=True, kw_only=True):
    """One statement, prepared for comparison."""

    statement: Statement
    when: When
    keys: frozenset[str]
    """It can only be the same as an item that shares one of these."""
    rank: tuple[Any, ...]
    """Best anchors first; ends with the record id, so that it is a total order."""
    worth: tuple[Any, ...]
    """The body that is shown is the lowest one's; ends with the record id."""
    says: Any
    """What the room's rule compares; opaque here."""
    loose: bool = False
    """It leaves out what tells its like apart (a dose): it joins a firm one only if there is but one (CONS-17)."""
    kind: str = ""
    """Members of one kind complete each other's bodies; a systolic single does not complete a panel."""
    figure: str = ""
    """Its value in words, for the certificate."""
    reported: dict[str, str] = {}
    """Elements in which members may differ, in words."""

    @property
    def source(self) -> str:
        """Name of the source that states it."""
        return self.statement.fact.source

    @property
    def order(self) -> tuple[datetime, tuple[Any, ...]]:
        """Sorts by time, then by rank."""
        return self.when.lo or _LATEST, self.rank


class Group(Struct, kw_only=True):
    """Items that state the same thing as their anchor."""

    anchor: Item
    members: list[Item]
    days: set[str] = field(default_factory=set[str])

    @property
    def sources(self) -> frozenset[str]:
        """Names of the sources of all members that still stand by it."""
        return frozenset(item.source for item in self.members if not item.statement.retracted)

    @property
    def retracted(self) -> bool:
        """Whether every member has been taken back."""
        return all(item.statement.retracted for item in self.members)

    @property
    def best(self) -> Item:
        """The member whose body is shown: an active one if there is one."""
        return min(self.members, key=lambda item: (item.statement.retracted, item.worth))

    @property
    def id(self) -> str:
        """The public id: the smallest member's record id."""
        return min(item.statement.record for item in self.members)


class Rule(Struct, frozen=True, kw_only=True):
    """What the caller knows of its type."""

    fits: Callable[[Item, Item], Decimal | None]
    """How far an item is from an anchor; None = it states something else. Time is not its business."""
    repeats: Callable[[Item, Item], bool]
    """Whether one source may mean one thing by both."""
    copies: Callable[[Item, Item], bool]
    """Whether the second may be a copy of the first, given that they share a business identifier (CONS-14)."""
    undated: Literal["join", "content", "never"]
    lasting: Callable[[Group, Group], bool]
    """Whether two groups of different times are of one thing all the same, so that an undated one belongs to either."""
    coarse: bool
    """Whether a year or month may stand for a day within it."""


def gather(items: Iterable[Item], rule: Rule) -> list[Group]:
    """Partition the items into groups; active ones first, so that nothing retracted ever decides (CONS-1)."""
    sheaves = _Sheaves(rule)
    waiting: dict[tuple[bool, Grain], list[Item]] = defaultdict(list)
    for item in items:
        waiting[item.statement.retracted, item.when.grain].append(item)
    for retracted in (False, True):
        for grain in GRAINS:
            for item in sorted(waiting[retracted, grain], key=lambda item: item.rank):
                sheaves.place(item)
    sheaves.settle()
    return sheaves.groups


class _Sheaves:
    """The groups so far, findable by key and time."""

    def __init__(self, rule: Rule) -> None:
        self._rule = rule
        self._found: dict[tuple[str, str | int], list[Group]] = defaultdict(list)
        self.groups: list[Group] = []

    def place(self, item: Item) -> None:
        """Let the item join the best group that fits, or begin its own."""
        best = min(self._candidates(item), key=lambda pair: pair[0], default=None)
        if best is None:
            self._begin(item)
            return
        group = best[1]
        group.members.append(item)
        if item.when.day not in group.days:
            group.days.add(item.when.day)
            for key in group.anchor.keys:
                self._found[key, item.when.day].append(group)

    def _begin(self, item: Item) -> None:
        group = Group(anchor=item, members=[item], days={item.when.day})
        self.groups.append(group)
        for place in _places(item, looking=False):
            self._found[place].append(group)

    def _candidates(self, item: Item) -> Iterator[tuple[tuple[Any, ...], Group]]:
        for group in _distinct(self._found.get(place, ()) for place in _places(item, looking=True)):
            if group.anchor.loose != item.loose or not self._timely(group, item):
                continue
            if all(admits(member, item, self._rule) for member in group.members):
                apart = self._rule.fits(group.anchor, item)
                if apart is not None:
                    yield (*_nearness(group.anchor, item), apart, group.anchor.order), group

    def _timely(self, group: Group, item: Item) -> bool:
        anchor, when = group.anchor.when, item.when
        if when.grain == "none":
            return anchor.grain == "none" and self._undated(group.anchor, item)
        if when.grain == "day" and anchor.grain == "timed":
            return when.day in group.days and ends_agree(anchor, when)
        return anchor.grain == when.grain and agree(anchor, when)

    def _undated(self, anchor: Item, item: Item) -> bool:
        if self._rule.undated == "content":
            return anchor.source == item.source and anchor.statement.content == item.statement.content
        return self._rule.undated == "join"

    def settle(self) -> None:
        """Let groups that say too little join the only one that they fit, as a whole."""
        for away in [group for group in self.groups if self._unsettled(group.anchor)]:
            homes = [home for home in self.groups if self._home(home, away)]
            if homes and all(self._rule.lasting(*pair) for pair in combinations(homes, 2)):
                home = min(homes, key=lambda group: (-len(group.sources), group.anchor.order))
                home.members.extend(away.members)
                self.groups.remove(away)

    def _unsettled(self, anchor: Item) -> bool:
        grain = anchor.when.grain
        return anchor.loose or (grain == "coarse" and self._rule.coarse) or (grain == "none" and self._undated_joins)

    @property
    def _undated_joins(self) -> bool:
        return self._rule.undated == "join"

    def _home(self, home: Group, away: Group) -> bool:
        anchor, item = home.anchor, away.anchor
        if home is away or anchor.loose or not anchor.keys & item.keys:
            return False
        if anchor.statement.retracted != item.statement.retracted or not self._shelters(home, item):
            return False
        return self._rule.fits(anchor, item) is not None and all(
            member.source != other.source or self._rule.repeats(member, other)
            for member in home.members
            for other in away.members
        )

    def _shelters(self, home: Group, item: Item) -> bool:
        """Whether the time of a group covers that of an item that says as much or less of it."""
        finer = GRAINS.index(home.anchor.when.grain) < GRAINS.index(item.when.grain)
        match item.when.grain:
            case "none":
                return finer and self._undated_joins
            case "coarse" if finer:
                return self._rule.coarse and within(home.anchor.when, item.when)
            case _:
                return item.loose and self._timely(home, item)


def admits(member: Item, item: Item, rule: Rule) -> bool:
    """Return whether the item's source leaves room for it: its two instants are two readings, its two values too."""
    if member.source != item.source:
        return True
    if member.when.grain == item.when.grain == "timed" and member.when.lo != item.when.lo:
        return False
    return rule.repeats(member, item)


def _distinct(found: Iterable[Sequence[Group]]) -> Iterator[Group]:
    seen: set[int] = set()
    for groups in found:
        for group in groups:
            if id(group) not in seen:
                seen.add(id(group))
                yield group


def _nearness(anchor: Item, item: Item) -> tuple[int, Decimal]:
    """Timed groups before dated ones; among instants the nearest."""
    if anchor.when.grain == item.when.grain == "timed" and anchor.when.lo and item.when.lo:
        return 0, Decimal(abs((anchor.when.lo - item.when.lo).total_seconds()))
    return GRAINS.index(anchor.when.grain), Decimal(0)


def _places(item: Item, *, looking: bool) -> Iterator[tuple[str, str | int]]:
    return ((key, slot) for key in item.keys for slot in slots(item.when, looking=looking))


def slots(when: When, *, looking: bool) -> Iterator[str | int]:
    """Yield where a time is filed: by day and, if timed, by minute; a timed one looks in the minutes around."""
    if when.grain != "timed" or when.window == "day" or not looking:
        yield when.day
    if when.grain == "timed" and when.lo is not None and when.wall is not None:
        reach = (-1, 0, 1) if looking else (0,)
        instant = int((when.lo - _EPOCH).total_seconds() // 60)
        clock = int((when.wall - _EPOCH.replace(tzinfo=None)).total_seconds() // 60)
        for near in reach:
            yield instant + near
            yield f"clock {clock + near}"
