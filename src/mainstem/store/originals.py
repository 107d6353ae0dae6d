"""Each original as harmonised, with its source's own words kept, and every version of it that the source stated.

An original is visible to whom the resource that it contributes to is visible; references in it stay the source's own
and resolve below `/fhir/source/{source}/`. The version id of an original is the hash of its content, so that it is the
same whatever order deliveries came in.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

from msgspec import Struct

from mainstem.fhir.index import dates_of
from mainstem.fhir.types import number_of
from mainstem.harmonise import harmonise
from mainstem.model.fact import Fact, Resource
from mainstem.model.ids import number
from mainstem.model.json import encode
from mainstem.model.names import SOURCE_TAG
from mainstem.store.audit import Asker, Touch, disclosed, refused
from mainstem.store.criteria import Check
from mainstem.store.ledger import FactRow, Ledger
from mainstem.store.reading import guarded, powers
from mainstem.store.session import Tx
from mainstem.store.statements import statement
from mainstem.trust.categories import OTHER, categories, labels

DELIVERY_TAG = "urn:mainstem:delivery"
"""`meta.tag` system of an original: the code is the delivery that stated it, the display its place in it (I6)."""


class Original(Struct, frozen=True, kw_only=True):
    """One version of a source record, ready to be served."""

    source: str
    type: str
    key: str
    version: str
    """Hex hash of its content."""
    received: datetime
    body: bytes
    """Harmonised, final JSON."""
    record: int


class Listing(Struct, frozen=True, kw_only=True):
    """One page of a source's records of a type."""

    originals: Sequence[Original]
    after: int | None
    """Record number that the next page starts after; None when this is the last one."""


class _Stated(NamedTuple):
    record: int
    subject: int
    order: str
    chash: bytes
    source: str
    body: bytes
    delivery: int
    received: datetime
    rt: int
    person: int = 0
    why: int | None = None


def original(tx: Tx, asker: Asker, source: str, type_: str, key: str) -> Original | None:
    """Return the newest version of a source record; None when it is not there for the asker."""
    row = _newest(tx, asker, source, type_, key)
    if row is None:
        refused(tx, asker, "source", type_, "absent")
        return None
    disclosed(tx, asker, "source", type_, [_touch(row)])
    return _shown(row, _opened(tx, asker, row))


def versions(tx: Tx, asker: Asker, source: str, type_: str, key: str) -> list[Original]:
    """Return every version that the source stated and the asker may see, newest first; empty when there is none."""
    newest = _newest(tx, asker, source, type_, key)
    if newest is None:
        refused(tx, asker, "source", type_, "absent")
        return []
    rows = [_Stated(*row) for row in tx.execute(statement("statements"), {"record": newest.record}).fetchall()]
    facts = [(row, _opened(tx, asker, row)) for row in {row.chash: row for row in reversed(rows)}.values()]
    seen = [(row, fact) for row, fact in reversed(facts) if _sees(tx, asker, newest, fact)]
    disclosed(tx, asker, "source", type_, [_touch(newest) for _ in seen])
    return [_shown(row, fact) for row, fact in seen]


def listing(
    tx: Tx, asker: Asker, source: str, type_: str, *, limit: int, after: int | None, patient: str | None,
    check: Check | None,
) -> Listing:  # fmt: skip
    """Return a page of a source's records; `patient` is the source's own id of a patient, `check` a condition."""
    key = {
        "source": source, "rt": number_of(type_), "after": after, "limit": limit + 1, "other": OTHER,
        "subject": None if patient is None else _record(asker, source, "Patient", patient), **powers(asker, "s"),
    }  # fmt: skip
    rows = [_Stated(*row) for row in tx.execute(guarded("originals", asker), key, prepare=False).fetchall()]
    facts = [(row, _opened(tx, asker, row)) for row in rows[:limit]]
    kept = [(row, fact) for row, fact in facts if check is None or check(fact.resource)]
    disclosed(tx, asker, "source", type_, [_touch(row) for row, _ in kept])
    return Listing(
        originals=[_shown(row, fact) for row, fact in kept],
        after=rows[limit - 1].record if len(rows) > limit else None,
    )


def _record(asker: Asker, source: str, type_: str, key: str) -> int:
    return number(asker.vault.keys.namer.record(source, type_, key))


def _newest(tx: Tx, asker: Asker, source: str, type_: str, key: str) -> _Stated | None:
    values = {"record": _record(asker, source, type_, key), "other": OTHER, **powers(asker, "r")}
    row = tx.execute(guarded("original", asker), values).fetchone()
    return _Stated(*row) if row else None


def _opened(tx: Tx, asker: Asker, row: _Stated) -> Fact:
    ledger = Ledger(asker.vault, asker.vault.keys.namer)
    sealed = FactRow(row.record, row.chash, row.subject, row.source, row.body, row.order)
    return harmonise(ledger.open_fact(tx, sealed))


def _sees(tx: Tx, asker: Asker, newest: _Stated, fact: Fact) -> bool:
    """Whether an older version is visible by what it said itself: it may have been more sensitive than the newest."""
    row: dict[str, Any] = {
        "rt": newest.rt, "of": newest.person, "cat": categories(fact.resource, personal=newest.subject != 0),
        "labels": labels(fact.resource), "dlo": dates_of(fact.resource)[0], **powers(asker, "r"),
    }  # fmt: skip
    return tx.execute(guarded("sees", asker), row).fetchone() is not None


def _touch(row: _Stated) -> Touch:
    return Touch(person=row.person, grant=row.why, pk=row.record)


def _shown(row: _Stated, fact: Fact) -> Original:
    return Original(
        source=row.source, type=fact.type, key=fact.key, version=row.chash.hex(), received=row.received,
        body=encode(_tagged(fact, row.delivery)), record=row.record,
    )  # fmt: skip


def _tagged(fact: Fact, delivery: int) -> Resource:
    meta: dict[str, Any] = fact.resource.get("meta", {})
    told = [
        {"system": SOURCE_TAG, "code": fact.source},
        {"system": DELIVERY_TAG, "code": str(delivery), "display": fact.path},
    ]
    tags = [*(tag for tag in meta.get("tag", ()) if tag.get("system") not in {SOURCE_TAG, DELIVERY_TAG}), *told]
    rest = {name: value for name, value in fact.resource.items() if name not in {"resourceType", "id", "meta"}}
    return {"resourceType": fact.type, "id": fact.key, "meta": {**meta, "tag": tags}, **rest}
