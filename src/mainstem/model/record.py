"""The record: what consolidation makes of a person's facts, with a certificate that says how."""

from collections.abc import Sequence
from typing import Literal

from msgspec import Struct

from mainstem.model.fact import Fact, Resource

Role = Literal["same", "converted", "differs", "retracted"]
"""How a fact stands to the resource: equal as sent, equal after conversion, in conflict with it, or taken back."""


class Member(Struct, frozen=True, kw_only=True):
    """A source record that contributes to a consolidated resource."""

    record: str
    """Public id of the source record, from `Namer.record`."""
    source: str
    type: str
    key: str
    order: str
    role: Role
    note: str = ""
    """What differed or was converted, in words: `180 [lb_av] = 81.6 kg`."""


class Certificate(Struct, frozen=True, kw_only=True):
    """Why a consolidated resource is what it is: enough to derive it again (CONS-15)."""

    rule: str
    """Name of the sameness rule that formed the group."""
    version: int
    members: tuple[Member, ...]
    """Sorted by record id; the first one's id is the resource's id."""
    notes: tuple[str, ...] = ()


class Block(Struct, frozen=True, kw_only=True):
    """All facts of one person that could state the same thing: the unit of consolidation."""

    person: str
    """Public id of the person; empty = facts about no person."""
    name: str
    """Such as `Observation|29463-7`; from `consolidate.block_of`."""
    facts: Sequence[Fact]
    """Harmonised; the newest version of each record only; in any order."""


class Entry(Struct, frozen=True, kw_only=True):
    """One resource of the consolidated record.

    `resource` carries `id`; references to the source's records read `Type/<Namer.record id>` and to the person
    `Patient/<person id>`; `meta.versionId` and `meta.lastUpdated` are set by the store.
    """

    type: str
    id: str
    person: str
    block: str
    resource: Resource
    certificate: Certificate
    targets: frozenset[str] | None = None
    """Ids of the records of ours that `resource` refers to, patients left out; None = not looked for yet."""
