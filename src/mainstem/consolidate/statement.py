"""What a block's facts are before they are compared: one statement per source record, the newest, not the deleted."""

from collections.abc import Iterable, Sequence
from typing import Any, cast

from msgspec import Struct

from mainstem.consolidate.block import codings
from mainstem.consolidate.shape import dicts
from mainstem.model.fact import Fact, Resource
from mainstem.model.ids import Namer
from mainstem.model.json import canonical
from mainstem.model.names import GONE_TAG

RETRACTED = "entered-in-error"
_NAMING = frozenset({"id", "meta", "text"})


class Statement(Struct, frozen=True, kw_only=True):
    """One record as its source states it now."""

    record: str
    fact: Fact
    retracted: bool
    """The source has taken it back (GONE-2); it never contributes a value."""

    withdrawn: str = ""
    """The source that took back what this is a copy of (CONS-14)."""

    @property
    def content(self) -> bytes:
        """What it says, without its own name: equal bytes of one source are one thing said twice (CONS-12)."""
        return canonical({name: value for name, value in self.fact.resource.items() if name not in _NAMING})


def statements(facts: Sequence[Fact], namer: Namer) -> list[Statement]:
    """Return one statement per record, sorted by record id; deleted records leave, later versions win (IDEM-4)."""
    if len(facts) == 1:
        return _said([(namer.record(facts[0].source, facts[0].type, facts[0].key), facts[0])])
    newest: dict[str, Fact] = {}
    for fact in facts:
        record = namer.record(fact.source, fact.type, fact.key)
        known = newest.get(record)
        newest[record] = fact if known is None else _newer(known, fact)
    return _said(sorted(newest.items()))


def _said(named: Iterable[tuple[str, Fact]]) -> list[Statement]:
    return [
        Statement(record=record, fact=fact, retracted=_retracted(fact.resource))
        for record, fact in named
        if not _deleted(fact.resource)
    ]


def _newer(left: Fact, right: Fact) -> Fact:
    return max(left, right, key=lambda fact: (fact.order, canonical(fact.resource)))


def _deleted(resource: Resource) -> bool:
    meta = resource.get("meta")
    tags = dicts(cast("dict[str, Any]", meta).get("tag")) if isinstance(meta, dict) else []
    return any(tag.get("system") == GONE_TAG and tag.get("code") == "deleted" for tag in tags)


def _retracted(resource: Resource) -> bool:
    if resource.get("status") == RETRACTED:
        return True
    return RETRACTED in (code for _, code in codings(resource.get("verificationStatus")))
