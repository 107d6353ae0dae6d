"""The composition root and the command line: the only place that reads the wall clock, makes keys and opens stores."""

import argparse
import asyncio
import gc
import os
import re
import secrets
import signal
import socket
import sys
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import anyio
import msgspec
from msgspec import Struct
from msgspec.structs import replace
from rich.console import Console
from rich.markup import escape

from mainstem import __version__, formats, settings
from mainstem.fhir.types import number_of
from mainstem.model.fact import SOURCE_NAME, Held
from mainstem.model.reference import Reference
from mainstem.model.trouble import SetupError
from mainstem.pipeline import Pipeline, Report
from mainstem.settings import Settings
from mainstem.store import access, embedded
from mainstem.store.context import Context
from mainstem.store.database import Database, public_url
from mainstem.store.statements import statement
from mainstem.store.vault import Vault
from mainstem.sync import discovery, files
from mainstem.sync.connector import Secret, SourceSettings
from mainstem.trust.keys import load_or_create
from mainstem.trust.scopes import BadScopeError

if TYPE_CHECKING:
    from starlette.applications import Starlette

    from mainstem.sync.kernel import Tally

Command = Callable[[argparse.Namespace, Settings, Console], int]


_ANSWER_SECONDS = 60.0
"""How long a source may take to answer one request."""


class Opened(Struct, frozen=True, kw_only=True):
    """An installation, opened: what every command works with."""

    settings: Settings
    context: Context
    pipeline: Pipeline


def clock() -> datetime:
    """Return the time now, in UTC: the one reading of the wall clock."""
    return datetime.now(UTC)  # noqa: TID251  # the composition root is where the clock comes from


@contextmanager
def opened(chosen: Settings) -> Generator[Opened]:
    """Start or reach the database, bring its schema up to date, load the keys, and put the parts together."""
    with ExitStack() as stack:
        chosen.home.mkdir(parents=True, exist_ok=True)
        if chosen.database_url is None:
            url = stack.enter_context(embedded.running(chosen.home))
        else:
            url = settings.reveal(chosen.database_url, os.environ)
        database = stack.enter_context(Database(url))
        database.migrate()
        keys = load_or_create(chosen.key_file, secrets.token_bytes)
        vault = Vault(keys, secrets.token_bytes)
        with database.connection() as connection:
            vault.prove(connection)
        readers = {**formats.READERS, **discovery.readers(discovery.discover())}
        reference = Reference(namer=keys.namer, readers=readers)
        gc.collect()
        gc.freeze()
        yield Opened(
            settings=chosen,
            context=Context(
                database=database, vault=vault, reference=reference, clock=clock,
                random_bytes=secrets.token_bytes, base_url=chosen.server.url,
            ),
            pipeline=Pipeline(database, vault, reference, clock),
        )  # fmt: skip


def _bulk() -> None:
    """Let the cycle collector run rarely: a batch is many live dicts without cycles; scanning them costs a fifth."""
    gc.set_threshold(1_000_000, 50, 50)


# -- commands ----------------------------------------------------------------------------------------------------------
def import_(options: argparse.Namespace, chosen: Settings, console: Console) -> int:
    """Read files into the record; held items and refusals are told with their reasons."""
    _refuse_impossible(options)
    reports: list[Report] = []
    _bulk()
    with opened(chosen) as here, console.status("Reading …") as status:
        for report, words in _imported(here, options):
            reports.append(report)
            if options.json:
                console.file.write(msgspec.json.encode(report).decode() + "\n")
                console.file.flush()
            elif words:
                console.print(words, highlight=False)
            status.update(f"Reading … {len(reports)} deliveries")
    total = _sum(reports)
    if options.json:
        console.file.write(msgspec.json.encode({"total": total}).decode() + "\n")
        return 0
    console.print(
        f"{total.deliveries} deliveries: {total.stated} facts stated, {total.kept} kept, {total.known} known before, "
        f"{total.held} held, {total.again} deliveries worked through before; {total.written} versions written."
    )
    return 0


def _refuse_impossible(options: argparse.Namespace) -> None:
    if not SOURCE_NAME.fullmatch(options.source):
        remedy = "Use small letters, digits and hyphens, such as harbour-clinic."
        raise SetupError("This is no name for a source.", where="--source", remedy=remedy)
    for path in options.paths:
        if not path.exists():
            raise SetupError("There is no such file or folder.", where=path, remedy="Name one that is there.")


