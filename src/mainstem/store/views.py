"""The views of the ledger: dropped, made anew from the facts, and compared by a digest (I4)."""

from collections.abc import Iterator
from hashlib import sha256
from typing import LiteralString

from mainstem.fhir.types import number_of
from mainstem.model.fact import Fact
from mainstem.store.ledger import FactRow, Ledger, Statement
from mainstem.store.publish import Place
from mainstem.store.session import Tx
from mainstem.store.statements import statement

VIEWS: dict[LiteralString, LiteralString] = {
    "head": "record, source, rt, subject, block, ord, chash, resource",
    "blocking": "key, record",
    "person": "id, uuid",
    "member": "record, person, own",
    "resource": "pk, id, rt, person, block, ver, upd, dlo, dhi, cat, labels, tok, chash",
}
"""Each view's columns that follow from the ledger; sealed bodies differ by nonce, so their hashes stand for them."""
_BATCH = 2_000


def drop(tx: Tx) -> None:
    """Empty every view."""
    for view in VIEWS:
        tx.execute(f"delete from {view}")  # noqa: S608  # constants above


def digest(tx: Tx) -> dict[str, str]:
    """Return a hash of each view's rows, in the order of its columns."""
    found: dict[str, str] = {}
    for view, columns in VIEWS.items():
        sums = sha256()
        query = f"select md5(row({columns})::text) from {view} order by {columns}"  # noqa: S608  # constants above
        for (row,) in tx.execute(query).fetchall():
            sums.update(row.encode())
        found[view] = sums.hexdigest()
    return found


def newest(tx: Tx, ledger: Ledger, *, patients: bool) -> Iterator[list[tuple[Statement, Fact]]]:
    """Yield batches of each record's newest statement; patient records, or all others."""
    with tx.cursor(name="newest") as cursor:
        cursor.execute(statement("newest"), {"patient": number_of("Patient"), "patients": patients})
        while rows := cursor.fetchmany(_BATCH):
            batch: list[tuple[Statement, Fact]] = []
            for record, _, rt, subject, order, chash, source, body in rows:
                fact = ledger.open_fact(tx, FactRow(record, chash, subject, source, body, order))
                batch.append(
                    (Statement(fact=fact, record=record, subject=subject, rt=rt, chash=chash, content=b""), fact)
                )
            yield batch


def places(tx: Tx) -> Iterator[set[Place]]:
    """Yield all places in portions, those of no person first: what others refer to stands before them."""
    rows = [Place(*row) for row in tx.execute(statement("all_places")).fetchall()]
    rows.sort(key=lambda place: (place.person != 0, place.person))
    portion: set[Place] = set()
    for place, following in zip(rows, [*rows[1:], None], strict=True):
        portion.add(place)
        ends = following is None or following.person != place.person or place.person == 0
        if (ends and len(portion) >= _BATCH) or following is None:
            yield portion
            portion = set()
