"""The demo: simulate sites, sync them twice, read the record back over HTTP, compare it with the truth, report."""

import time
from collections.abc import Mapping, Sequence
from datetime import timedelta

import anyio
import httpx
from msgspec import Struct
from rich.console import Console
from starlette.applications import Starlette

from mainstem.pipeline import Pipeline
from mainstem.settings import ServerSettings
from mainstem.simulate.compare import Findings, compare
from mainstem.simulate.connecting import settings_of, surroundings
from mainstem.simulate.record import Record
from mainstem.simulate.report import DemoReport, show
from mainstem.simulate.serving import require_free, serve_at, serving
from mainstem.simulate.world import World, world
from mainstem.store import access
from mainstem.store.context import Context
from mainstem.sync.bars import Bars
from mainstem.sync.connector import Source, SourceSettings
from mainstem.sync.discovery import discover
from mainstem.sync.kernel import Tally
from mainstem.sync.together import run_all, streams_of

TOKEN_TTL = timedelta(minutes=10)
"""Life of the token with which the demo reads the record back."""
_SCOPE = "system/*.rs"
_TIMEOUT_S = 60.0
_HELD = """
    select h.problem, count(*) from held h join delivery d on d.id = h.delivery join source s on s.id = d.source
    where h.released is null and s.name = any(%(names)s) group by h.problem
"""


class Play(Struct, frozen=True, kw_only=True):
    """What to simulate."""

    seed: int = 7
    people: int = 25
    sites: int = 3


_PLAY = Play()


async def run(  # what main has built, handed over once
    context: Context,
    pipeline: Pipeline,
    app: Starlette,
    server: ServerSettings,
    console: Console,
    *,
    play: Play = _PLAY,
) -> bool:
    """Play the demo against an opened installation, print the report, and return whether the record is the truth."""
    require_free(server.host, server.port)
    made = world(play.seed, play.people, play.sites)
    with serving(made) as urls:
        sources = discover()
        connections = [settings_of(site, urls[site.name], sources) for site in made.sites]
        stage = _Stage(context, pipeline, console, sources, connections, play.seed)
        started = time.perf_counter()
        first = await stage.sync("First sync")
        made.go_on()
        second = await stage.sync("An hour later: corrections, a retraction, new measurements")
        synced = time.perf_counter()
    held = await anyio.to_thread.run_sync(stage.held)
    findings = await anyio.to_thread.run_sync(_read_back, context, app, server, made, held)
    report = DemoReport(
        first=first,
        second=second,
        sync_s=synced - started,
        compare_s=time.perf_counter() - synced,
        findings=findings,
        held=held,
    )
    show(report, console)
    return report.right


def _read_back(
    context: Context, app: Starlette, server: ServerSettings, made: World, held: Mapping[str, int]
) -> Findings:
    """Serve the application and read the record as a client does."""
    with serve_at(app, server.host, server.port), httpx.Client(timeout=_TIMEOUT_S, trust_env=False) as client:
        record = Record(client, f"{server.url}/fhir", _token(context))
        return compare(record, made.truth, [site.name for site in made.sites], held)


def _token(context: Context) -> str:
    with context.database.connection() as connection:
        return access.operator_token(
            connection, scope=_SCOPE, ttl=TOKEN_TTL, now=context.clock(), random_bytes=context.random_bytes
        )


class _Stage(Struct, frozen=True):
    """The installation and the connections that the demo plays on."""

    context: Context
    pipeline: Pipeline
    console: Console
    sources: Mapping[str, Source]
    connections: Sequence[SourceSettings]
    seed: int

    async def sync(self, title: str) -> Sequence[Tally]:
        """Sync all connections from their cursors on, with bars."""
        self.console.print(f"[bold]{title}[/]")
        around = surroundings(self.seed, self.context.clock, anyio.CapacityLimiter(1))
        streams = {one.name: streams_of(one, self.sources[one.connector]) for one in self.connections}
        with Bars(self.console, streams) as bars:
            return await run_all(
                self.connections,
                self.sources,
                self.pipeline.apply,
                self.pipeline.standing,
                around=around,
                watch=bars.watch,
            )

    def held(self) -> Mapping[str, int]:
        """Count what is held of the simulated sources, by problem."""
        names = [one.name for one in self.connections]
        with self.context.database.connection() as connection:
            return dict(connection.execute(_HELD, {"names": names}).fetchall())