def _imported(here: Opened, options: argparse.Namespace) -> Iterator[tuple[Report, str]]:
    """Yield a report for each delivery, with words for people when something of it was held."""
    yield from ((report, "") for report in here.pipeline.recover())
    for path in options.paths:
        for item in files.deliveries(path, options.source, clock):
            if isinstance(item, Held):
                words = f"[yellow]held[/] {escape(item.path)}: {escape(item.words)} {escape(item.release)}"
                yield here.pipeline.refuse(options.source, item.path, item), words
            else:
                report = here.pipeline.apply(item)
                yield report, _held_in(report, item.name)


def _held_in(report: Report, name: str) -> str:
    """Say what of a delivery is held and why; nothing when nothing is."""
    reasons = " ".join(report.reasons)
    return f"[yellow]{report.held} held[/] in {escape(name)}: {escape(reasons)}" if report.held else ""


class Total(Struct, frozen=True, kw_only=True):
    """The sum of many reports."""

    deliveries: int
    stated: int
    kept: int
    known: int
    held: int
    again: int
    """Deliveries whose bytes were worked through before."""
    written: int


def _sum(reports: Sequence[Report]) -> Total:
    def add(field: str) -> int:
        return sum(getattr(report, field) for report in reports)

    return Total(
        deliveries=len(reports), stated=add("stated"), kept=add("kept"), known=add("known"), held=add("held"),
        written=add("written"), again=sum(report.stated == 0 for report in reports),
    )  # fmt: skip


def verify(options: argparse.Namespace, chosen: Settings, console: Console) -> int:
    """Read back the whole ledger, balance its books, trace every value, and rehearse a rebuild."""
    with opened(chosen) as here:
        flaws = here.pipeline.prove()
        views = here.pipeline.rehearse()
    flaws_found = [f"{flaw.law}: {flaw.words}" for flaw in flaws]
    flaws_found += [f"I4: a rebuild would change the view {view}." for view, same in views.items() if not same]
    if options.json:
        console.print_json(msgspec.json.encode({"flaws": flaws_found}).decode())
    for words in flaws_found if not options.json else ():
        console.print(f"[red]{words}[/]")
    if not flaws_found and not options.json:
        console.print(
            "The ledger reads back as written, its books balance, every value traces, a rebuild changes nothing."
        )
    return 1 if flaws_found else 0


def rebuild(_: argparse.Namespace, chosen: Settings, console: Console) -> int:
    """Drop every view and make it anew from the ledger."""
    _bulk()
    with opened(chosen) as here:
        places = here.pipeline.rebuild()
    console.print(f"Rebuilt {places} places of the record from the ledger.")
    return 0


def check(options: argparse.Namespace, chosen: Settings, console: Console) -> int:
    """Show what would run, and touch nothing."""
    known = discovery.discover()
    plan = {
        "version": __version__,
        "settings": str(chosen.file) if chosen.file else "none; defaults",
        "home": str(chosen.home),
        "database": "embedded PostgreSQL in the home directory"
        if chosen.database_url is None
        else public_url(settings.reveal(chosen.database_url, os.environ)),
        "server": chosen.server.url,
        "sources": {s.name: f"{s.kind} at {s.base_url}" for s in chosen.sources},
        "source kinds": sorted(known),
    }
    unknown = [f"{s.name}: there is no source kind {s.kind}" for s in chosen.sources if s.kind not in known]
    if options.json:
        console.print_json(msgspec.json.encode({**plan, "problems": unknown}).decode())
    else:
        for name, value in plan.items():
            console.print(f"[bold]{name}[/]: {value}")
        for words in unknown:
            console.print(f"[red]{words}[/]; known are {', '.join(sorted(known))}.")
    return 1 if unknown else 0


def token(options: argparse.Namespace, chosen: Settings, console: Console) -> int:
    """Print one bearer token for a scope; it is shown once and stored only as its hash."""
    with opened(chosen) as here, here.context.database.connection() as connection:
        handle = access.operator_token(
            connection, scope=options.scope, ttl=_duration(options.ttl), now=clock(), random_bytes=secrets.token_bytes
        )
    console.print(handle, highlight=False, soft_wrap=True)
    return 0


