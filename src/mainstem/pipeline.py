"""The stages in their order: raw bytes in, one consolidated record out, in one transaction a delivery.

    delivery → parse → harmonise → (ledger) → identify → consolidate → alert → index → (record)

Each stage is a pure function `run(batch, reference) → kept, held`. This page is the only one that puts them in a row;
what they need from the store is fetched here, and what they make is written here, together with held items, outbox and
the source's cursor (I7, I8). `settle` takes the record from any state to the one that follows from the ledger.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import Any

from msgspec import Struct

from mainstem import consolidate, harmonise, identify, insight
from mainstem.fhir import index
from mainstem.insight import Series
from mainstem.model.fact import Delivery, Fact, Held
from mainstem.model.ids import number
from mainstem.model.json import encode
from mainstem.model.outcome import Outcome, Stage
from mainstem.model.problem import Problem
from mainstem.model.record import Block, Entry
from mainstem.model.reference import Reader, Reference
from mainstem.store import heads, persons, settling, views
from mainstem.store.database import Database
from mainstem.store.heads import Arrival, Standing
from mainstem.store.ledger import CursorMove, Ledger, Receipt, Statement, Tx
from mainstem.store.matching import Matching
from mainstem.store.persons import Person
from mainstem.store.proof import Flaw, Proof
from mainstem.store.publish import Draft, Place, Published, Publisher
from mainstem.store.vault import Vault

ROUNDS_MAX = 4
"""A changed id changes those who refer to it, but no other id: two rounds settle; more is a programmer's error."""


def _parse(batch: Sequence[Delivery], reference: Reference) -> Outcome[Fact]:
    kept: list[Fact] = []
    held: list[Held] = []
    for delivery in batch:
        reader = reference.readers.get(delivery.media)
        if reader is None:
            held.append(_no_reader(delivery))
            continue
        outcome = _read(reader, delivery)
        kept.extend(outcome.kept)
        held.extend(outcome.held)
    return Outcome(kept, held)


def _read(reader: Reader, delivery: Delivery) -> Outcome[Fact]:
    """A reader's own defect holds its delivery and stops nothing else (SYNC-1); the one broad except of the project."""
    try:
        return reader(delivery)
    except Exception as error:  # noqa: BLE001  # whatever a reader stumbles over, the other deliveries go on
        words = f"mainstem stumbled over this delivery ({type(error).__name__}): a defect of its reader."
        release = "A corrected reader; the bytes are kept and will be read again."
        return Outcome((), (Held(problem=Problem.DEFECT, words=words, release=release),))


def _no_reader(delivery: Delivery) -> Held:
    words = f"No reader is known for {delivery.media or 'bytes of no recognised format'}."
    return Held(
        problem=Problem.UNKNOWN_FORMAT, words=words, release="Add a source or a format that reads this media type."
    )


PARSE: Stage[Delivery, Fact, Reference] = Stage(name="parse", version=1, key=None, run=_parse)
STAGES = (PARSE, harmonise.STAGE, identify.STAGE, consolidate.STAGE, insight.STAGE, index.STAGE)
MAPPING = sum(stage.version for stage in STAGES)
"""Version of the whole reading: a delivery is worked through once under each (SYNC-10)."""


REASONS_MAX = 5
"""How many reasons a report tells; all of them are in the table of held items."""

REFUSED = "application/vnd.mainstem.refused+json"
"""Media type of the note that stands for bytes that were refused unread."""


class Report(Struct, frozen=True, kw_only=True):
    """What one delivery brought: stated = kept + known + held, and the versions it made in the record."""

    delivery: int
    stated: int = 0
    kept: int = 0
    known: int = 0
    held: int = 0
    written: int = 0
    reasons: tuple[str, ...] = ()
    """Why things are held, each reason once, the first few of them."""


