"""Runs a source: pulls chunks, commits each with its cursor, retries from the last commit, isolates its streams."""

import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, aclosing
from typing import Any, Literal

import anyio
import httpx
import msgspec
from anyio.streams.memory import MemoryObjectReceiveStream, MemoryObjectSendStream
from msgspec import Struct

from mainstem.model.fact import Delivery
from mainstem.store.ledger import CursorMove
from mainstem.sync.budget import Budget
from mainstem.sync.connector import (
    Chunk,
    Clock,
    Cursor,
    Fetch,
    Reauthorise,
    Refused,
    Report,
    Sink,
    Source,
    SourceSettings,
    TryLater,
    cursor_of,
)
from mainstem.sync.fetch import Door
from mainstem.sync.retry import Patience, Uniform, persist

_LOG = logging.getLogger("mainstem.sync")
_AHEAD = 2
"""Chunks that may wait for the writer: the bound on memory, and the back-pressure on the source."""

State = Literal["done", "later", "reauthorise", "refused"]


class Surroundings(Struct, frozen=True, kw_only=True):
    """The world that the kernel touches, handed in: tests bring their own and never sleep."""

    clock: Clock
    monotonic: Callable[[], float]
    sleep: Callable[[float], Awaitable[None]]
    uniform: Uniform
    connect: Callable[[], AbstractAsyncContextManager[httpx.AsyncClient]]
    writer: anyio.CapacityLimiter
    """How many sinks may run at once, over all sources."""
    patience: Patience = Patience()


class Step(Struct, frozen=True, kw_only=True):
    """What just happened, for progress bars."""

    source: str
    stream: str
    state: Literal["committed", "done", "later", "reauthorise", "refused"]
    left: int | None = None
    report: Report | None = None


class StreamEnd(Struct, frozen=True, kw_only=True):
    """How the reading of one stream ended."""

    stream: str
    state: State
    words: str = ""


class Tally(Struct, frozen=True, kw_only=True):
    """What a run of one source brought."""

    source: str
    deliveries: int
    size: int
    """Bytes received and committed."""
    stated: int
    kept: int
    known: int
    held: int
    written: int
    """Versions made in the record."""
    streams: Sequence[StreamEnd]


Watch = Callable[[Step], None]


def unwatched(_step: Step) -> None:
    """Watch nothing."""


async def run(
    settings: SourceSettings,
    source: Source,
    sink: Sink,
    cursors: Mapping[str, Mapping[str, Any]],
    *,
    around: Surroundings,
    watch: Watch = unwatched,
) -> Tally:
    """Read all streams of a source from their cursors on. Errors of one stream stay with it; the sink's are raised."""
    options = msgspec.convert(settings.options, source.options)
    limits = source.manifest.limits
    budget = Budget(settings.requests_per_minute or limits.requests_per_minute, around.monotonic, around.sleep)
    at_once = anyio.CapacityLimiter(limits.streams_at_once)
    async with around.connect() as client:
        fetch = Door(client, settings, limits, budget, around.clock)
        line = _Line(
            settings=settings, source=source, options=options, fetch=fetch, sink=sink, around=around, watch=watch
        )
        lanes = [_Lane(line, stream, cursor_of(cursors.get(stream))) for stream in source.streams(options)]
        async with anyio.create_task_group() as group:
            for lane in lanes:
                group.start_soon(lane.follow, at_once)
    return _tally(settings.name, lanes)


class _Line(Struct, frozen=True, kw_only=True):
    """What all streams of one run share."""

    settings: SourceSettings
    source: Source
    options: Any
    fetch: Fetch
    sink: Sink
    around: Surroundings
    watch: Watch


class _Lane:
    """One stream of one source: its committed cursor moves only forward, chunk by chunk."""

    def __init__(self, line: _Line, stream: str, cursor: Cursor) -> None:
        self.end = StreamEnd(stream=stream, state="done")
        self.reports: list[Report] = []
        self.size = 0
        self._line, self._stream, self._cursor = line, stream, cursor

    async def follow(self, at_once: anyio.CapacityLimiter) -> None:
        """Read the stream to its end, or to the error that ends it for this run (SYNC-9)."""
        around = self._line.around
        async with at_once:
            try:
                await persist(self._once, self._done, around.patience, sleep=around.sleep, uniform=around.uniform)
            except TryLater as error:
                self._stop("later", error)
            except Reauthorise as error:
                self._stop("reauthorise", error)
            except Refused as error:
                self._stop("refused", error)
        self._line.watch(Step(source=self._line.settings.name, stream=self._stream, state=self.end.state))

    def _done(self) -> int:
        return len(self.reports)

    def _stop(self, state: State, error: Exception) -> None:
        _LOG.warning("source %s: a stream stopped: %s: %s", self._line.settings.name, state, error)
        self.end = StreamEnd(stream=self._stream, state=state, words=str(error))

    async def _once(self) -> None:
        """Pull and commit side by side until the stream ends; what came before an error is committed first."""
        trouble: list[Exception] = []
        send, receive = anyio.create_memory_object_stream[Chunk](_AHEAD)
        async with anyio.create_task_group() as group:
            group.start_soon(self._pull, send, trouble)
            await self._commit(receive)
        if trouble:
            raise trouble[0]

    async def _pull(self, send: MemoryObjectSendStream[Chunk], trouble: list[Exception]) -> None:
        line = self._line
        async with send:
            try:
                async with aclosing(line.source.pull(line.fetch, self._stream, self._cursor, line.options)) as chunks:
                    async for chunk in chunks:
                        await send.send(chunk)
            except (TryLater, Reauthorise, Refused) as error:
                trouble.append(error)

    async def _commit(self, receive: MemoryObjectReceiveStream[Chunk]) -> None:
        line = self._line
        async with receive:
            async for chunk in receive:
                report = await anyio.to_thread.run_sync(self._apply, chunk, limiter=line.around.writer)
                self._cursor = chunk.cursor
                self.reports.append(report)
                self.size += len(chunk.body)
                step = Step(
                    source=line.settings.name, stream=self._stream, state="committed", left=chunk.left, report=report
                )
                line.watch(step)

    def _apply(self, chunk: Chunk) -> Report:
        delivery = Delivery(
            source=self._line.settings.name,
            name=chunk.name,
            media=chunk.media,
            body=chunk.body,
            received=self._line.around.clock(),
        )
        return self._line.sink(delivery, CursorMove(stream=self._stream, value=msgspec.to_builtins(chunk.cursor)))


def _tally(name: str, lanes: Sequence[_Lane]) -> Tally:
    reports = [report for lane in lanes for report in lane.reports]
    return Tally(
        source=name,
        deliveries=len(reports),
        size=sum(lane.size for lane in lanes),
        stated=sum(report.stated for report in reports),
        kept=sum(report.kept for report in reports),
        known=sum(report.known for report in reports),
        held=sum(report.held for report in reports),
        written=sum(report.written for report in reports),
        streams=tuple(lane.end for lane in lanes),
    )
