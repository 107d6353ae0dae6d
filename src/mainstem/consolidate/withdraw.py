"""A retraction at the origin retracts its copies elsewhere; a different measurement it leaves alone (CONS-14)."""

from collections import defaultdict
from collections.abc import Sequence

from msgspec.structs import replace

from mainstem.consolidate.block import business_identifiers
from mainstem.consolidate.gather import Item, Rule

_Shelf = dict[tuple[str, str], list[Item]]


def withdrawn(items: Sequence[Item], rule: Rule) -> list[Item]:
    """Return the items; one that another source took back under the same business identifier is retracted too."""
    if not any(item.statement.retracted for item in items):
        return list(items)
    shelf: _Shelf = defaultdict(list)
    for item in items:
        for identifier in _identifiers(item):
            shelf[identifier].append(item)
    return [_withdrawn(item, shelf, rule) for item in items]


def _withdrawn(item: Item, shelf: _Shelf, rule: Rule) -> Item:
    if item.statement.retracted:
        return item
    shared = [
        other
        for identifier in _identifiers(item)
        for other in shelf[identifier]
        if other.source != item.source and rule.copies(other, item)
    ]
    standing = {other.source for other in shared if not other.statement.retracted}
    origins = {other.source for other in shared if other.statement.retracted} - standing
    if not origins:
        return item
    return replace(item, statement=replace(item.statement, retracted=True, withdrawn=min(origins)))


def _identifiers(item: Item) -> list[tuple[str, str]]:
    return business_identifiers(item.statement.fact.resource, ())
