"""Things that a business identifier or their whole content names: a block of them is one thing (RID-2, CCDA-16)."""

from collections import defaultdict
from collections.abc import Sequence

from mainstem.consolidate.block import block_of
from mainstem.consolidate.gather import Group, Item
from mainstem.consolidate.publish import together
from mainstem.consolidate.sameness import DOCUMENTS
from mainstem.consolidate.statement import Statement
from mainstem.consolidate.when import NEVER
from mainstem.model.ids import Namer
from mainstem.model.json import canonical
from mainstem.model.record import Block, Entry


def identified(block: Block, heard: Sequence[Statement], namer: Namer) -> list[Entry]:
    """Return one entry per thing."""
    groups: dict[tuple[str | bytes, ...], list[Item]] = defaultdict(list)
    for statement in heard:
        groups[_apart(statement)].append(_item(statement))
    rule = heard[0].fact.type.lower()
    return [together(block, Group(anchor=items[0], members=items), namer, rule) for items in groups.values()]


def _apart(statement: Statement) -> tuple[str | bytes, ...]:
    resource = statement.fact.resource
    versions = (canonical(resource.get(name)) for name in DOCUMENTS.get(statement.fact.type, ()))
    return (block_of(statement.fact), *versions)


def _item(statement: Statement) -> Item:
    fullness = -len(statement.fact.resource)
    return Item(
        statement=statement,
        when=NEVER,
        keys=frozenset(),
        rank=(statement.record,),
        worth=(fullness, statement.record),
        says=None,
    )
