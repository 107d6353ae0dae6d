"""One contract over every source folder, found by looking: a new folder is tested by being there (DESIGN 7)."""

import csv
import logging
from collections import Counter
from collections.abc import AsyncGenerator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from functools import cache
from importlib import resources
from importlib.resources.abc import Traversable
from typing import Any

import anyio
import httpx
import msgspec
import pytest
from msgspec import Struct

from mainstem import formats
from mainstem.fhir.types import TYPES
from mainstem.model.fact import Delivery, Fact
from mainstem.model.json import canonical, decode
from mainstem.model.names import LOINC
from mainstem.simulate.connecting import settings_of
from mainstem.simulate.world import Site, world
from mainstem.store.ledger import CursorMove
from mainstem.sync import discovery, kernel
from mainstem.sync.connector import SourceSettings
from mainstem.sync.kernel import Surroundings, Tally

NOW = datetime(2026, 6, 2, 9, 30, tzinfo=UTC)
SOURCES = discovery.discover()
READERS = {**formats.READERS, **discovery.readers(SOURCES)}
FAULTS_MAX = 5
"""Requests at which a fault is planted, from the first on."""
every_source = pytest.mark.parametrize("name", sorted(SOURCES))


class Report(Struct, frozen=True):
    stated: int
    kept: int
    known: int
    held: int
    written: int = 0


class CrashError(Exception):
    """The process dies here."""


class Store:
    """A ledger in memory: facts and cursor move together, or not at all."""

    def __init__(self, crash_at: int = -1) -> None:
        self.facts: dict[bytes, Fact] = {}
        self.held: list[str] = []
        self.cursors: dict[str, dict[str, Any]] = {}
        self.trail: list[tuple[str, dict[str, Any]]] = []
        self._crash_at = crash_at

    def apply(self, delivery: Delivery, move: CursorMove) -> Report:
        if len(self.trail) == self._crash_at:
            raise CrashError
        outcome = READERS[delivery.media](delivery)
        before = len(self.facts)
        self.facts.update({canonical([fact.type, fact.key, fact.resource]): fact for fact in outcome.kept})
        self.held.extend(held.problem for held in outcome.held)
        self.cursors[move.stream] = move.value
        self.trail.append((move.stream, move.value))
        kept = len(self.facts) - before
        stated = len(outcome.kept) + len(outcome.held)
        return Report(stated, kept, len(outcome.kept) - kept, len(outcome.held))


Fault = Callable[[httpx.Request], httpx.Response]


def answer(status: int, headers: Mapping[str, str] | None = None) -> Fault:
    return lambda request: httpx.Response(status, headers=headers, request=request)


def cut_off(request: httpx.Request) -> httpx.Response:
    raise httpx.RemoteProtocolError("peer closed the connection in the middle of the body", request=request)


def slow(request: httpx.Request) -> httpx.Response:
    raise httpx.ReadTimeout("no answer in time", request=request)


def broken_gzip(request: httpx.Request) -> httpx.Response:
    return httpx.Response(200, headers={"content-encoding": "gzip"}, content=b"not gzip", request=request)


class Line(httpx.AsyncBaseTransport):
    """The wire to a simulated site, with faults at the numbered requests."""

    def __init__(self, site: Site, faults: Mapping[int, Fault]) -> None:
        self._transport = httpx.ASGITransport(app=site.app)
        self._faults = dict(faults)
        self.requests = 0

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        fault = self._faults.get(self.requests)
        self.requests += 1
        return fault(request) if fault else await self._transport.handle_async_request(request)


class Bench(Struct, frozen=True):
    """A source, a simulated site that speaks its protocol, and how to sync them without a network and without time."""

    settings: SourceSettings
    site: Site

    def sync(self, store: Store, faults: Mapping[int, Fault] | None = None) -> tuple[Tally, Line, list[float]]:
        line, slept = Line(self.site, faults or {}), list[float]()

        @asynccontextmanager
        async def connect() -> AsyncGenerator[httpx.AsyncClient]:
            async with httpx.AsyncClient(transport=line) as client:
                yield client

        async def sleep(seconds: float) -> None:
            slept.append(seconds)
            await anyio.lowlevel.checkpoint()

        async def go() -> Tally:
            around = Surroundings(
                clock=lambda: NOW,
                monotonic=lambda: 0.0,
                sleep=sleep,
                uniform=lambda _low, high: high,
                connect=connect,
                writer=anyio.CapacityLimiter(1),
            )
            source = SOURCES[self.settings.connector]
            return await kernel.run(self.settings, source, store.apply, store.cursors, around=around)

        return anyio.run(go), line, slept


