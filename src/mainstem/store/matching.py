"""Identification against the store: new patient records are compared with those that could be the same person.

Decisions are a pure function of pairs of records and clusters of their components, so the persons do not depend on the
order of arrival (I2); only what changed is appended to the link ledger.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import datetime

from mainstem import harmonise, identify
from mainstem.identify.rules import KEY_MEMBERS_MAX
from mainstem.model.fact import Fact
from mainstem.model.ids import number
from mainstem.model.person import Decision, Demographics, Verdict
from mainstem.model.reference import Reference
from mainstem.store import heads, persons
from mainstem.store.ledger import Ledger
from mainstem.store.session import Tx

Pair = tuple[int, int]


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
        compared, usable = self._compared(tx, people)
        told = persons.decisions(tx, compared)
        self._load(tx, people, persons.sharing(tx, usable) | compared | {r for pair in told for r in pair})
        made = self._decide(people, usable)
        persons.append(tx, _changes(told, made, compared), now)
        decisions = self._component(tx, people, compared)
        return persons.seat(tx, identify.cluster(list(people.values()), list(decisions.values())), namer)

    def _compared(self, tx: Tx, people: Mapping[int, Demographics]) -> tuple[set[int], set[int]]:
        """Write the arrived records' keys; return the records to compare anew, and the keys that may propose a pair.

        A key that grew beyond what is usable, or shrank to it, brings all its records: what is compared depends on the
        set of records alone, not on the order in which they came (I2).
        """
        new = {record: set(identify.keys(each, self._reference.namer)) for record, each in people.items()}
        old = persons.keys_of(tx, people)
        persons.replace_keys(tx, {record: sorted(keys) for record, keys in new.items()})
        grown = Counter(key for keys in new.values() for key in keys)
        grown.subtract(key for keys in old.values() for key in keys)
        now = persons.sizes(tx, grown)
        turned = {k for k, more in grown.items() if _usable(now.get(k, 0)) != _usable(now.get(k, 0) - more)}
        compared = {*people, *(persons.sharing(tx, turned) if turned else ())}
        if turned:
            others = persons.keys_of(tx, compared - people.keys())
            now = persons.sizes(tx, {*now, *(key for keys in others.values() for key in keys)})
        return compared, {key for key, size in now.items() if size > 1 and _usable(size)}

    def _decide(self, people: Mapping[int, Demographics], usable: set[int]) -> dict[Pair, Decision]:
        """Return the decisions on pairs that share a usable key; the stage alone sees only who is at hand."""
        made = {persons.pair(d): d for d in identify.STAGE.run(list(people.values()), self._reference).kept}
        keys = {r: usable.intersection(identify.keys(people[r], self._reference.namer)) for pair in made for r in pair}
        return {pair: d for pair, d in made.items() if keys[pair[0]] & keys[pair[1]]}

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


def _usable(members: int) -> bool:
    return members <= KEY_MEMBERS_MAX


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
