"""Insight: published rules over the consolidated record, raised as Flags that name their evidence; pure.

A rule is no prediction and no diagnosis: it says that the numbers reached what a cited text asks to report.
"""

from collections.abc import Sequence

from msgspec import Struct

from mainstem.insight.flags import Watch, flags
from mainstem.insight.rules import book
from mainstem.model.outcome import Outcome, Stage
from mainstem.model.record import Entry
from mainstem.model.reference import Reference

__all__ = ["BLOCKS", "STAGE", "Series"]

BLOCKS: frozenset[str] = frozenset(rule.block for rule in book().rule)
"""Names of the consolidation blocks that the rules watch; alerts of block B stand in block `insight|B`."""


class Series(Struct, frozen=True, kw_only=True):
    """All consolidated entries of one person and one watched block, in any order."""

    person: str
    block: str
    entries: Sequence[Entry]


def _run(batch: Sequence[Series], reference: Reference) -> Outcome[Entry]:
    return Outcome(kept=[flag for series in batch for flag in _flags(series, reference)])


def _flags(series: Series, reference: Reference) -> list[Entry]:
    return [
        flag
        for rule in book().rule
        if rule.block == series.block
        for flag in flags(
            Watch(person=series.person, block=series.block, rule=rule, namer=reference.namer), series.entries
        )
    ]


STAGE: Stage[Series, Entry, Reference] = Stage(name="alerts", version=1, key="person", run=_run)
"""Series in, Flag entries out; holds nothing back."""
