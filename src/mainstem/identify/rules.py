"""The pair rules: data in `rules.toml`, applied to what two records agree on and where they conflict."""

import tomllib
from collections import defaultdict
from collections.abc import Mapping, Sequence
from importlib.resources import files
from itertools import combinations

import msgspec
from msgspec import Struct

from mainstem.identify.blocking import keys
from mainstem.identify.compare import AGREEMENTS, CONFLICTS, agreements, conflicts
from mainstem.model.ids import Namer
from mainstem.model.outcome import Outcome, Stage
from mainstem.model.person import Decision, Demographics, Verdict
from mainstem.model.reference import Reference

KEY_MEMBERS_MAX = 200
"""A blocking key with more members than this says nothing (a facility's phone) and proposes nobody."""


class Rule(Struct, frozen=True, kw_only=True):
    """Holds when all of `needs` agree and at least `count` of `among`."""

    name: str
    verdict: Verdict
    strength: int
    needs: frozenset[str]
    count: int
    among: frozenset[str]
    why: str


class _Conflicts(Struct, frozen=True):
    pair: frozenset[str]
    person: frozenset[str]


class _Rules(Struct, frozen=True):
    version: int
    rule: tuple[Rule, ...]
    conflicts: _Conflicts


def _load() -> _Rules:
    text = files("mainstem.identify").joinpath("rules.toml").read_text(encoding="utf-8")
    rules = msgspec.convert(tomllib.loads(text), _Rules)
    used = {word for rule in rules.rule for word in rule.needs | rule.among}
    unknown = (used - AGREEMENTS.keys()) | ((rules.conflicts.pair | rules.conflicts.person) - CONFLICTS.keys())
    assert not unknown, f"rules.toml names what is never compared: {sorted(unknown)}"
    return rules


_RULES = _load()
VERSION = _RULES.version
STRENGTHS: Mapping[str, int] = {rule.name: rule.strength for rule in _RULES.rule}


def decide(one: Demographics, other: Demographics) -> Decision | None:
    """Return the decision on two patient records, or None when nothing links them; the order does not matter."""
    left, right = (one, other) if one.record < other.record else (other, one)
    agreed = agreements(left, right)
    rule = next((each for each in _RULES.rule if each.needs <= agreed and len(each.among & agreed) >= each.count), None)
    if rule is None:
        return None
    against = conflicts(left, right) & _RULES.conflicts.pair
    evidence = (*(f"{word} agrees" for word in sorted(agreed & (rule.needs | rule.among))), *sorted(against))
    verdict = Verdict.REVIEW if against else rule.verdict
    return Decision(left=left.record, right=right.record, verdict=verdict, rule=rule.name, evidence=evidence)


def apart(one: Demographics, other: Demographics) -> frozenset[str]:
    """Return the conflicts that keep two records from being of one person, whoever would join them."""
    return conflicts(one, other) & _RULES.conflicts.person


def candidates(people: Sequence[Demographics], namer: Namer) -> list[tuple[int, int]]:
    """Return the pairs of positions in `people` that share a usable blocking key, each once, in order."""
    members: defaultdict[int, list[int]] = defaultdict(list)
    for index, person in enumerate(people):
        for key in keys(person, namer):
            members[key].append(index)
    usable = (each for each in members.values() if 1 < len(each) <= KEY_MEMBERS_MAX)
    return sorted({pair for each in usable for pair in combinations(each, 2)})


def _run(people: Sequence[Demographics], reference: Reference) -> Outcome[Decision]:
    distinct = list({person.record: person for person in people}.values())
    found = (decide(distinct[one], distinct[other]) for one, other in candidates(distinct, reference.namer))
    made = [each for each in found if each is not None]
    return Outcome(sorted(made, key=lambda each: (each.left, each.right)))


STAGE: Stage[Demographics, Decision, Reference] = Stage(name="identify", version=VERSION, key=None, run=_run)
