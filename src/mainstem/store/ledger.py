"""The ledger: what a source sent and what it said, appended and never rewritten (DESIGN section 1, sentence 1).

A delivery is durable before it is parsed (SYNC-1). A fact is named by (record, content, order): the same content under
the same order is the same statement (I1); under a newer order it is a restatement, which stores no body again.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from msgspec import Struct, convert
from psycopg.types.json import Jsonb

from mainstem.fhir.types import number_of
from mainstem.model.fact import Delivery, Fact, Held, Resource
from mainstem.model.ids import Namer, number
from mainstem.model.json import canonical, decode, encode
from mainstem.store.copying import copy_rows
from mainstem.store.session import Tx
from mainstem.store.statements import statement
from mainstem.store.vault import Vault

_FACT_COLUMNS = {
    "record": "int8", "source": "int2", "rt": "int2", "subject": "int8", "ord": "text", "chash": "bytea",
    "delivery": "int8", "received": "timestamptz", "body": "bytea",
}  # fmt: skip


class CursorMove(Struct, frozen=True, kw_only=True):
    """Where a source's stream stands after a delivery; committed with that delivery's facts (I7)."""

    stream: str
    value: dict[str, Any]


class Statement(Struct, frozen=True, kw_only=True):
    """A fact with its names in the store, ready to be compared and written."""

    fact: Fact
    record: int
    """number(Namer.record(source, type, key))."""
    subject: int
    """Record number of the source's Patient that it is about; a Patient is its own subject; 0 = about no person."""
    rt: int
    chash: bytes
    content: bytes
    """Canonical JSON of the resource."""


class Receipt(Struct, frozen=True, kw_only=True):
    """A delivery's row: `done` when it was worked through under this mapping version before."""

    id: int
    done: bool


class DeliveryRow(NamedTuple):
    """A delivery's sealed row."""

    source: str
    media: str
    chash: bytes
    received: datetime
    body: bytes


class FactRow(NamedTuple):
    """A fact's sealed row; `record` and `subject` are numbers of records, 0 = about no person."""

    record: int
    chash: bytes
    subject: int
    source: str
    body: bytes
    order: str