def bench(name: str) -> Bench:
    """Return a fresh bench, with the site in phase 1."""
    small = world(5, 14, 3)
    site = next(site for site in small.sites if site.speaks == SOURCES[name].manifest.speaks)
    return Bench(settings=settings_of(site, f"http://127.0.0.1:1{site.base_path}", SOURCES), site=site)


@cache
def clean(name: str, phase: int = 1) -> Store:
    """Return what a run without faults gives (the clean-run oracle)."""
    store, fresh = Store(), bench(name)
    for turn in range(phase):
        fresh.site.shelf.phase = turn + 1
        fresh.sync(store)
    return store


def all_done(tally: Tally) -> bool:
    return all(end.state == "done" for end in tally.streams)


def folder(name: str) -> Traversable:
    return resources.files(f"mainstem.sources.{name}")


@every_source
def test_manifest_says_what_is_true(name: str) -> None:
    source = SOURCES[name]
    manifest = source.manifest
    assert manifest.name == name
    assert set(manifest.delivers) <= TYPES.keys()
    assert manifest.media in READERS
    assert (source.read is None) == (manifest.media in formats.READERS)
    delivered = {fact.type for fact in clean(name, 2).facts.values()}
    assert delivered <= set(manifest.delivers)


@every_source
def test_manifest_with_an_unknown_key_is_an_error(name: str) -> None:
    text = folder(name).joinpath("manifest.toml").read_text() + "\n[surprise]\nx = 1\n"
    with pytest.raises(msgspec.ValidationError, match="surprise"):
        msgspec.toml.decode(text.encode(), type=type(SOURCES[name].manifest))


@every_source
def test_options_that_are_not_known_are_an_error(name: str) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert({"surprise": 1}, SOURCES[name].options)


@every_source
def test_readme_says_limits_credentials_and_what_is_unverified(name: str) -> None:
    text = folder(name).joinpath("README.md").read_text()
    for heading in ("**Options**", "**Credentials**", "**Unverified**"):
        assert heading in text


def samples() -> Iterator[tuple[str, str]]:
    for name in sorted(SOURCES):
        for path in sorted(folder(name).joinpath("samples").iterdir(), key=str):
            if ".facts." not in path.name:
                yield name, path.name


@pytest.mark.parametrize(("name", "sample"), list(samples()))
def test_golden_sample(name: str, sample: str) -> None:
    place = folder(name).joinpath("samples")
    expected = decode(place.joinpath(sample.rpartition(".")[0] + ".facts.json").read_bytes())
    media = SOURCES[name].manifest.media
    delivery = Delivery(
        source="sample", name=sample, media=media, body=place.joinpath(sample).read_bytes(), received=NOW
    )
    outcome = READERS[media](delivery)
    kept = [{"type": f.type, "key": f.key, "subject": f.subject, "resource": f.resource} for f in outcome.kept]
    held = [{"problem": h.problem.value, "path": h.path} for h in outcome.held]
    assert canonical({"kept": kept, "held": held}) == canonical(expected)


@every_source
def test_every_folder_has_a_sample(name: str) -> None:
    assert any(owner == name for owner, _ in samples())


@every_source
def test_every_emitted_code_is_in_the_table(name: str) -> None:
    rows = list(csv.DictReader(folder(name).joinpath("codes.csv").read_text().splitlines()))
    assert {"field", "loinc", "ucum", "factor", "note", "source"} <= set(rows[0])
    assert all(row["source"] for row in rows)
    if SOURCES[name].read is None:
        return  # passes the sender's codes through
    listed = {row["loinc"] for row in rows}
    emitted = {code for fact in clean(name, 2).facts.values() for code in loinc_codes(fact.resource)}
    assert emitted
    assert emitted <= listed


def loinc_codes(node: object) -> Iterator[str]:
    match node:
        case {"system": system, "code": str(code)} if system == LOINC:
            yield code
        case dict():
            for value in node.values():
                yield from loinc_codes(value)
        case list():
            for value in node:
                yield from loinc_codes(value)
        case _:
            return


@every_source
def test_a_second_pull_from_the_last_cursor_brings_nothing(name: str) -> None:
    store, fresh = Store(), bench(name)
    fresh.sync(store)
    tally, _, _ = fresh.sync(store)
    assert all_done(tally)
    assert tally.deliveries == 0


