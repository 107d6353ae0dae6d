"""Heads: the newest version of each source record, and through it the facts of a block."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from mainstem.model.fact import Fact
from mainstem.store.copying import copy_rows
from mainstem.store.ledger import FactRow, Ledger, Statement
from mainstem.store.session import Tx
from mainstem.store.statements import statement

_COLUMNS = {
    "record": "int8", "source": "int2", "rt": "int2", "subject": "int8", "block": "int8", "ord": "text",
    "chash": "bytea", "resource": "int8",
}  # fmt: skip


class Head(NamedTuple):
    """A row of `head`."""

    record: int
    rt: int
    subject: int
    block: int
    order: str
    chash: bytes
    resource: int | None
    source: int


class Standing(NamedTuple):
    """A source record's newest fact with its place: what consolidation works on."""

    record: int
    subject: int
    block: int
    fact: Fact
    resource: int | None
    """Surrogate of the consolidated resource that it contributed to before."""


class Arrival(NamedTuple):
    """A statement that becomes its record's newest version."""

    statement: Statement
    harmonised: Fact
    block: int
    before: Head | None
    """The head that it replaces."""


def heads(tx: Tx, records: Sequence[int]) -> dict[int, Head]:
    """Return the heads of the given records."""
    return {row[0]: Head(*row) for row in tx.execute(statement("heads"), (list(records),)).fetchall()}


def facts_in(tx: Tx, ledger: Ledger, pairs: Iterable[tuple[int, int]], but: Sequence[int]) -> list[Standing]:
    """Return the newest facts, unharmonised, of the (subject, block) pairs, but for the records in `but`."""
    wanted = list(pairs)
    parameters = {"subjects": [s for s, _ in wanted], "blocks": [b for _, b in wanted], "but": list(but)}
    rows = tx.execute(statement("heads_in"), parameters).fetchall()
    found: list[Standing] = []
    for record, subject, block, order, chash, resource, source, body in rows:
        fact = ledger.open_fact(tx, FactRow(record, chash, subject, source, body, order))
        found.append(Standing(record, subject, block, fact, resource))
    return found


def blocks_of(tx: Tx, subjects: Iterable[int]) -> set[tuple[int, int]]:
    """Return all (subject, block) pairs that hold facts about the given patient records."""
    rows = tx.execute("select distinct subject, block from head where subject = any(%s)", (list(subjects),)).fetchall()
    return {(subject, block) for subject, block in rows}


def patients(tx: Tx, ledger: Ledger, records: Sequence[int]) -> dict[int, Fact]:
    """Return the newest Patient facts of the given patient records, unharmonised."""
    rows = tx.execute(statement("patients"), (list(records),)).fetchall()
    return {
        record: ledger.open_fact(tx, FactRow(record, chash, subject, source, body, order))
        for record, subject, order, chash, source, body in rows
    }


def write(tx: Tx, arrivals: Sequence[Arrival], sources: Mapping[str, int], owners: Mapping[int, int]) -> None:
    """Make the arrivals their records' heads; `owners` gives the resource that each record contributes to."""
    fresh = [a for a in arrivals if a.before is None]
    if fresh:
        copy_rows(tx, "head", _COLUMNS, (_row(a, sources, owners) for a in fresh))
    changed = [{**_changed(a), "resource": owners.get(a.statement.record)} for a in arrivals if a.before is not None]
    if changed:
        with tx.cursor() as cursor:
            cursor.executemany(statement("update_head"), changed)


def _row(a: Arrival, sources: Mapping[str, int], owners: Mapping[int, int]) -> tuple[Any, ...]:
    s = a.statement
    source = sources[s.fact.source]
    return s.record, source, s.rt, s.subject, a.block, s.fact.order, s.chash, owners.get(s.record)


def _changed(a: Arrival) -> dict[str, Any]:
    s = a.statement
    return {"subject": s.subject, "block": a.block, "ord": s.fact.order, "chash": s.chash, "record": s.record}


def assign(tx: Tx, owners: dict[int, int | None]) -> None:
    """Record which resource each already standing record contributes to now."""
    if owners:
        with tx.cursor() as cursor:
            cursor.executemany("update head set resource = %s where record = %s", [(o, r) for r, o in owners.items()])