class Pipeline:
    """Applies deliveries to one database; safe to run in several processes at once (one writes at a time, ADR 0004)."""

    def __init__(self, database: Database, vault: Vault, reference: Reference, clock: Callable[[], datetime]) -> None:
        """Bind the stages to a database, its keys, and a clock that tells UTC time."""
        self._database = database
        self._vault = vault
        self._reference = reference
        self._clock = clock
        self._ledger = Ledger(vault, reference.namer)
        self._publisher = Publisher(vault, reference.namer)
        self._matching = Matching(self._ledger, reference)

    @property
    def ledger(self) -> Ledger:
        """The ledger that this pipeline writes."""
        return self._ledger

    def apply(self, delivery: Delivery, cursor: CursorMove | None = None) -> Report:
        """Make a delivery durable, then work it through; bytes that were worked through before change nothing (I1)."""
        with self._database.connection() as connection:
            with connection.transaction():
                receipt = self._ledger.receive(connection, delivery, MAPPING, self._clock())
            parsed = Outcome[Fact](()) if receipt.done else PARSE.run([delivery], self._reference)
            with connection.transaction():
                return self._work(connection, delivery, receipt, parsed, cursor)

    def standing(self, source: str, stream: str) -> dict[str, Any] | None:
        """Return where a stream's cursor stands; None = it was never read."""
        with self._database.connection() as connection:
            return self._ledger.cursor(connection, source, stream)

    def refuse(self, source: str, name: str, held: Held) -> Report:
        """Keep what never became a delivery (a file too large, a path out of an archive) as a held item, once."""
        body = encode([name, held.path, held.problem, held.words])
        delivery = Delivery(source=source, name=name, media=REFUSED, body=body, received=self._clock())
        with self._database.connection() as connection, connection.transaction():
            receipt = self._ledger.receive(connection, delivery, MAPPING, self._clock())
            return self._work(connection, delivery, receipt, Outcome[Fact]((), (held,)), None)

    def recover(self) -> list[Report]:
        """Work through what was received before a crash and never finished; returns a report for each."""
        with self._database.connection() as connection:
            waiting = list(self._ledger.pending(connection))
        return [self.apply(delivery) for delivery in waiting]

    def rebuild(self) -> int:
        """Drop every view and make it anew from the ledger; return the number of places derived (I4)."""
        with self._database.connection() as connection, connection.transaction():
            return self._rebuild(connection)

    def rehearse(self) -> dict[str, bool]:
        """Rebuild and roll back: for each view, whether the ledger gives exactly what stands."""
        with self._database.connection() as connection, connection.transaction(force_rollback=True):
            before = views.digest(connection)
            self._rebuild(connection)
            return {view: digest == before[view] for view, digest in views.digest(connection).items()}

    def prove(self) -> list[Flaw]:
        """Read back the whole ledger and record; return what is not as it must be (I6, I8)."""
        with self._database.connection() as connection:
            return list(Proof(self._ledger, self._vault, self._reference.namer).flaws(connection))

    def _rebuild(self, tx: Tx) -> int:
        """Patient records first, then all heads, then the record: what others refer to stands before them."""
        now = self._clock()
        self._lock(tx)
        views.drop(tx)
        for patients in (True, False):
            for batch in views.newest(tx, self._ledger, patients=patients):
                facts = [(s, harmonise.harmonise(fact)) for s, fact in batch]
                arrivals = [Arrival(s, fact, self._block(fact), None) for s, fact in facts]
                heads.write(tx, arrivals, self._ledger.sources(tx), {})
                self._matching.settle(tx, {s.record: fact for s, fact in facts} if patients else {}, now)
        done = 0
        for places in views.places(tx):
            self._settled(tx, places, (), now)
            done += len(places)
        return done

    def _work(
        self, tx: Tx, delivery: Delivery, receipt: Receipt, parsed: Outcome[Fact], cursor: CursorMove | None
    ) -> Report:
        now = self._clock()
        if cursor is not None:
            self._ledger.move_cursor(tx, delivery.source, cursor, now)
        if receipt.done or not self._mine(tx, receipt):
            return Report(delivery=receipt.id)
        harmonised = harmonise.STAGE.run(parsed.kept, self._reference)
        ready = dict(zip(map(_name, harmonised.kept), harmonised.kept, strict=True))
        statements = [self._ledger.statement(fact) for fact in parsed.kept if _name(fact) in ready]
        fresh = self._ledger.admit(tx, statements, receipt, now)
        held = [*parsed.held, *harmonised.held]
        self._ledger.hold(tx, receipt, held, delivery.source, now)
        arrivals = self._arrivals(tx, fresh, ready)
        published = self.settle(tx, arrivals, now)
        counts = {
            "stated": len(parsed.kept) + len(parsed.held), "kept": len(fresh),
            "known": len(statements) - len(fresh), "held": len(held),
        }  # fmt: skip
        self._ledger.close(tx, receipt, MAPPING, counts, now)
        reasons = tuple(dict.fromkeys(f"{item.words} {item.release}" for item in held))[:REASONS_MAX]
        return Report(delivery=receipt.id, written=published.written, reasons=reasons, **counts)

    def _mine(self, tx: Tx, receipt: Receipt) -> bool:
        """Become the one that settles; False when another process worked this delivery through while this one waited.

        One settles at a time, because two that insert one person at once must find each other (ADR 0004).
        """
        self._lock(tx)
        return not self._ledger.done(tx, receipt, MAPPING)

    def _lock(self, tx: Tx) -> None:
        tx.execute("select pg_advisory_xact_lock(hashtext('mainstem.pipeline'))")

    def _arrivals(self, tx: Tx, fresh: Sequence[Statement], ready: dict[tuple[str, str, str], Fact]) -> list[Arrival]:
        """Return the statements that become their record's newest version: by order, then by content (I2)."""
        before = heads.heads(tx, [s.record for s in fresh])
        newest: dict[int, Statement] = {}
        for s in fresh:
            rival = newest.get(s.record)
            if rival is None or _rank(s) > _rank(rival):
                newest[s.record] = s
        found: list[Arrival] = []
        for s in newest.values():
            head = before.get(s.record)
            if head is None or (head.order, head.chash) < _rank(s):
                fact = ready[_name(s.fact)]
                found.append(Arrival(s, fact, self._block(fact), head))
        return found

    def _block(self, fact: Fact) -> int:
        return self._reference.namer.block(consolidate.block_of(fact))

    # -- from facts to the record --------------------------------------------------------------------------------------
    def settle(self, tx: Tx, arrivals: Sequence[Arrival], now: datetime) -> Published:
        """Take the record to what follows from the ledger and these newest facts, in the caller's transaction."""
        patients = {a.statement.record: a.harmonised for a in arrivals if a.statement.fact.type == "Patient"}
        moved = self._matching.settle(tx, patients, now)
        return self._settled(tx, self._touched(tx, arrivals, moved), arrivals, now)

    def _settled(self, tx: Tx, places: set[Place], arrivals: Sequence[Arrival], now: datetime) -> Published:
        """Derive the given places anew, then those that refer to what stands under another id since."""
        done: set[Place] = set()
        total = Published()
        for _ in range(ROUNDS_MAX):
            published, changed = self._round(tx, places, arrivals, now)
            total = total.plus(published)
            done |= places
            places = settling.referrers(tx, changed, self._reference.namer) - done
            arrivals = ()
            if not places:
                return total
        raise AssertionError("references did not settle")

    def _touched(self, tx: Tx, arrivals: Sequence[Arrival], moved: dict[int, tuple[int | None, int]]) -> set[Place]:
        """Return the places whose content may change: of new and replaced facts, and of patient records that moved."""
        pairs = {(a.statement.subject, a.block) for a in arrivals}
        pairs |= {(a.before.subject, a.before.block) for a in arrivals if a.before is not None}
        pairs |= heads.blocks_of(tx, moved)
        seats = persons.persons_of(tx, {subject for subject, _ in pairs if subject})
        places = {Place(seats[s].number if s else 0, b) for s, b in pairs if not s or s in seats}
        return places | {
            Place(before, b) for s, b in pairs if s in moved and (before := moved[s][0]) is not None
        }  # fmt: skip

    def _round(
        self, tx: Tx, places: set[Place], arrivals: Sequence[Arrival], now: datetime
    ) -> tuple[Published, set[str]]:
        """Derive the given places anew and publish them; return also the ids that no longer stand for their records."""
        standing, people = self._standing(tx, places, arrivals)
        entries = self._consolidate(standing, people)
        owners = settling.owners(entries)
        here = {owner.record: owner.resource for owner in owners if owner.record != owner.resource}
        changed = self._own(tx, standing, arrivals, owners)
        alerts = self._alerts(entries)
        settled = settling.settle(tx, [*entries, *alerts], here)
        indexed = index.STAGE.run([each.entry for each in settled], self._reference).kept
        drafts = [
            Draft(indexed=found, place=self._place(found.entry), meta=each.meta, rest=each.rest)
            for found, each in zip(indexed, settled, strict=True)
        ]
        published = self._publisher.publish(tx, drafts, places | self._watched(places), now)
        return published, changed | set(published.gone)

    def _standing(
        self, tx: Tx, places: set[Place], arrivals: Sequence[Arrival]
    ) -> tuple[list[Standing], dict[int, Person]]:
        """Return the newest harmonised facts of the places, and the person of each of their subjects."""
        subjects = persons.subjects_of(tx, {p.person for p in places if p.person})
        people = persons.persons_of(tx, {s for each in subjects.values() for s in each})
        pairs = {(s, p.block) for p in places for s in (subjects.get(p.person, ()) if p.person else (0,))}
        new = [
            Standing(a.statement.record, a.statement.subject, a.block, a.harmonised, a.before and a.before.resource)
            for a in arrivals
            if (a.statement.subject, a.block) in pairs
        ]
        old = heads.facts_in(tx, self._ledger, pairs, [a.statement.record for a in arrivals])
        return [*new, *(each._replace(fact=harmonise.harmonise(each.fact)) for each in old)], people

    def _consolidate(self, standing: Iterable[Standing], people: dict[int, Person]) -> list[Entry]:
        groups: dict[tuple[str, int], list[Fact]] = defaultdict(list)
        for each in standing:
            groups[people[each.subject].id if each.subject else "", each.block].append(each.fact)
        blocks = [
            Block(person=person, name=consolidate.block_of(facts[0]), facts=facts)
            for (person, _), facts in groups.items()
        ]
        return list(consolidate.STAGE.run(blocks, self._reference).kept)

    def _own(
        self, tx: Tx, standing: Sequence[Standing], arrivals: Sequence[Arrival], owners: Sequence[settling.Owner]
    ) -> set[str]:
        """Write heads with the resource of each; return the ids under which some record no longer stands."""
        now_in = {number(owner.record): number(owner.resource) for owner in owners}
        was = {each.record: each.resource for each in standing}
        was |= {a.statement.record: a.before.resource for a in arrivals if a.before is not None}
        heads.write(tx, arrivals, self._ledger.sources(tx), now_in)
        moved = {record for record, resource in was.items() if resource != now_in.get(record)}
        arrived = {a.statement.record for a in arrivals}
        heads.assign(tx, {record: now_in.get(record) for record in moved - arrived})
        left = {resource for record in moved if (resource := was[record]) is not None}
        joined = {o.record for o in owners if o.record != o.resource and was.get(number(o.record)) is None}
        return joined | set(settling.ids_of(tx, left) if left else ())

    def _alerts(self, entries: Sequence[Entry]) -> list[Entry]:
        series: dict[tuple[str, str], list[Entry]] = defaultdict(list)
        for entry in entries:
            if entry.block in insight.BLOCKS and entry.type == "Observation" and entry.person:
                series[entry.person, entry.block].append(entry)
        batch = [Series(person=person, block=block, entries=each) for (person, block), each in series.items()]
        return list(insight.STAGE.run(batch, self._reference).kept)

    def _place(self, entry: Entry) -> Place:
        return Place(number(entry.person) if entry.person else 0, self._reference.namer.block(entry.block))

    def _watched(self, places: set[Place]) -> set[Place]:
        """Return the places of the alerts that rest on the given ones: an alert whose reason went goes too."""
        alerts = {self._reference.namer.block(b): self._reference.namer.block(f"insight|{b}") for b in insight.BLOCKS}
        return {Place(p.person, alerts[p.block]) for p in places if p.block in alerts}


def _rank(s: Statement) -> tuple[str, bytes]:
    return s.fact.order, s.chash


def _name(fact: Fact) -> tuple[str, str, str]:
    return fact.type, fact.key, fact.path
