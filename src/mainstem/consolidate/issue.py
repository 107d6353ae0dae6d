"""A difference between sources is said out loud: both entries stay, a DetectedIssue names them (CONS-13, CONS-18)."""

from collections.abc import Iterable, Sequence

from msgspec import Struct

from mainstem.consolidate.gather import Group
from mainstem.consolidate.publish import VERSION, entry, member, meta
from mainstem.model.fact import Resource
from mainstem.model.ids import Namer
from mainstem.model.names import RULE
from mainstem.model.record import Block, Certificate, Entry, Member

DISPLAY = {
    "differs": "Sources disagree",
    "implausible-jump": "Implausible change",
    "contradicts-none-known": "Something known beside nothing known",
    "contradicts-negation": "Stated and denied",
}
"""Codes of system RULE that an issue may carry."""


class Difference(Struct, frozen=True, kw_only=True):
    """A set of entries that cannot all be true of one thing."""

    code: str
    """One of `DISPLAY`."""
    ids: tuple[str, ...]
    """Sorted ids of the entries."""
    sources: tuple[str, ...]
    sentence: str
    members: tuple[Member, ...]
    """The source records that differ, sorted; they belong to the entries, this only cites them."""


def issue(block: Block, type_: str, difference: Difference, namer: Namer) -> Entry:
    """Return the DetectedIssue of a difference; its id follows from what it names, so that it is found again."""
    patient = {"patient": {"reference": f"Patient/{block.person}"}} if block.person else {}
    body: Resource = {
        "resourceType": "DetectedIssue",
        "id": namer.derived("conflict", difference.code, *difference.ids),
        "meta": meta([], difference.sources),
        "status": "final",
        "code": {
            "coding": [{"system": RULE, "code": difference.code, "display": DISPLAY[difference.code]}],
            "text": DISPLAY[difference.code],
        },
        "severity": "moderate",
        **patient,
        "implicated": [{"reference": f"{type_}/{each}"} for each in difference.ids],
        "detail": difference.sentence,
    }
    notes = tuple(f"{type_}/{each}" for each in difference.ids)
    return entry(
        block, body, Certificate(rule=difference.code, version=VERSION, members=difference.members, notes=notes)
    )


def cited(groups: Iterable[Group]) -> tuple[Member, ...]:
    """Return the members of groups that differ, with what each states."""
    items = [item for group in groups for item in group.members if not item.statement.retracted]
    ordered = sorted(items, key=lambda item: item.statement.record)
    return tuple(member(item.statement, "differs", item.figure) for item in ordered)


def differing(differences: Sequence[Difference]) -> frozenset[str]:
    """Return the ids of all entries that some difference names."""
    return frozenset(each for difference in differences for each in difference.ids)