@every_source
def test_sync_3_a_pull_from_each_cursor_gives_the_same_facts(name: str) -> None:
    whole = clean(name)
    last = len(whole.trail)
    for stop in sorted({*range(4), last // 2, last - 1} & set(range(last))):
        store, fresh = Store(crash_at=stop), bench(name)
        with pytest.raises(ExceptionGroup):
            fresh.sync(store)
        assert len(store.trail) == stop
        resumed = Store()
        resumed.facts, resumed.cursors = store.facts, store.cursors
        fresh.sync(resumed)
        assert resumed.facts.keys() == whole.facts.keys(), f"crash before commit {stop}"


@every_source
def test_what_changes_between_two_syncs_arrives_once(name: str) -> None:
    store, fresh = Store(), bench(name)
    fresh.sync(store)
    before = len(store.facts)
    fresh.site.shelf.phase = 2
    tally, _, _ = fresh.sync(store)
    assert tally.kept == len(store.facts) - before > 0
    assert fresh.sync(store)[0].deliveries == 0


@every_source
@pytest.mark.parametrize(
    "fault",
    [
        answer(429, {"retry-after": "7"}),
        answer(429, {"retry-after": "Tue, 02 Jun 2026 09:30:07 GMT", "date": "Tue, 02 Jun 2026 09:30:00 GMT"}),
        answer(500),
        answer(503),
        cut_off,
        slow,
        broken_gzip,
    ],
    ids=["429-seconds", "429-date", "500", "503", "cut-off", "slow", "broken-gzip"],
)
def test_sync_8_a_passing_fault_at_any_request_changes_nothing(name: str, fault: Fault) -> None:
    whole = clean(name)
    requests = bench(name).sync(Store())[1].requests
    for place in range(min(requests, FAULTS_MAX)):
        store = Store()
        tally, _, slept = bench(name).sync(store, {place: fault})
        assert all_done(tally), f"fault at request {place}"
        assert store.facts.keys() == whole.facts.keys(), f"fault at request {place}"
        assert Counter(store.held) == Counter(whole.held)
        assert len(slept) == 1
        assert slept[0] >= 0


@every_source
def test_sync_8_the_wait_that_the_source_asks_for_is_kept(name: str) -> None:
    _, _, slept = bench(name).sync(Store(), {0: answer(429, {"retry-after": "7"})})
    assert slept[0] >= 7


@every_source
def test_a_401_stops_its_stream_and_loses_nothing(name: str) -> None:
    whole = clean(name)
    requests = bench(name).sync(Store())[1].requests
    for place in range(min(requests, FAULTS_MAX)):
        store, fresh = Store(), bench(name)
        tally, _, _ = fresh.sync(store, {place: answer(401)})
        assert [end.state for end in tally.streams].count("reauthorise") == 1
        fresh.sync(store)
        assert store.facts.keys() == whole.facts.keys()


@every_source
def test_sync_9_a_source_that_is_down_moves_no_cursor(name: str) -> None:
    store, fresh = Store(), bench(name)
    tally, _, slept = fresh.sync(store, dict.fromkeys(range(10_000), answer(500)))
    assert {end.state for end in tally.streams} == {"later"}
    assert store.cursors == {}
    assert slept
    fresh.sync(store)
    assert store.facts.keys() == clean(name).facts.keys()


@every_source
def test_no_personal_data_and_no_credential_in_logs(name: str, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    fresh, store = bench(name), Store()
    fresh.sync(store, {1: answer(500), 2: answer(401), 3: answer(403)})
    fresh.sync(store, dict.fromkeys(range(10_000), cut_off))
    logged = "\n".join([record.getMessage() for record in caplog.records] + [str(r.exc_text) for r in caplog.records])
    assert "stopped" in logged
    for word in personal(clean(name)) | set(fresh.site.tokens.values()) | {a for a in fresh.site.tokens if a}:
        assert word not in logged


def personal(store: Store) -> set[str]:
    found: set[str] = set()
    for fact in store.facts.values():
        if fact.type == "Patient":
            name = fact.resource["name"][0]
            telecoms = [telecom["value"] for telecom in fact.resource.get("telecom", ())]
            numbers = [identifier["value"] for identifier in fact.resource["identifier"]]
            found |= {name["family"], *name["given"], fact.resource["birthDate"], *telecoms, *numbers}
    assert len(found) > 20
    return found


@every_source
def test_deterministic_keys_the_same_on_every_run(name: str) -> None:
    again = Store()
    bench(name).sync(again)
    assert again.facts.keys() == clean(name).facts.keys()


def test_discovery_finds_the_folders_and_refuses_a_wrong_name() -> None:
    assert len(SOURCES) >= 3
    with pytest.raises(LookupError):
        discovery.speaking(SOURCES.values(), "smoke signals")
