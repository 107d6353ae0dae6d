"""Harmonise: the same words for the same meaning, beside the source's own words; pure.

Nothing is overwritten and nothing is guessed silently: refusing to convert is a correct answer.
"""

from collections.abc import Callable, Sequence

from msgspec.structs import replace

from mainstem.harmonise.doses import doses
from mainstem.harmonise.observation import observation
from mainstem.harmonise.statuses import status
from mainstem.model.fact import Fact, Resource
from mainstem.model.outcome import Outcome, Stage
from mainstem.model.reference import Reference

__all__ = ["STAGE", "harmonise"]

_RULES: dict[str, tuple[Callable[[Resource], Resource], ...]] = {
    "Observation": (status, observation),
    "DiagnosticReport": (status,),
    "Encounter": (status,),
    "Immunization": (status, doses),
    "MedicationAdministration": (status, doses),
    "MedicationDispense": (status, doses),
    "MedicationRequest": (status, doses),
    "MedicationStatement": (status, doses),
    "Procedure": (status,),
}


def harmonise(fact: Fact) -> Fact:
    """Return the fact with canonical codes, units and values beside the source's own; idempotent, loses nothing.

    The same object comes back when the fact is canonical already or of a type that no table speaks of.
    """
    rules = _RULES.get(fact.type)
    if rules is None:
        return fact
    resource = fact.resource
    for rule in rules:
        resource = rule(resource)
    return fact if resource is fact.resource else replace(fact, resource=resource)


def _run(facts: Sequence[Fact], _: Reference) -> Outcome[Fact]:
    return Outcome(kept=[harmonise(fact) for fact in facts])


STAGE: Stage[Fact, Fact, Reference] = Stage(name="harmonise", version=1, key=None, run=_run)
"""Per fact; holds nothing back: what cannot be harmonised stays as sent, with a finding in `meta.tag`."""