class Ledger:
    """Appends to the ledger and reads it back; every method works inside the caller's transaction."""

    def __init__(self, vault: Vault, namer: Namer) -> None:
        """Bind the ledger to the keys and names of one installation."""
        self._vault = vault
        self._namer = namer
        self._sources: dict[str, int] = {}

    # -- deliveries ---------------------------------------------------------------------------------------------------
    def source(self, tx: Tx, name: str, kind: str, now: datetime) -> int:
        """Return the number of a source, registering it at its first delivery."""
        known = self.sources(tx).get(name)
        if known is None:  # an insert that meets a conflict would use up one of the 32,767 numbers each time
            tx.execute(
                "insert into source (name, kind, created) values (%s, %s, %s) on conflict (name) do nothing",
                (name, kind, now),
            )
            known = self.sources(tx)[name]
        self._sources[name] = known
        return known

    def sources(self, tx: Tx) -> Mapping[str, int]:
        """Return the number of every source that has delivered."""
        return dict(tx.execute("select name, id from source").fetchall())

    def receive(self, tx: Tx, delivery: Delivery, mapping: int, now: datetime) -> Receipt:
        """Make the raw bytes durable; the same bytes of the same source are the same delivery."""
        source = self.source(tx, delivery.source, delivery.media, now)
        chash = self.delivery_hash(delivery)
        key = {"source": source, "chash": chash, "mapping": mapping}
        row = tx.execute(statement("received"), key).fetchone()
        if row is not None:
            return Receipt(id=row[0], done=row[1])
        owner = self.source_owner(delivery.source)
        self._vault.ensure(tx, [owner], now)
        header = encode({"name": delivery.name, "offset": delivery.offset})
        body = self._vault.seal(tx, owner, _delivery_aad(chash), header + b"\n" + delivery.body)
        row = tx.execute(
            statement("receive"),
            {**key, "media": delivery.media, "received": delivery.received, "size": len(delivery.body), "body": body},
        ).fetchone()
        if row is None:  # another process received the same bytes between the two statements
            return self.receive(tx, delivery, mapping, now)
        return Receipt(id=row[0], done=False)

    def delivery_hash(self, delivery: Delivery) -> bytes:
        """Return the keyed hash by which the same bytes again are the same delivery."""
        return self._namer.content(delivery.media.encode() + b"\0" + delivery.body)

    def pending(self, tx: Tx) -> Iterator[Delivery]:
        """Yield the deliveries that were received but not worked through, oldest first: a crash came between."""
        for _, *row in tx.execute(statement("pending")).fetchall():
            yield self._delivery(tx, DeliveryRow(*row))

    def delivery(self, tx: Tx, delivery: int) -> Delivery | None:
        """Return the raw bytes of a delivery as they came (I6)."""
        row = tx.execute(
            "select s.name, d.media, d.chash, d.received, d.body"
            " from delivery d join source s on s.id = d.source where d.id = %s",
            (delivery,),
        ).fetchone()
        return None if row is None else self._delivery(tx, DeliveryRow(*row))

    def _delivery(self, tx: Tx, row: DeliveryRow) -> Delivery:
        opened = self._vault.unseal(tx, self.source_owner(row.source), _delivery_aad(row.chash), row.body)
        header, _, raw = opened.partition(b"\n")
        told = decode(header)
        return Delivery(
            source=row.source, name=told["name"], media=row.media, body=raw, received=row.received,
            offset=told["offset"],
        )  # fmt: skip

    def done(self, tx: Tx, receipt: Receipt, mapping: int) -> bool:
        """Whether a delivery was worked through under this mapping version."""
        row = tx.execute("select 1 from outcome where delivery = %s and mapping = %s", (receipt.id, mapping)).fetchone()
        return row is not None

    def close(self, tx: Tx, receipt: Receipt, mapping: int, counts: Mapping[str, int], now: datetime) -> None:
        """Record that a delivery was worked through: stated = kept + known + held, checked by the table (I8)."""
        tx.execute(statement("close_delivery"), {"delivery": receipt.id, "mapping": mapping, "at": now, **counts})

    def move_cursor(self, tx: Tx, source: str, move: CursorMove, now: datetime) -> None:
        """Move a stream's cursor in the caller's transaction (I7)."""
        number_ = self.source(tx, source, "", now)
        tx.execute(
            statement("move_cursor"), {"source": number_, "stream": move.stream, "value": Jsonb(move.value), "at": now}
        )

    def cursor(self, tx: Tx, source: str, stream: str) -> dict[str, Any] | None:
        """Return where a stream stands, or None before its first delivery."""
        row = tx.execute(
            "select c.value from cursor c join source s on s.id = c.source where s.name = %s and c.stream = %s",
            (source, stream),
        ).fetchone()
        return None if row is None else row[0]

    # -- facts --------------------------------------------------------------------------------------------------------
    def statement(self, fact: Fact) -> Statement:
        """Name a fact: its record, its subject and the hash of its content."""
        record = number(self._namer.record(fact.source, fact.type, fact.key))
        content = canonical(_without_version(fact.resource))
        return Statement(
            fact=fact, record=record, subject=self._subject(fact, record), rt=number_of(fact.type),
            chash=self._namer.content(content), content=content,
        )  # fmt: skip

    def _subject(self, fact: Fact, record: int) -> int:
        if fact.type == "Patient":
            return record
        return 0 if fact.subject is None else number(self._namer.record(fact.source, "Patient", fact.subject))

    def admit(self, tx: Tx, statements: Sequence[Statement], receipt: Receipt, now: datetime) -> list[Statement]:
        """Append the statements that the ledger does not hold yet and return them; the others are known (I1)."""
        rows = tx.execute(
            "select record, chash, ord from fact where record = any(%s)", ([s.record for s in statements],)
        )
        told = set(rows.fetchall())
        bodies = {(record, chash) for record, chash, _ in told}
        fresh: list[Statement] = []
        sealed: list[bytes | None] = []
        self._vault.ensure(tx, {self._owner(s) for s in statements}, now)
        for s in statements:
            name = (s.record, s.chash, s.fact.order)
            if name in told:
                continue
            told.add(name)
            fresh.append(s)
            again = name[:2] in bodies
            bodies.add(name[:2])
            sealed.append(None if again else self._seal(tx, s))
        if fresh:
            self._copy_facts(tx, zip(fresh, sealed, strict=True), receipt, now)
        return fresh

    def _seal(self, tx: Tx, s: Statement) -> bytes:
        header = encode([s.fact.source, s.fact.type, s.fact.key, s.fact.subject, s.fact.path])
        return self._vault.seal(tx, self._owner(s), _fact_aad(s.record, s.chash), header + b"\n" + s.content)

    def _copy_facts(
        self, tx: Tx, rows: Iterable[tuple[Statement, bytes | None]], receipt: Receipt, now: datetime
    ) -> None:
        def columns(s: Statement, body: bytes | None) -> tuple[Any, ...]:
            source = self._sources[s.fact.source]
            return s.record, source, s.rt, s.subject, s.fact.order, s.chash, receipt.id, now, body

        copy_rows(tx, "fact", _FACT_COLUMNS, (columns(s, body) for s, body in rows))

    def open_fact(self, tx: Tx, row: FactRow) -> Fact:
        """Decrypt a fact's row."""
        owner = row.subject or self.source_owner(row.source)
        opened = self._vault.unseal(tx, owner, _fact_aad(row.record, row.chash), row.body)
        header, _, content = opened.partition(b"\n")
        source, type_, key, subject, path = decode(header)
        return Fact(
            source=source, type=type_, key=key, subject=subject, order=row.order, resource=decode(content), path=path
        )

    def hold(self, tx: Tx, receipt: Receipt, held: Iterable[Held], source: str, now: datetime) -> None:
        """Keep what could not be used, with its reason; nothing is dropped (I8). Where it stood is sealed with it.

        What an earlier reading of the delivery held is released: this reading says anew what cannot be used (SYNC-1).
        """
        tx.execute("update held set released = %s where delivery = %s and released is null", (now, receipt.id))
        owner = self.source_owner(source)
        rows = [
            {
                "delivery": receipt.id, "problem": item.problem.value, "words": item.words, "release": item.release,
                "at": now, "body": self._vault.seal(tx, owner, _held_aad(receipt.id), encode([item.path, item.fact])),
            }
            for item in held
        ]  # fmt: skip
        if rows:
            with tx.cursor() as cursor:
                cursor.executemany(statement("hold"), rows)

    def open_held(self, tx: Tx, delivery: int, source: str, body: bytes) -> tuple[str, Fact | None]:
        """Decrypt where a held item stood in its delivery, and the fact that it is, when it was read that far."""
        opened = self._vault.unseal(tx, self.source_owner(source), _held_aad(delivery), body)
        return convert(decode(opened), tuple[str, Fact | None])

    def source_owner(self, source: str) -> int:
        """Return the key owner of a source's deliveries and of its facts about no person."""
        return number(self._namer.derived("source", source))

    def _owner(self, s: Statement) -> int:
        return s.subject or self.source_owner(s.fact.source)


def _without_version(resource: Resource) -> Resource:
    meta = resource.get("meta")
    if not meta or ("versionId" not in meta and "lastUpdated" not in meta):
        return resource
    kept = {name: value for name, value in meta.items() if name not in {"versionId", "lastUpdated"}}
    rest = {name: value for name, value in resource.items() if name != "meta"}
    return {**rest, "meta": kept} if kept else rest


def _delivery_aad(chash: bytes) -> bytes:
    return b"delivery:" + chash.hex().encode()


def _held_aad(delivery: int) -> bytes:
    return f"held:{delivery}".encode()


def _fact_aad(record: int, chash: bytes) -> bytes:
    return f"fact:{record}:{chash.hex()}".encode()