def serve_(_: argparse.Namespace, chosen: Settings, console: Console) -> int:
    """Serve the FHIR API, CDS Hooks and the patient's app until interrupted."""
    with opened(chosen) as here:
        here.pipeline.recover()
        console.print(f"Serving at {chosen.server.url} · FHIR at {chosen.server.url}/fhir · stop with Ctrl+C")
        anyio.run(_serve, application(here.context), chosen.server)
    return 0


def sync(options: argparse.Namespace, chosen: Settings, console: Console) -> int:
    """Read the configured sources from their cursors on."""
    wanted = [s for s in chosen.sources if options.source in {None, s.name}]
    if not wanted:
        raise SetupError(
            "There is no source to sync.",
            where=chosen.file or settings.FILE,
            remedy="Add a [[source]] to the settings.",
        )
    _bulk()
    with opened(chosen) as here:
        here.pipeline.recover()
        tallies = anyio.run(_synced, here, wanted, console)
    for tally in tallies:
        console.print(f"{tally.source}: {tally.deliveries} deliveries, {tally.kept} kept, {tally.held} held.")
        for end in tally.streams:
            if end.state != "done":
                console.print(f"  [yellow]{end.stream}: {end.state}[/] {end.words}")
    return 0 if all(end.state == "done" for tally in tallies for end in tally.streams) else 1


async def _synced(here: Opened, wanted: Sequence[settings.SourceEntry], console: Console) -> Sequence["Tally"]:
    """Read all wanted sources side by side, with a bar for each."""
    import httpx

    from mainstem.sync.bars import Bars
    from mainstem.sync.kernel import Surroundings
    from mainstem.sync.together import run_all, streams_of

    known = discovery.discover()
    connections = [_source_settings(entry) for entry in wanted]
    around = Surroundings(
        clock=clock, monotonic=time.monotonic, sleep=anyio.sleep, uniform=secrets.SystemRandom().uniform,
        connect=partial(httpx.AsyncClient, timeout=_ANSWER_SECONDS, follow_redirects=False),
        writer=anyio.CapacityLimiter(1),
    )  # fmt: skip
    with Bars(console, {one.name: streams_of(one, known[one.connector]) for one in connections}) as bars:
        return await run_all(
            connections, known, here.pipeline.apply, here.pipeline.standing, around=around, watch=bars.watch
        )


def _source_settings(entry: settings.SourceEntry) -> SourceSettings:
    """Return a configured source with its secrets opened."""
    secrets_ = {account: Secret(settings.reveal(told, os.environ)) for account, told in entry.credentials.items()}
    return SourceSettings(
        name=entry.name, connector=entry.kind, base_url=entry.base_url, origins=entry.origins, credentials=secrets_,
        options=entry.options,
    )  # fmt: skip


def demo_(options: argparse.Namespace, chosen: Settings, console: Console) -> int:
    """Simulate three sites and 25 people, sync them, compare with the truth, then serve."""
    from mainstem.simulate import demo

    _bulk()
    with opened(chosen) as here:
        here.pipeline.recover()
        right = anyio.run(demo.run, here.context, here.pipeline, application(here.context), chosen.server, console)
        if not options.once:
            console.print(f"\nSign in as the person of whom most is told: [link]{_invitation(here.context)}[/link]")
            console.print(f"FHIR API: {chosen.server.url}/fhir · a token: mainstem token --scope 'system/*.rs'")
            anyio.run(_serve, application(here.context), chosen.server)
    return 0 if right else 1


def _invitation(context: Context) -> str:
    """Return a one-time sign-in link for the person with the most alerts, conflicts and facts."""
    from mainstem import share

    kinds = {"flag": number_of("Flag"), "issue": number_of("DetectedIssue")}
    with context.database.connection() as connection:
        row = connection.execute(statement("most_told"), kinds).fetchone()
    assert row is not None
    return share.invite(context, row[0], "the person of the demo")


def selftest(options: argparse.Namespace, _: Settings, console: Console) -> int:
    """Kill an importing process again and again and count what was lost or doubled."""
    from mainstem.simulate import crash
    from mainstem.simulate.chance import chance

    with console.status("Killing …") as status:
        rolls = chance("crash", options.seed)
        result = crash.run(options.kills, rolls, lambda done: status.update(f"Killed {done} times"))
    console.print(f"{result.kills} kills: {result.lost} lost, {result.doubled} doubled.")
    return 0 if result.lost == result.doubled == 0 else 1


