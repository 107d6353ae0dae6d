"""What `mainstem verify` proves: the ledger reads back as written, its books balance, every value traces (I6, I8)."""

from collections.abc import Iterator, Mapping
from typing import NamedTuple

import msgspec
from msgspec import Struct

from mainstem.fhir.types import name_of
from mainstem.model.ids import Namer, number
from mainstem.model.json import canonical, decode
from mainstem.model.record import Certificate
from mainstem.store.ledger import FactRow, Ledger
from mainstem.store.publish import HASH_LENGTH, split
from mainstem.store.session import Tx
from mainstem.store.statements import statement
from mainstem.store.vault import Vault
from mainstem.trust.sealing import UnsealError

_BATCH = 1_000


class Flaw(Struct, frozen=True, kw_only=True):
    """Something that is not as it must be; never with a patient's data."""

    law: str
    """The invariant that it breaks, such as `I8`."""
    words: str


class Proof:
    """Reads every row of the ledger and the record, and yields what is wrong."""

    def __init__(self, ledger: Ledger, vault: Vault, namer: Namer) -> None:
        """Bind to the keys and names of one installation."""
        self._ledger = ledger
        self._vault = vault
        self._namer = namer
        self._public = number(namer.derived("public"))

    def flaws(self, tx: Tx) -> Iterator[Flaw]:
        """Yield all flaws, the ledger's first."""
        yield from self._deliveries(tx)
        yield from self._books(tx)
        yield from self._held(tx)
        yield from self._facts(tx)
        yield from self._record(tx)

    def _deliveries(self, tx: Tx) -> Iterator[Flaw]:
        for delivery, chash in tx.execute("select id, chash from delivery order by id").fetchall():
            try:
                sent = self._ledger.delivery(tx, delivery)
            except (UnsealError, LookupError):
                sent = None
            if sent is None or self._ledger.delivery_hash(sent) != chash:
                yield Flaw(law="I8", words=f"The bytes of delivery {delivery} are not those that were received.")

    def _books(self, tx: Tx) -> Iterator[Flaw]:
        for delivery, kept, facts, held, rows in tx.execute(statement("unbalanced")).fetchall():
            words = (
                f"Delivery {delivery} says {kept} kept and {held} held, but {facts} facts and {rows} held rows stand."
            )
            yield Flaw(law="I8", words=words)
        for delivery in self._ledger.pending(tx):
            words = (
                f"A delivery of {delivery.source} was received at {delivery.received:%F %T} and never worked through."
            )
            yield Flaw(law="I8", words=f"{words} Run `mainstem sync` or `mainstem import` to work it through.")

    def _facts(self, tx: Tx) -> Iterator[Flaw]:
        with tx.cursor(name="facts") as cursor:
            cursor.execute(statement("all_facts"))
            while rows := cursor.fetchmany(_BATCH):
                for record, subject, order, chash, source, body in rows:
                    if not self._reads_back(tx, FactRow(record, chash, subject, source, body, order)):
                        yield Flaw(law="I8", words=f"Fact {record} of {source} is not what its hash says.")

    def _reads_back(self, tx: Tx, row: FactRow) -> bool:
        try:
            fact = self._ledger.open_fact(tx, row)
        except (UnsealError, LookupError):
            return False
        return self._namer.content(canonical(fact.resource)) == row.chash

    def _held(self, tx: Tx) -> Iterator[Flaw]:
        """Each held item must open: what it was and where it stood are sealed."""
        with tx.cursor(name="held") as cursor:
            cursor.execute(statement("all_held"))
            while rows := cursor.fetchmany(_BATCH):
                for held, delivery, source, body in rows:
                    try:
                        self._ledger.open_held(tx, delivery, source, body)
                    except (UnsealError, LookupError):
                        yield Flaw(law="I8", words=f"Held item {held} of {source} does not open.")

    def _record(self, tx: Tx) -> Iterator[Flaw]:
        heads = dict(tx.execute("select record, resource from head").fetchall())
        with tx.cursor(name="record") as cursor:
            cursor.execute("select pk, id, rt, person, ver, chash, body, cert from resource")
            while rows := cursor.fetchmany(_BATCH):
                for pk, uuid, rt, person, ver, chash, sealed, sealed_cert in rows:
                    owner = person or self._public
                    try:
                        body = self._vault.unseal(tx, owner, f"resource:{pk}:{ver}".encode(), sealed)
                        cert = self._vault.unseal(tx, owner, f"cert:{pk}:{ver}".encode(), sealed_cert)
                    except (UnsealError, LookupError):
                        yield Flaw(law="I4", words=f"Resource {uuid} does not open.")
                        continue
                    if self._content(body) != chash[:HASH_LENGTH] or self._namer.content(cert) != chash[HASH_LENGTH:]:
                        yield Flaw(law="I4", words=f"Resource {uuid} is not what its hash says.")
                    yield from _trace(_Stood(pk, str(uuid), name_of(rt)), cert, heads)

    def _content(self, body: bytes) -> bytes:
        resource = decode(body)
        meta = {name: value for name, value in resource["meta"].items() if name not in {"versionId", "lastUpdated"}}
        return self._namer.content(b"".join(split({**resource, "meta": meta})))


class _Stood(NamedTuple):
    """A resource of the record, by its names."""

    pk: int
    uuid: str
    type: str


def _trace(resource: _Stood, cert: bytes, heads: Mapping[int, int | None]) -> Iterator[Flaw]:
    """Each contributing source record must be in the ledger; those of the resource's own type must stand in it."""
    certificate = msgspec.json.decode(cert, type=Certificate)
    if not certificate.members:
        yield Flaw(law="I6", words=f"Resource {resource.uuid} names nothing that it was made from.")
    for member in certificate.members:
        record = number(member.record)
        if record not in heads:
            words = f"Resource {resource.uuid} names a record of {member.source} that the ledger lacks."
            yield Flaw(law="I6", words=words)
        elif member.type == resource.type and heads[record] != resource.pk:
            words = f"Resource {resource.uuid} names a record of {member.source} that stands in another."
            yield Flaw(law="I6", words=words)
