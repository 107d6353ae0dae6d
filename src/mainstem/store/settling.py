"""References inside the record: each points to where its target stands now, also when the target joined a group."""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from msgspec.structs import replace

from mainstem.fhir.references import rewrite
from mainstem.model.ids import Namer, number
from mainstem.model.record import Entry
from mainstem.store.publish import Place, split
from mainstem.store.session import Tx
from mainstem.store.statements import statement

_REFERENCE = re.compile(rb'"reference":"(?!Patient/)[A-Za-z]+/([0-9a-f-]{36})"')
"""A reference to a record of ours; read from the bytes, which publication needs anyway, instead of by another walk."""


class Owner(NamedTuple):
    """A source record and the consolidated resource that it contributes to."""

    record: str
    resource: str


def owners(entries: Iterable[Entry]) -> list[Owner]:
    """Return which source record stands in which resource; a conflict names records of other types but owns none."""
    return [Owner(m.record, e.id) for e in entries for m in e.certificate.members if m.type == e.type]


class Settled(NamedTuple):
    """An entry whose references are settled, with its bytes as `publish.split` gives them."""

    entry: Entry
    meta: bytes
    rest: bytes


def settle(tx: Tx, entries: Sequence[Entry], here: Mapping[str, str]) -> list[Settled]:
    """Point the entries' references to where their targets stand: `here` for this batch, else the store."""
    near = [_pointed(_read(entry), here) for entry in entries]
    elsewhere = {target for each in near for target in each.entry.targets or ()} - set(here.values())
    moved = _redirects(tx, elsewhere)
    return [_pointed(each, moved) for each in near] if moved else near


def _read(entry: Entry) -> Settled:
    meta, rest = split(entry.resource)
    targets = frozenset(target.decode() for target in _REFERENCE.findall(rest))
    return Settled(replace(entry, targets=targets), meta, rest)


def _pointed(settled: Settled, where: Mapping[str, str]) -> Settled:
    if where.keys().isdisjoint(settled.entry.targets or ()):
        return settled

    def pointed(reference: str) -> str:
        type_, _, target = reference.rpartition("/")
        return f"{type_}/{where[target]}" if target in where else reference

    return _read(replace(settled.entry, resource=rewrite(settled.entry.resource, pointed)))


def _redirects(tx: Tx, ids: Iterable[str]) -> dict[str, str]:
    names = {number(each): each for each in ids}
    if not names:
        return {}
    rows = tx.execute(statement("redirects"), (list(names),)).fetchall()
    return {names[record]: str(uuid) for record, uuid in rows}


def referrers(tx: Tx, ids: Iterable[str], namer: Namer) -> set[Place]:
    """Return the places of the resources that refer to any of the given ids."""
    tokens = [namer.token("ref", each) for each in ids]
    return {Place(*row) for row in tx.execute(statement("referrers"), (tokens,)).fetchall()} if tokens else set()


def ids_of(tx: Tx, pks: Iterable[int]) -> list[str]:
    """Return the public ids of resources that stand or once stood."""
    rows = tx.execute("select distinct id from history where pk = any(%s)", (list(pks),)).fetchall()
    return [str(row[0]) for row in rows]
