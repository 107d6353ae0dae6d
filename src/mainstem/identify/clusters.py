"""Persons from decisions: a pure function of the set of records and decisions, in whatever order they come (LINK-2).

Links are taken strongest first, people's before the matcher's. A link joins two groups only when no decision says
DIFFERENT between any two of their members, no conflict keeps any two of them apart, and the whole stays within
`MEMBERS_MAX`; so one wrong link or number never chains strangers into a giant (LINK-7, LINK-9).
"""

from collections.abc import Iterable, Iterator, Sequence

from msgspec import Struct

from mainstem.identify.rules import STRENGTHS, apart
from mainstem.model.person import Decision, Demographics, Verdict

MEMBERS_MAX = 100
"""Patient records of one person; the largest real one of the fixtures has 52."""

_BY_HAND = 1_000
_AUTOMATIC = "automatic"
_TOO_MANY = f"more than {MEMBERS_MAX} records"


class Partition(Struct, frozen=True):
    """The persons, and what a human should look at because links could not all be kept."""

    clusters: list[tuple[str, ...]]
    reviews: list[Decision]


def cluster(people: Sequence[Demographics], decisions: Sequence[Decision]) -> list[tuple[str, ...]]:
    """Return the record ids of each person, sorted; every record is in exactly one."""
    return partition(people, decisions).clusters


def partition(people: Sequence[Demographics], decisions: Sequence[Decision]) -> Partition:
    """Return the persons, and a REVIEW decision for each SAME that was not followed, saying why."""
    groups = _Groups(people, decisions)
    reviews: list[Decision] = []
    for link in sorted(_links(groups.people, decisions), key=_rank):
        against = groups.join(link)
        if against:
            reviews.append(Decision(
                left=link.left, right=link.right, verdict=Verdict.REVIEW, rule=link.rule,
                evidence=(*link.evidence, *sorted(against)),
            ))  # fmt: skip
    return Partition(sorted({tuple(sorted(members)) for members in groups.members()}), reviews)


def _links(people: dict[str, Demographics], decisions: Iterable[Decision]) -> Iterator[Decision]:
    for each in decisions:
        if each.verdict is Verdict.SAME and each.left in people and each.right in people:
            yield each


def _rank(link: Decision) -> tuple[int, str, str, str]:
    strength = STRENGTHS.get(link.rule, 0) if link.actor == _AUTOMATIC else _BY_HAND
    return -strength, link.left, link.right, link.rule


class _Groups:
    """Groups of records that grow by links."""

    def __init__(self, people: Iterable[Demographics], decisions: Iterable[Decision]) -> None:
        self.people = {each.record: each for each in people}
        self._group: dict[str, set[str]] = {record: {record} for record in self.people}
        told = list(decisions)
        self._different = {frozenset((each.left, each.right)) for each in told if each.verdict is Verdict.DIFFERENT}
        self._known: dict[frozenset[str], frozenset[str]] = {}

    def members(self) -> Iterator[set[str]]:
        """Yield the group of each record."""
        yield from self._group.values()

    def join(self, link: Decision) -> frozenset[str]:
        """Join the groups of a link's two records, or return what speaks against it."""
        left, right = self._group[link.left], self._group[link.right]
        if left is right:
            return frozenset()
        against = self._against(left, right, by_hand=link.actor != _AUTOMATIC)
        if against:
            return against
        if len(left) < len(right):
            left, right = right, left
        left |= right
        for record in right:
            self._group[record] = left
        return frozenset()

    def _against(self, left: set[str], right: set[str], *, by_hand: bool) -> frozenset[str]:
        """Return the first thing that keeps two groups apart; what a human joined is not asked for its demographics."""
        if len(left) + len(right) > MEMBERS_MAX:
            return frozenset({_TOO_MANY})
        pairs = [frozenset((one, other)) for one in left for other in right]
        if not self._different.isdisjoint(pairs):
            return frozenset({"decided to be different"})
        if by_hand:
            return frozenset()
        return frozenset[str]().union(*(self._conflict(pair) for pair in pairs))

    def _conflict(self, pair: frozenset[str]) -> frozenset[str]:
        found = self._known.get(pair)
        if found is None:
            one, other = sorted(pair)
            found = self._known[pair] = apart(self.people[one], self.people[other])
        return found
