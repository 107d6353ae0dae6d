"""Persons in the store: members, blocking keys and the append-only ledger of link decisions."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

from psycopg.types.json import Jsonb

from mainstem.model.ids import Namer, number
from mainstem.model.person import Decision, Verdict
from mainstem.store.copying import copy_rows
from mainstem.store.session import Tx
from mainstem.store.statements import statement


class Person(NamedTuple):
    """A person's surrogate and public id."""

    number: int
    id: str


def persons_of(tx: Tx, subjects: Iterable[int]) -> dict[int, Person]:
    """Return the person of each patient record that has one."""
    rows = tx.execute(statement("persons_of"), (list(subjects),)).fetchall()
    return {record: Person(person, str(uuid)) for record, person, uuid in rows}


def subjects_of(tx: Tx, persons: Iterable[int]) -> dict[int, list[int]]:
    """Return the patient records of each person."""
    found: dict[int, list[int]] = {}
    for person, record in tx.execute(statement("subjects_of"), (list(persons),)).fetchall():
        found.setdefault(person, []).append(record)
    return found


def replace_keys(tx: Tx, keys: Mapping[int, Sequence[int]]) -> None:
    """Set the blocking keys of the given patient records."""
    tx.execute("delete from blocking where record = any(%s)", (list(keys),))
    rows = ((key, record) for record, values in keys.items() for key in set(values))
    copy_rows(tx, "blocking", {"key": "int8", "record": "int8"}, rows)


def keys_of(tx: Tx, records: Iterable[int]) -> dict[int, set[int]]:
    """Return the blocking keys of the given patient records."""
    found: dict[int, set[int]] = {}
    rows = tx.execute("select record, key from blocking where record = any(%s)", (list(records),)).fetchall()
    for record, key in rows:
        found.setdefault(record, set()).add(key)
    return found


def sizes(tx: Tx, keys: Iterable[int]) -> dict[int, int]:
    """Return how many patient records share each blocking key."""
    rows = tx.execute("select key, count(*) from blocking where key = any(%s) group by key", (list(keys),)).fetchall()
    return dict(rows)


def sharing(tx: Tx, keys: Iterable[int]) -> set[int]:
    """Return the patient records that have any of the given blocking keys."""
    rows = tx.execute("select distinct record from blocking where key = any(%s)", (list(keys),)).fetchall()
    return {record for (record,) in rows}


def decisions(tx: Tx, records: Iterable[int]) -> dict[tuple[int, int], Decision]:
    """Return the newest decision on each pair that touches the given patient records."""
    rows = tx.execute(statement("decisions"), {"records": list(records)}).fetchall()
    return {
        (lo, hi): Decision(
            left=body["left"], right=body["right"], verdict=Verdict(verdict), rule=rule,
            evidence=tuple(body["evidence"]), actor=body["actor"],
        )
        for lo, hi, verdict, rule, body in rows
    }  # fmt: skip


def pair(decision: Decision) -> tuple[int, int]:
    """Return the two record numbers of a decision, the smaller first."""
    left, right = number(decision.left), number(decision.right)
    return (left, right) if left < right else (right, left)


def append(tx: Tx, made: Iterable[Decision], now: datetime) -> None:
    """Append decisions to the link ledger."""
    rows = [
        (
            *pair(d), d.verdict.value, d.rule,
            Jsonb({"left": d.left, "right": d.right, "evidence": list(d.evidence), "actor": d.actor}), now,
        )
        for d in made
    ]  # fmt: skip
    if rows:
        with tx.cursor() as cursor:
            cursor.executemany(
                "insert into decision (lo, hi, verdict, rule, body, at) values (%s, %s, %s, %s, %s, %s)", rows
            )


def seat(tx: Tx, clusters: Iterable[Sequence[str]], namer: Namer) -> dict[int, tuple[int | None, int]]:
    """Make each cluster of patient records one person; return {record: (person before, now)} of those that moved.

    A person is named by the smallest record of its cluster, so the name depends on the set alone, not on arrival (I2).
    """
    wanted = {number(r): namer.derived("person", min(cluster)) for cluster in clusters for r in cluster}
    own = {number(r): number(namer.derived("person", r)) for cluster in clusters for r in cluster}
    before = dict(tx.execute("select record, person from member where record = any(%s)", (list(wanted),)).fetchall())
    moved = {r: (before.get(r), number(p)) for r, p in wanted.items() if before.get(r) != number(p)}
    if not moved:
        return {}
    with tx.cursor() as cursor:
        cursor.executemany(
            "insert into person (id, uuid) values (%s, %s) on conflict do nothing",
            sorted({(number(wanted[r]), wanted[r]) for r in moved}),
        )
        cursor.executemany(
            statement("put_member"), [{"record": r, "person": now, "own": own[r]} for r, (_, now) in moved.items()]
        )
    left = [old for old, _ in moved.values() if old is not None]
    tx.execute(statement("drop_empty_persons"), (left,))
    for each in ("carry_grants", "carry_grantees"):
        tx.execute(statement(each), {"records": list(moved)})
    return moved
