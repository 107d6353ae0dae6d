"""A person's own record as its owner reads it: entries, sources, and what stands behind an entry; all of it audited."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from msgspec import Struct

from mainstem.fhir.types import name_of, number_of
from mainstem.model.fact import Delivery, Fact, Resource
from mainstem.model.ids import number
from mainstem.model.json import decode
from mainstem.store import reading
from mainstem.store.access import Principal
from mainstem.store.audit import Asker, Touch, disclosed
from mainstem.store.ledger import FactRow, Ledger
from mainstem.store.session import Tx
from mainstem.store.statements import statement
from mainstem.trust.categories import DATELESS
from mainstem.trust.grants import Grant
from mainstem.trust.tokens import fingerprint


class Place(Struct, frozen=True, kw_only=True):
    """Where an entry stands in the order of a timeline: pages go on behind it."""

    dlo: datetime | None
    pk: int


class Seen(Struct, frozen=True, kw_only=True):
    """An entry, opened."""

    place: Place
    resource: Resource


class Feed(Struct, frozen=True, kw_only=True):
    """A system that feeds the record."""

    name: str
    records: int
    latest: datetime


class Spoken(Struct, frozen=True, kw_only=True):
    """What one source record says now, and the delivery in which it said so."""

    record: int
    fact: Fact
    received: datetime
    delivery: Delivery | None


def entries(
    tx: Tx, asker: Asker, person: int, types: Sequence[str], *, limit: int, before: Place | None = None
) -> list[Seen]:
    """Return up to `limit` entries of these types, newest clinical date first, behind the place `before`."""
    key = {
        "person": person, "types": [number_of(each) for each in types], "limit": limit,
        "dlo": before.dlo if before else None, "pk": before.pk if before else None, **reading.powers(asker, "s"),
    }  # fmt: skip
    rows = tx.execute(reading.guarded("own_entries"), key).fetchall()
    return _opened(tx, asker, rows, types[0] if len(types) == 1 else "")


def some(tx: Tx, asker: Asker, person: int, ids: Iterable[str]) -> dict[str, Resource]:
    """Return the person's entries of these ids by the id that was asked for, old ids included; others are left out."""
    wanted = {id_: pk for id_ in ids if (pk := reading.surrogate(id_)) is not None}
    if not wanted:
        return {}
    now = {id_: reading.meaning_now(tx, pk) or pk for id_, pk in wanted.items()}
    key = {"person": person, "pks": sorted({*now.values(), *wanted.values()}), **reading.powers(asker, "r")}
    seen = _opened(tx, asker, tx.execute(reading.guarded("own_some"), key).fetchall(), "")
    by_pk = {one.place.pk: one.resource for one in seen}
    found = {id_: by_pk.get(pk) or by_pk.get(now[id_]) for id_, pk in wanted.items()}
    return {id_: resource for id_, resource in found.items() if resource is not None}


def _opened(tx: Tx, asker: Asker, rows: Sequence[tuple[Any, ...]], type_: str) -> list[Seen]:
    touches = [Touch(person=person, grant=why, pk=pk) for pk, _, _, _, _, person, why, _ in rows]
    shown = type_ or (name_of(rows[0][2]) if len(rows) == 1 else "")
    if touches:
        disclosed(tx, asker, "search", shown, touches)
    return [
        Seen(place=Place(dlo=dlo, pk=pk), resource=_resource(tx, asker, person, f"resource:{pk}:{ver}", body))
        for pk, _, _, ver, dlo, person, _, body in rows
    ]


def _resource(tx: Tx, asker: Asker, person: int, aad: str, body: bytes) -> Resource:
    return decode(asker.vault.unseal(tx, reading.owner_of(asker, person), aad.encode(), body))


def sources(tx: Tx, asker: Asker, person: int) -> list[Feed]:
    """Return the systems that feed the record, by name."""
    rows = tx.execute(reading.guarded("own_sources"), {"person": person, **reading.powers(asker, "s")}).fetchall()
    return [Feed(name=name, records=records, latest=latest) for name, records, latest in rows]


def mark(tx: Tx, asker: Asker, person: int) -> str:
    """Return a text that changes whenever the person could see something else; it tells nothing by itself."""
    row = tx.execute(reading.guarded("own_mark"), {"person": person, **reading.powers(asker, "s")}).fetchone()
    return asker.vault.keys.namer.content(repr(row).encode()).hex()


def preview(tx: Tx, asker: Asker, person: int, grant: Grant) -> tuple[int, int]:
    """Return how many of the person's entries a grant would cover, and of how many."""
    key = {
        "person": person, "cats": grant.mask, "labels": grant.labels, "since": grant.date_lo,
        **reading.powers(asker, "s"), "dateless": DATELESS,
    }  # fmt: skip
    row = tx.execute(reading.guarded("own_preview"), key).fetchone()
    return (row[0], row[1]) if row else (0, 0)


def spoken(tx: Tx, ledger: Ledger, records: Iterable[str]) -> dict[str, Spoken]:
    """Return what these source records say now, by public record id; ask only for members of an entry that was read."""
    wanted = {number(record): record for record in records}
    rows = tx.execute(statement("own_statements"), {"records": list(wanted)}).fetchall()
    return {
        wanted[record]: Spoken(
            record=record,
            fact=ledger.open_fact(tx, FactRow(record, chash, subject, source, body, order)),
            received=received,
            delivery=ledger.delivery(tx, delivery),
        )
        for record, chash, subject, source, body, order, delivery, received in rows
    }


def use_sign_in(tx: Tx, token: str, now: datetime) -> tuple[int, str] | None:
    """Use up a sign-in link; return (grantee, scope), or None when it was used, is over, or never was."""
    digest = fingerprint(token)
    row = digest and tx.execute(statement("use_sign_in"), {"hash": digest, "now": now}).fetchone()
    return (row[0], row[1]) if row else None


def principal_of(tx: Tx, grantee: int) -> Principal:
    """Return a grantee as a principal without powers, for the audit of a sign-in."""
    row = tx.execute("select kind, name, person from grantee where id = %s", (grantee,)).fetchone()
    kind, name, person = row or ("patient", "", None)
    return Principal(grantee=grantee, kind=kind, name=name, client=None, person=person, scopes=())
