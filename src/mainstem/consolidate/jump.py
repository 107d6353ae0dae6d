"""Neighbours in time that no body can both have had: most often a number under the wrong unit (194 pounds as kg)."""

from collections.abc import Iterator, Sequence
from datetime import timedelta
from decimal import Decimal
from itertools import pairwise
from typing import cast

from mainstem.consolidate.gather import Group
from mainstem.consolidate.issue import Difference, cited
from mainstem.consolidate.reading import Reading
from mainstem.consolidate.sameness import JUMPS, Jump
from mainstem.consolidate.value import Measured
from mainstem.consolidate.words import listed, name_of, sources_words, values_of

_CLOSE = Decimal("0.02")
"""How near a number must come to its neighbour in the other unit to name that unit."""


def jumps(block: str, groups: Sequence[Group]) -> Iterator[Difference]:
    """Yield one difference per run of readings in which each leaps from the one before within the family's days."""
    rule = JUMPS.get(block.rpartition("|")[2])
    if rule is None:
        return
    series = sorted((group for group in groups if _speaks(group)), key=lambda group: group.anchor.order)
    run: list[Group] = []
    for left, right in pairwise(series):
        if _leaps(left, right, rule):
            run = [*(run or [left]), right]
        elif run:
            yield _difference(run, rule)
            run = []
    if run:
        yield _difference(run, rule)


def _speaks(group: Group) -> bool:
    return not group.retracted and group.anchor.when.lo is not None and _measured(group) is not None


def _measured(group: Group) -> Measured | None:
    values = list(cast("Reading", group.anchor.says).parts.values())
    return values[0] if len(values) == 1 and isinstance(values[0], Measured) and values[0].number > 0 else None


def _leaps(left: Group, right: Group, rule: Jump) -> bool:
    mine, theirs, first, second = _measured(left), _measured(right), left.anchor.when.lo, right.anchor.when.lo
    if mine is None or theirs is None or first is None or second is None or mine.unit != theirs.unit:
        return False
    low, high = sorted((mine.number, theirs.number))
    return second - first <= timedelta(days=rule.days) and high >= low * rule.ratio


def _difference(run: Sequence[Group], rule: Jump) -> Difference:
    best = [group.best.statement.fact.resource for group in run]
    told = [
        f"{values_of(resource)} of {group.anchor.when.day} ({sources_words(group.sources)})"
        for group, resource in zip(run, best, strict=True)
    ]
    sentence = f"{name_of(best[0].get('code'))} leaps as no body does: {listed(told)}{_guess(run, rule)}."
    return Difference(
        code="implausible-jump",
        ids=tuple(sorted(group.id for group in run)),
        sources=tuple(sorted({source for group in run for source in group.sources})),
        sentence=sentence,
        members=cited(run),
    )


def _guess(run: Sequence[Group], rule: Jump) -> str:
    """Name the unit in which the odd one would fit: a proposal for a person, never a repair."""
    for left, right in pairwise(run):
        mine, theirs = _measured(left), _measured(right)
        assert mine is not None
        assert theirs is not None
        for odd, plain in ((mine, theirs), (theirs, mine)):
            if abs(odd.number / (plain.number * rule.factor) - 1) <= _CLOSE:
                return f"; {odd.number:f} fits as {rule.unit}"
    return ""
