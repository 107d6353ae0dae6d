"""Publication: what consolidation made is compared with what stands, and only the difference is written (IDEM-3).

A version is made when the content changes; a change of the certificate alone (one more source says the same) is written
in place. `history` remembers every version's hash, so a rebuild finds its version numbers again (I4).
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from msgspec import Struct

from mainstem.fhir.index import Indexed
from mainstem.fhir.types import number_of
from mainstem.model.fact import Resource
from mainstem.model.ids import Namer, number
from mainstem.model.json import canonical, encode
from mainstem.store.copying import copy_rows
from mainstem.store.session import Tx
from mainstem.store.statements import statement
from mainstem.store.vault import Vault

HASH_LENGTH = 16
"""Bytes of a keyed content hash; `resource.chash` is the content's, then the certificate's."""
_RESOURCE = {
    "pk": "int8", "id": "uuid", "rt": "int2", "person": "int8", "block": "int8", "ver": "int4", "upd": "timestamptz",
    "dlo": "timestamptz", "dhi": "timestamptz", "cat": "int8", "labels": "int4", "tok": "int8[]", "chash": "bytea",
    "body": "bytea", "cert": "bytea",
}  # fmt: skip
_HISTORY = {
    "pk": "int8", "ver": "int4", "id": "uuid", "rt": "int2", "person": "int8", "upd": "timestamptz", "op": "text",
    "cat": "int8", "labels": "int4", "dlo": "timestamptz", "chash": "bytea",
}  # fmt: skip
_OUTBOX = {"pk": "int8", "ver": "int4", "rt": "int2", "person": "int8", "op": "text", "at": "timestamptz"}


class Place(NamedTuple):
    """Where a resource stands: person number and block number."""

    person: int
    block: int


class Draft(Struct, frozen=True, kw_only=True):
    """An indexed entry with its place and its bytes, ready to be compared with what stands."""

    indexed: Indexed
    place: Place
    meta: bytes
    """Canonical JSON of `meta`, without version and time."""
    rest: bytes
    """Canonical JSON of all but resourceType, id and meta, without its opening brace."""


class _Row(NamedTuple):
    """The part of a standing resource that a comparison needs."""

    pk: int
    id: UUID
    rt: int
    person: int
    block: int
    ver: int
    upd: datetime
    cat: int
    labels: int
    dlo: datetime | None
    chash: bytes


class _Version(NamedTuple):
    pk: int
    ver: int
    upd: datetime
    op: str
    chash: bytes


class Published(Struct, frozen=True, kw_only=True):
    """What a publication changed."""

    created: int = 0
    updated: int = 0
    deleted: int = 0
    gone: tuple[str, ...] = ()
    """Ids that no longer stand for themselves: resources that refer to them are to be settled again."""

    @property
    def written(self) -> int:
        """Number of versions made."""
        return self.created + self.updated + self.deleted

    def plus(self, other: "Published") -> "Published":
        """Return both taken together."""
        return Published(
            created=self.created + other.created, updated=self.updated + other.updated,
            deleted=self.deleted + other.deleted, gone=self.gone + other.gone,
        )  # fmt: skip


class _Write(NamedTuple):
    draft: Draft
    pk: int
    chash: bytes
    ver: int
    upd: datetime
    op: str
    """`c`, `u`, or `=` when the content is the version that history already knows."""
    cert: bytes


class Publisher:
    """Writes the difference between drafts and what stands; works inside the caller's transaction."""

    def __init__(self, vault: Vault, namer: Namer) -> None:
        """Bind to the keys and names of one installation."""
        self._vault = vault
        self._namer = namer
        self._public = number(namer.derived("public"))

    def publish(self, tx: Tx, drafts: Sequence[Draft], places: Iterable[Place], now: datetime) -> Published:
        """Make the drafts all that stands in the given places."""
        wanted = list(places)
        pks = {number(d.indexed.entry.id): d for d in drafts}
        parameters = {"pks": list(pks), "persons": [p.person for p in wanted], "blocks": [p.block for p in wanted]}
        standing = {row[0]: _Row(*row) for row in tx.execute(statement("standing"), parameters).fetchall()}
        gone = [row for pk, row in standing.items() if pk not in pks]
        versions = self._versions(tx, [*(pk for pk in pks if pk not in standing), *(row.pk for row in gone)])
        writes = [w for pk, d in pks.items() if (w := self._compare(pk, d, standing.get(pk), versions.get(pk), now))]
        self._vault.ensure(tx, {w.draft.place.person or self._public for w in writes}, now)
        self._remove(tx, gone, versions, now)
        self._write(tx, writes, standing, now)
        return Published(
            created=sum(w.op == "c" for w in writes), updated=sum(w.op == "u" for w in writes), deleted=len(gone),
            gone=tuple(str(row.id) for row in gone),
        )  # fmt: skip

    def _versions(self, tx: Tx, pks: Sequence[int]) -> dict[int, _Version]:
        rows = tx.execute(statement("last_versions"), (list(pks),)).fetchall() if pks else []
        return {row[0]: _Version(*row) for row in rows}

    def _compare(self, pk: int, draft: Draft, row: _Row | None, last: _Version | None, now: datetime) -> _Write | None:
        entry = draft.indexed.entry
        content = self._namer.content(draft.meta + draft.rest)
        cert = encode(entry.certificate)
        chash = content + self._namer.content(cert)
        if row is not None:
            place = (row.person, row.block, row.cat, row.labels, row.dlo)
            here = (*draft.place, draft.indexed.cat, draft.indexed.labels, draft.indexed.lo)
            if row.chash == chash and place == here:
                return None
            if row.chash[:HASH_LENGTH] == content and row.person == draft.place.person:
                return _Write(draft, pk, chash, row.ver, row.upd, "=", cert)
            return _Write(draft, pk, chash, row.ver + 1, now, "u", cert)
        if last is None:
            return _Write(draft, pk, chash, 1, now, "c", cert)
        if last.op != "d" and last.chash == content:
            return _Write(draft, pk, chash, last.ver, last.upd, "=", cert)
        return _Write(draft, pk, chash, last.ver + 1, now, "c" if last.op == "d" else "u", cert)

    def _remove(self, tx: Tx, gone: Sequence[_Row], versions: Mapping[int, _Version], now: datetime) -> None:
        if not gone:
            return
        pks = [row.pk for row in gone]
        tx.execute(statement("supersede"), (pks,))
        tx.execute("delete from resource where pk = any(%s)", (pks,))
        history = [
            (
                row.pk,
                row.ver + 1,
                row.id,
                row.rt,
                row.person,
                now,
                "d",
                row.cat,
                row.labels,
                row.dlo,
                row.chash[:HASH_LENGTH],
            )
            for row in gone
            if versions[row.pk].op != "d"
        ]
        self._log(tx, history, now)

    def _write(self, tx: Tx, writes: Sequence[_Write], standing: Mapping[int, _Row], now: datetime) -> None:
        changed = [w.pk for w in writes if w.op == "u" and w.pk in standing]
        if changed:
            tx.execute(statement("supersede"), (changed,))
        fresh = [w for w in writes if w.pk not in standing]
        if fresh:
            copy_rows(tx, "resource", _RESOURCE, (tuple(self._row(tx, w).values()) for w in fresh))
        others = [self._row(tx, w) for w in writes if w.pk in standing]
        if others:
            with tx.cursor() as cursor:
                cursor.executemany(statement("update_resource"), others)
        self._log(tx, [self._history(w) for w in writes if w.op != "="], now)

    def _row(self, tx: Tx, w: _Write) -> dict[str, Any]:
        indexed, entry = w.draft.indexed, w.draft.indexed.entry
        owner = w.draft.place.person or self._public
        body = _assemble(w.draft, w.ver, w.upd)
        return {
            "pk": w.pk, "id": UUID(entry.id), "rt": number_of(entry.type), "person": w.draft.place.person,
            "block": w.draft.place.block, "ver": w.ver, "upd": w.upd, "dlo": indexed.lo, "dhi": indexed.hi,
            "cat": indexed.cat, "labels": indexed.labels, "tok": indexed.tok, "chash": w.chash,
            "body": self._vault.seal(tx, owner, f"resource:{w.pk}:{w.ver}".encode(), body),
            "cert": self._vault.seal(tx, owner, f"cert:{w.pk}:{w.ver}".encode(), w.cert),
        }  # fmt: skip

    def _history(self, w: _Write) -> tuple[Any, ...]:
        entry = w.draft.indexed.entry
        return (
            w.pk, w.ver, UUID(entry.id), number_of(entry.type), w.draft.place.person, w.upd, w.op,
            w.draft.indexed.cat, w.draft.indexed.labels, w.draft.indexed.lo, w.chash[:HASH_LENGTH],
        )  # fmt: skip

    def _log(self, tx: Tx, rows: Sequence[tuple[Any, ...]], now: datetime) -> None:
        """Append to `history` and `outbox`: every version, in the same transaction."""
        if not rows:
            return
        copy_rows(tx, "history", _HISTORY, rows)
        changes = ((pk, ver, rt, person, op, now) for pk, ver, _, rt, person, _, op, *_ in rows)
        copy_rows(tx, "outbox", _OUTBOX, changes)


def split(resource: Resource) -> tuple[bytes, bytes]:
    """Return canonical JSON of `meta`, and of all but resourceType, id and meta, without its opening brace."""
    rest = resource.copy()
    del rest["resourceType"], rest["id"]
    return canonical(rest.pop("meta", {})), canonical(rest)[1:]


def _assemble(draft: Draft, ver: int, upd: datetime) -> bytes:
    """Return the final JSON: resourceType, id, meta with version and time, then the rest in canonical order."""
    entry, instant = draft.indexed.entry, upd.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    version = f'"meta":{{"versionId":"{ver}","lastUpdated":"{instant}"'
    head = f'{{"resourceType":"{entry.type}","id":"{entry.id}",{version}'
    told = b"," + draft.meta[1:] if draft.meta != b"{}" else b"}"
    tail = b"," + draft.rest if draft.rest != b"}" else b"}"
    return head.encode() + told + tail
