"""The stage: blocks in, entries out. Pure and order-free: the same facts give the same bytes (I1, I2)."""

from collections.abc import Sequence

from mainstem.consolidate.patient import one_patient
from mainstem.consolidate.publish import single
from mainstem.consolidate.statement import statements
from mainstem.model.ids import Namer
from mainstem.model.outcome import Outcome, Stage
from mainstem.model.record import Block, Entry
from mainstem.model.reference import Reference

VERSION = 1


def consolidate(block: Block, namer: Namer) -> list[Entry]:
    """Return the entries of one block, sorted by id; each fact that is not deleted is in exactly one of them."""
    heard = statements(block.facts, namer)
    if not heard:
        return []
    if heard[0].fact.type == "Patient" and block.person:
        return [one_patient(block, heard, namer, VERSION)]
    return [single(block, statement, namer, "record", VERSION) for statement in heard]


def _run(batch: Sequence[Block], reference: Reference) -> Outcome[Entry]:
    return Outcome([entry for block in batch for entry in consolidate(block, reference.namer)])


STAGE: Stage[Block, Entry, Reference] = Stage(name="consolidate", version=VERSION, key="block", run=_run)
"""Facts of one block → entries; holds nothing back."""