def application(context: Context) -> "Starlette":
    """Return the one web application: FHIR, CDS Hooks and health beside the patient's door."""
    from starlette.applications import Starlette

    from mainstem import serve, share

    routes = [*serve.routes(context), *share.routes(context)]
    return Starlette(routes=routes, exception_handlers=serve.EXCEPTION_HANDLERS)


async def _serve(app: "Starlette", where: settings.ServerSettings) -> None:
    """Serve until interrupted or terminated; what goes wrong in a request is logged by the application itself."""
    from granian.constants import Interfaces
    from granian.server.embed import Server

    _refuse_taken(where)
    server = Server(app, address=where.host, port=where.port, interface=Interfaces.ASGI, log_enabled=False)
    for each in (
        signal.SIGINT,
        signal.SIGTERM,
    ):  # set here, since a shell starts its background jobs with SIGINT ignored
        asyncio.get_running_loop().add_signal_handler(each, server.stop)
    await server.serve()


def _refuse_taken(where: settings.ServerSettings) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((where.host, where.port))
        except OSError as error:
            raise SetupError(
                f"The port cannot be used: {error.strerror}.",
                where=f"{where.host}:{where.port}",
                remedy="Choose another one with --port, or stop what listens there.",
            ) from error


# -- command line ------------------------------------------------------------------------------------------------------
def _parser() -> argparse.ArgumentParser:
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("--home", type=Path, help="where the data lives (default: the platform's data directory)")
    common.add_argument("--database-url", help="a PostgreSQL of your own, 15 or newer (default: the embedded one)")
    common.add_argument("--config", type=Path, help="the settings file (default: mainstem.toml)")
    common.add_argument("--json", action="store_true", help="answer for machines")
    parser = argparse.ArgumentParser(prog="mainstem", description="Many systems in, one record of a person out.")
    parser.add_argument("--version", action="version", version=__version__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    def add(name: str, command: Command) -> argparse.ArgumentParser:
        told = (command.__doc__ or "").splitlines()[0]
        found = commands.add_parser(name, parents=[common], help=told, description=told)
        found.set_defaults(command=command)
        return found

    here = add("demo", demo_)
    here.add_argument(
        "--once", action="store_true", help="exit after the report; non-zero if the record is not the truth"
    )
    here.add_argument("--port", type=int, help="serve at this port")
    add("serve", serve_).add_argument("--port", type=int, help="serve at this port")
    here = add("sync", sync)
    here.add_argument("source", nargs="?", help="only this source")
    here = add("import", import_)
    here.add_argument("--source", required=True, help="name that the facts carry")
    here.add_argument("paths", nargs="+", type=Path, metavar="FILE_OR_DIR")
    here = add("token", token)
    here.add_argument("--scope", required=True, help="such as 'system/*.cruds'")
    here.add_argument("--ttl", default="1h", help="such as 30m, 12h, 7d (default: 1h)")
    add("check", check)
    add("verify", verify)
    add("rebuild", rebuild)
    here = add("selftest", selftest)
    here.add_argument("test", choices=["crash"])
    here.add_argument("--kills", type=int, default=30)
    here.add_argument("--seed", type=int, default=1, help="replays the same random points")
    return parser


def _duration(text: str) -> timedelta:
    match = re.fullmatch(r"(\d{1,5})([smhd])", text)
    if match is None:
        raise SetupError(f"{text} is no length of time.", where="--ttl", remedy="Write 30m, 12h or 7d.")
    unit = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}[match[2]]
    return timedelta(**{unit: int(match[1])})


def _chosen(options: argparse.Namespace) -> Settings:
    found = settings.load(config=options.config, home=options.home, database_url=options.database_url)
    port = getattr(options, "port", None)
    return found if port is None else replace(found, server=replace(found.server, port=port))


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit status: 0 right, 1 found wrong, 2 not possible as asked."""
    options = _parser().parse_args(arguments)
    console = Console()
    try:
        return options.command(options, _chosen(options), console)
    except (SetupError, BadScopeError) as error:
        Console(stderr=True).print(f"[red]mainstem:[/] {escape(str(error))}", highlight=False)
        return 2
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main())
