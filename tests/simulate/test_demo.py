"""The demo end to end on a small world: the record is the truth, and the comparison would notice if it were not."""

import io
import secrets
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path

import anyio
import httpx
import pytest
from msgspec.structs import replace
from rich.console import Console
from starlette.applications import Starlette

from mainstem import formats, serve
from mainstem.model.problem import Problem
from mainstem.model.reference import Reference
from mainstem.pipeline import Pipeline
from mainstem.settings import ServerSettings
from mainstem.simulate import demo
from mainstem.simulate.compare import Findings, compare
from mainstem.simulate.record import Record
from mainstem.simulate.serving import free_port, serve_at
from mainstem.simulate.truth import Known, Truth
from mainstem.simulate.world import world
from mainstem.store import access
from mainstem.store.context import Context
from mainstem.store.database import Database
from mainstem.store.vault import Vault
from mainstem.sync import discovery
from mainstem.trust.keys import load_or_create

NOW = datetime(2026, 6, 2, 9, 30, tzinfo=UTC)
PLAY = demo.Play(seed=7, people=16, sites=3)
HELD: Mapping[str, int] = {"ambiguous-person": 6, "unreadable": 1}


class House:
    """An installation with the demo played in it."""

    def __init__(self, database: Database, keys: Path) -> None:
        reference_keys = load_or_create(keys, secrets.token_bytes)
        readers = {**formats.READERS, **discovery.readers(discovery.discover())}
        self.server = ServerSettings(port=free_port())
        self.context = Context(
            database=database,
            vault=Vault(reference_keys, secrets.token_bytes),
            reference=Reference(namer=reference_keys.namer, readers=readers),
            clock=lambda: NOW,
            random_bytes=secrets.token_bytes,
            base_url=self.server.url,
        )
        self.pipeline = Pipeline(database, self.context.vault, self.context.reference, self.context.clock)
        self.app = Starlette(routes=serve.routes(self.context))
        self.told = io.StringIO()

    def play(self) -> bool:
        console = Console(file=self.told, width=160)

        async def go() -> bool:
            return await demo.run(self.context, self.pipeline, self.app, self.server, console, play=PLAY)

        return anyio.run(go)

    def compare(self, truth: Truth, held: Mapping[str, int]) -> Findings:
        with self.context.database.connection() as connection:
            token = access.operator_token(
                connection, scope="system/*.rs", ttl=demo.TOKEN_TTL, now=NOW, random_bytes=secrets.token_bytes
            )
        with serve_at(self.app, self.server.host, self.server.port), httpx.Client(trust_env=False) as client:
            record = Record(client, f"{self.server.url}/fhir", token)
            return compare(record, truth, [site.name for site in world(7, 16, 3).sites], held)


@pytest.fixture(scope="module")
def played(database: Database, tmp_path_factory: pytest.TempPathFactory) -> House:
    house = House(database, tmp_path_factory.mktemp("keys") / "key")
    assert house.play(), house.told.getvalue()
    return house


def wrong(findings: Findings) -> set[str]:
    return {check.name for check in findings.checks if not check.right}


def test_the_record_is_the_truth(played: House) -> None:
    truth = world(7, 16, 3).truth
    assert {problem.value: count for problem, count in truth.held.items()} == HELD
    assert wrong(played.compare(truth, HELD)) == set()


def test_the_report_says_it_with_figures(played: House) -> None:
    told = played.told.getvalue()
    assert "The record is the truth." in told
    for word in ("people", "readings", "conflicts", "held: unreadable", "all read", "facts in"):
        assert word in told


def test_i1_played_again_nothing_is_written(played: House) -> None:
    before = played.told.tell()
    assert played.play()
    assert "0 facts in" in played.told.getvalue()[before:]


@pytest.mark.parametrize(
    ("part", "change"),
    [
        ("people", lambda truth: replace(truth, people=truth.people | {99})),
        ("people", lambda truth: replace(truth, numbers=dict.fromkeys(truth.numbers, 1))),
        ("readings", lambda truth: replace(truth, readings=truth.readings[1:])),
        ("readings", lambda truth: replace(truth, readings=[*truth.readings, truth.readings[0]])),
        ("readings", lambda truth: with_first(truth, sources=frozenset({"nobody"}))),
        ("readings", lambda truth: with_first(truth, values={"furlong": 1})),
        ("conflicts", lambda truth: replace(truth, conflicts=frozenset())),
        ("conflicts", lambda truth: replace(truth, conflicts=truth.conflicts | {(0, "718-7")})),
        ("coded facts", lambda truth: replace(truth, known=frozenset(sorted(truth.known)[1:]))),
        ("coded facts", lambda truth: replace(truth, known=turned(truth))),
        ("held", lambda truth: replace(truth, held={Problem.UNREADABLE: 7})),
        ("alerts", lambda truth: replace(truth, gaining=frozenset())),
        ("alerts", lambda truth: replace(truth, gaining=truth.gaining | {0})),
    ],
)
def test_the_comparison_notices(played: House, part: str, change: Callable[[Truth], Truth]) -> None:
    assert part in wrong(played.compare(change(world(7, 16, 3).truth), HELD))


def with_first(truth: Truth, **changes: object) -> Truth:
    return replace(truth, readings=[replace(truth.readings[0], **changes), *truth.readings[1:]])


def turned(truth: Truth) -> frozenset[Known]:
    """Say the opposite of everything that is denied."""
    return frozenset(replace(known, negated=False) for known in truth.known)
