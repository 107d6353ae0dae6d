"""What `mainstem verify` proves: the ledger reads back as written, its books balance, every value traces (I6, I8)."""

from collections.abc import Iterator

import msgspec
from msgspec import Struct

from mainstem.model.ids import Namer, number
from mainstem.model.json import canonical, decode
from mainstem.model.record import Certificate
from mainstem.store.ledger import Ledger
from mainstem.store.publish import HASH_LENGTH, split
from mainstem.store.session import Tx
from mainstem.store.statements import statement
from mainstem.store.vault import Vault

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
        yield from self._facts(tx)
        yield from self._record(tx)

    def _deliveries(self, tx: Tx) -> Iterator[Flaw]:
        for delivery, chash in tx.execute("select id, chash from delivery order by id").fetchall():
            sent = self._ledger.delivery(tx, delivery)
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
                    fact = self._ledger.open_fact(tx, record, chash, subject, source, body, order)
                    if self._namer.content(canonical(fact.resource)) != chash:
                        yield Flaw(law="I8", words=f"Fact {record} of {source} is not what its hash says.")

    def _record(self, tx: Tx) -> Iterator[Flaw]:
        heads = dict(tx.execute("select record, resource from head").fetchall())
        with tx.cursor(name="record") as cursor:
            cursor.execute("select pk, id, person, ver, chash, body, cert from resource")
            while rows := cursor.fetchmany(_BATCH):
                for pk, uuid, person, ver, chash, sealed, sealed_cert in rows:
                    owner = person or self._public
                    body = self._vault.unseal(tx, owner, f"resource:{pk}:{ver}".encode(), sealed)
                    cert = self._vault.unseal(tx, owner, f"cert:{pk}:{ver}".encode(), sealed_cert)
                    if self._content(body) != chash[:HASH_LENGTH] or self._namer.content(cert) != chash[HASH_LENGTH:]:
                        yield Flaw(law="I4", words=f"Resource {uuid} is not what its hash says.")
                    yield from self._trace(pk, str(uuid), cert, heads)

    def _content(self, body: bytes) -> bytes:
        resource = decode(body)
        meta = {name: value for name, value in resource["meta"].items() if name not in {"versionId", "lastUpdated"}}
        return self._namer.content(b"".join(split({**resource, "meta": meta})))

    def _trace(self, pk: int, uuid: str, cert: bytes, heads: dict[int, int | None]) -> Iterator[Flaw]:
        """Each contributing source record must be in the ledger; those that stand in this resource must say so."""
        certificate = msgspec.json.decode(cert, type=Certificate)
        if not certificate.members:
            yield Flaw(law="I6", words=f"Resource {uuid} names nothing that it was made from.")
        for member in certificate.members:
            record = number(member.record)
            if record not in heads and pk not in heads.values():
                yield Flaw(law="I6", words=f"Resource {uuid} names a record of {member.source} that the ledger lacks.")
