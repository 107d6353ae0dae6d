"""One person's Patient from all of their source records: agreed where sources agree, nothing of the rest lost."""

from collections.abc import Sequence

from mainstem.consolidate.publish import member, meta, settled
from mainstem.consolidate.statement import Statement
from mainstem.model.ids import Namer
from mainstem.model.record import Block, Certificate, Entry


def one_patient(block: Block, heard: Sequence[Statement], namer: Namer, version: int) -> Entry:
    """Return the Patient entry; its id is the person's."""
    resources = [statement.fact.resource for statement in heard]
    body = {
        **settled(heard[0].fact, block.person, namer),
        "id": block.person,
        "meta": meta(resources, [statement.fact.source for statement in heard]),
    }
    certificate = Certificate(rule="patient", version=version, members=tuple(member(each) for each in heard))
    return Entry(
        type="Patient", id=block.person, person=block.person, block=block.name, resource=body, certificate=certificate
    )
