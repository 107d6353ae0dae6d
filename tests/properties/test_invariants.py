"""DESIGN section 2: I1, I2, I4, I6, I7, I8 over the whole flow, on a real PostgreSQL."""

import secrets
from datetime import UTC, datetime
from pathlib import Path
from typing import LiteralString

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec import json as msgspec_json

from mainstem import formats
from mainstem.model.fact import Delivery
from mainstem.model.ids import number
from mainstem.model.record import Certificate
from mainstem.model.reference import Reference
from mainstem.pipeline import Pipeline
from mainstem.simulate.chance import Random
from mainstem.store import views
from mainstem.store.database import Database
from mainstem.store.ledger import CursorMove
from mainstem.store.publish import Publisher
from mainstem.store.vault import Vault
from mainstem.trust.keys import load_or_create
from properties import worlds

_PROFILE = settings()
LAW = settings(
    max_examples=max(10, _PROFILE.max_examples // 4),  # each example is several whole runs on a real database
    suppress_health_check=[HealthCheck.function_scoped_fixture, *_PROFILE.suppress_health_check],
)
RECORD = "select id, rt, person, block, dlo, dhi, cat, labels, tok, chash from resource order by pk"
_TABLES = (
    "source, data_key, delivery, outcome, fact, decision, held, history, superseded, outbox, audit, head, blocking,"
    " person, member, resource, cursor, job, grantee, grant_row, token"
)


class Bench:
    """A pipeline on a database that can be emptied between examples."""

    def __init__(self, database: Database, owner_url: str, folder: Path) -> None:
        self.database = database
        self.keys = load_or_create(folder / "key", secrets.token_bytes)
        self._owner_url = owner_url

    def fresh(self) -> Pipeline:
        with psycopg.connect(self._owner_url) as connection:
            connection.execute("set search_path = mainstem")
            connection.execute(f"truncate {_TABLES} restart identity cascade")
        reference = Reference(namer=self.keys.namer, readers=formats.READERS)
        ticks = iter(range(10**9))
        self.vault = Vault(self.keys, secrets.token_bytes)

        def clock() -> datetime:
            return datetime.fromtimestamp(1_780_000_000 + next(ticks), UTC)

        return Pipeline(self.database, self.vault, reference, clock)

    def rows(self, query: LiteralString) -> list[tuple[object, ...]]:
        with self.database.connection() as connection:
            return connection.execute(query).fetchall()

    def state(self) -> object:
        with self.database.connection() as connection:
            counts = [self.rows(f"select count(*) from {t}") for t in ("fact", "history", "outbox", "held", "decision")]
            return views.digest(connection), counts


@pytest.fixture(scope="module")
def bench(database: Database, tmp_path_factory: pytest.TempPathFactory) -> Bench:
    return Bench(database, database.admin_url, tmp_path_factory.mktemp("keys"))


def apply(pipeline: Pipeline, deliveries: list[Delivery]) -> None:
    for each in deliveries:
        report = pipeline.apply(each)
        assert report.stated == report.kept + report.known + report.held


@given(worlds.deliveries(), st.sampled_from([2, 5]))
@LAW
def test_i1_twice_is_once(bench: Bench, sent: list[Delivery], times: int) -> None:
    pipeline = bench.fresh()
    apply(pipeline, sent)
    before = bench.state()
    for _ in range(times - 1):
        apply(pipeline, sent)
    assert bench.state() == before


@given(worlds.deliveries(), st.randoms(use_true_random=False))
@LAW
def test_i1_the_same_facts_in_other_pages_are_known(bench: Bench, sent: list[Delivery], chance: Random) -> None:
    pipeline = bench.fresh()
    apply(pipeline, sent)
    before = bench.rows(RECORD), bench.rows("select count(*) from fact"), bench.rows("select count(*) from history")
    for each in sent:
        lines = each.body.split(b"\n")
        chance.shuffle(lines)
        apply(pipeline, [worlds.delivery(int(each.source[-1]), b"", *lines)])
    after = bench.rows(RECORD), bench.rows("select count(*) from fact"), bench.rows("select count(*) from history")
    assert after == before


@given(worlds.deliveries(), st.data())
@LAW
def test_i2_any_order_and_any_split_give_the_same_record(
    bench: Bench, sent: list[Delivery], data: st.DataObject
) -> None:
    apply(bench.fresh(), sent)
    wanted = bench.rows(RECORD)
    apply(bench.fresh(), data.draw(st.permutations(sent)))
    assert bench.rows(RECORD) == wanted
    lines = [(int(each.source[-1]), each_line) for each in sent for each_line in each.body.split(b"\n")]
    apply(
        bench.fresh(), [worlds.delivery(source, each_line) for source, each_line in data.draw(st.permutations(lines))]
    )
    assert bench.rows(RECORD) == wanted


@given(worlds.deliveries())
@LAW
def test_i4_a_rebuild_gives_the_same_bytes(bench: Bench, sent: list[Delivery]) -> None:
    pipeline = bench.fresh()
    apply(pipeline, sent)
    before = bench.state()
    pipeline.rebuild()
    assert bench.state() == before
    assert pipeline.rehearse() == dict.fromkeys(views.VIEWS, True)


@given(worlds.deliveries())
@LAW
def test_i6_every_resource_leads_to_the_bytes_that_it_came_from(bench: Bench, sent: list[Delivery]) -> None:
    pipeline = bench.fresh()
    apply(pipeline, sent)
    raw = {(d.source, d.body) for d in sent}
    traced = 0
    with bench.database.connection() as connection:
        for pk, person, ver, sealed in connection.execute("select pk, person, ver, cert from resource").fetchall():
            owner = person or number(bench.keys.namer.derived("public"))
            opened = bench.vault.unseal(connection, owner, f"cert:{pk}:{ver}".encode(), sealed)
            for member in msgspec_json.decode(opened, type=Certificate).members:
                found = connection.execute(
                    "select delivery from fact where record = %s", (number(member.record),)
                ).fetchall()
                assert found
                for (delivery,) in found:
                    sent_then = pipeline.ledger.delivery(connection, delivery)
                    assert sent_then is not None
                    assert (sent_then.source, sent_then.body) in raw
                    facts = formats.READERS[sent_then.media](sent_then).kept
                    assert member.key in {fact.key for fact in facts if fact.type == member.type}
                    traced += 1
    assert traced
    assert pipeline.prove() == []


@given(worlds.deliveries(), st.data())
@LAW
def test_i7_a_cursor_never_passes_uncommitted_data(bench: Bench, sent: list[Delivery], data: st.DataObject) -> None:
    apply(bench.fresh(), sent)
    wanted = bench.rows(RECORD)
    pipeline = bench.fresh()
    broken = data.draw(st.integers(0, len(sent) - 1))
    for index, each in enumerate(sent):
        move = CursorMove(stream="all", value={"next": index + 1})
        if index == broken:
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(Publisher, "publish", _cut)
                with pytest.raises(ConnectionError):
                    pipeline.apply(each, move)
            stands = bench.rows(
                f"select value from cursor c join source s on s.id = c.source where s.name = '{each.source}'"
            )
            assert stands in ([], [({"next": _last_of(each.source, sent, index)},)])
            assert bench.rows("select 1 from outcome where delivery = (select max(id) from delivery)") == []
            pipeline.recover()
        pipeline.apply(each, move)
    assert bench.rows(RECORD) == wanted
    assert pipeline.prove() == []


def _cut(*_: object) -> None:
    raise ConnectionError("the connection was lost")


def _last_of(source: str, sent: list[Delivery], index: int) -> int:
    return max((i + 1 for i in range(index) if sent[i].source == source), default=0)


@given(worlds.deliveries())
@LAW
def test_i8_what_came_in_was_kept_known_or_held(bench: Bench, sent: list[Delivery]) -> None:
    pipeline = bench.fresh()
    stated = 0
    for each in sent:
        outcome = formats.READERS[each.media](each)
        stated += len(outcome.kept) + len(outcome.held)
        pipeline.apply(each)
    sums = bench.rows("select sum(stated)::int, sum(kept + known + held)::int, sum(held)::int from outcome")
    [(told, accounted, held)] = sums
    assert told == accounted <= stated
    assert bench.rows("select count(*)::int from held") == [(held,)]
    assert bench.rows("select count(*)::int from fact") == bench.rows("select sum(kept)::int from outcome")
