"""The stage: blocks in, entries out. Pure and order-free: the same facts give the same bytes (I1, I2)."""

from collections.abc import Sequence

from mainstem.consolidate.clinical import clinical
from mainstem.consolidate.identified import identified
from mainstem.consolidate.observation import observations
from mainstem.consolidate.patient import one_patient
from mainstem.consolidate.publish import VERSION, single
from mainstem.consolidate.sameness import BLOCKS, CLAIMS
from mainstem.consolidate.shape import sound
from mainstem.consolidate.statement import Statement, statements
from mainstem.model.ids import Namer
from mainstem.model.outcome import Outcome, Stage
from mainstem.model.record import Block, Entry
from mainstem.model.reference import Reference

RULES = {type_: type_.lower() for type_ in ("Observation", *CLAIMS, *BLOCKS.identified)}
"""Type → name of its sameness rule in certificates; `record` for types that pass as they are."""


def consolidate(block: Block, namer: Namer) -> list[Entry]:
    """Return the entries of one block, sorted by id; each fact that is not deleted is in exactly one of them."""
    heard = statements(block.facts, namer)
    if len(heard) == 1:
        return _of_type(heard[0].fact.type, block, heard, namer)
    return sorted(_entries(block, heard, namer), key=lambda entry: entry.id)


def _entries(block: Block, heard: Sequence[Statement], namer: Namer) -> list[Entry]:
    types: dict[str, list[Statement]] = {}
    odd: list[Statement] = []
    for statement in heard:
        plain = statement.fact.type == "Patient" or sound(statement.fact.resource)
        (types.setdefault(statement.fact.type, []) if plain else odd).append(statement)
    entries = [entry for type_, each in types.items() for entry in _of_type(type_, block, each, namer)]
    return entries + [single(block, statement, namer, "record") for statement in odd]


def _of_type(type_: str, block: Block, heard: Sequence[Statement], namer: Namer) -> list[Entry]:
    if type_ == "Patient" and block.person:
        return one_patient(block, heard, namer)
    if len(heard) == 1:
        return [single(block, heard[0], namer, RULES.get(type_, "record"))]
    if type_ == "Observation":
        return observations(block, heard, namer)
    if type_ in CLAIMS:
        return clinical(block, heard, CLAIMS[type_], namer)
    if type_ in BLOCKS.identified:
        return identified(block, heard, namer)
    return [single(block, statement, namer, "record") for statement in heard]


def _run(batch: Sequence[Block], reference: Reference) -> Outcome[Entry]:
    return Outcome([entry for block in batch for entry in consolidate(block, reference.namer)])


STAGE: Stage[Block, Entry, Reference] = Stage(name="consolidate", version=VERSION, key="block", run=_run)
"""Facts of one block → entries; holds nothing back."""
