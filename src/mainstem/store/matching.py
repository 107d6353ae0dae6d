"""Identification against the store: new patient records are compared with those that could be the same person.

Decisions are a pure function of pairs of records and clusters of their components, so the persons do not depend on the
order of arrival (I2); only what changed is appended to the link ledger.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime

from mainstem import harmonise, identify
from mainstem.model.fact import Fact
from mainstem.model.ids import number
from mainstem.model.person import Decision, Demographics, Verdict
from mainstem.model.reference import Reference
from mainstem.store import heads, persons
from mainstem.store.ledger import Ledger
from mainstem.store.session import Tx

Pair = tuple[int, int]
_LAPSED = ("the records no longer agree",)


class Matching:
    """Keeps persons in step with the newest patient facts; works inside the caller's transaction."""

    def __init__(self, ledger: Ledger, reference: Reference) -> None:
        """Bind to a ledger and to the names of one installation."""
        self._ledger = ledger
        self._reference = reference

    def settle(self, tx: Tx, arrived: Mapping[int, Fact], now: datetime) -> dict[int, tuple[int | None, int]]:
        """Compare the arrived, harmonised Patient facts; return {record: (person before, now)} of all that moved."""
        if not arrived:
            return {}
        namer = self._reference.namer
        people = {record: identify.demographics(fact, namer) for record, fact in arrived.items()}
        keys = {record: identify.keys(each, namer) for record, each in people.items()}
        persons.replace_keys(tx, keys)
        told = persons.decisions(tx, arrived)
        near = persons.candidates(tx, (key for each in keys.values() for key in each)) | {
            r for pair in told for r in pair
        }
        self._load(tx, people, near)
        made = {persons.pair(d): d for d in identify.STAGE.run(list(people.values()), self._reference).kept}
        persons.append(tx, _changes(told, made, set(arrived)), now)
        decisions = self._component(tx, people, arrived)
        return persons.seat(tx, identify.cluster(list(people.values()), list(decisions.values())), namer)

    def _load(self, tx: Tx, people: dict[int, Demographics], records: Iterable[int]) -> None:
        missing = [record for record in records if record not in people]
        for record, fact in (heads.patients(tx, self._ledger, missing) if missing else {}).items():
            people[record] = identify.demographics(harmonise.harmonise(fact), self._reference.namer)

    def _component(self, tx: Tx, people: dict[int, Demographics], arrived: Iterable[int]) -> dict[Pair, Decision]:
        """Load all that is connected to the arrived records by SAME decisions; drop from `people` what is not."""
        seen: set[int] = set(arrived)
        frontier = set(seen)
        decisions: dict[Pair, Decision] = {}
        while frontier:
            found = persons.decisions(tx, frontier)
            decisions.update(found)
            linked = {r for pair, d in found.items() if d.verdict is Verdict.SAME for r in pair}
            frontier = (linked | self._seated_with(tx, frontier)) - seen
            seen |= frontier
        self._load(tx, people, seen)
        for record in set(people) - seen:
            del people[record]
        return {pair: d for pair, d in decisions.items() if pair[0] in people and pair[1] in people}

    def _seated_with(self, tx: Tx, records: Iterable[int]) -> set[int]:
        """Return the records that are of the same persons now: a lapsed link may take one of them away."""
        people = {person.number for person in persons.persons_of(tx, records).values()}
        return {record for members in persons.subjects_of(tx, people).values() for record in members}


def _changes(told: Mapping[Pair, Decision], made: Mapping[Pair, Decision], arrived: set[int]) -> list[Decision]:
    """Return what the link ledger does not say yet; what a person decided is never outvoted by the matcher (LINK-3)."""
    changes = [
        d
        for pair, d in made.items()
        if (before := told.get(pair)) is None or (before.actor == "automatic" and _differs(before, d))
    ]
    lapsed = [
        Decision(
            left=d.left, right=d.right, verdict=Verdict.LAPSED, rule=d.rule, evidence=("the records no longer agree",)
        )
        for pair, d in told.items()
        if pair not in made and d.actor == "automatic" and d.verdict is not Verdict.LAPSED and arrived & set(pair)
    ]
    return [*(d for d in changes if _touches(d, arrived)), *lapsed]


def _differs(one: Decision, other: Decision) -> bool:
    return (one.verdict, one.rule, one.evidence) != (other.verdict, other.rule, other.evidence)


def _touches(decision: Decision, arrived: set[int]) -> bool:
    return number(decision.left) in arrived or number(decision.right) in arrived
