"""The kernel: commits in order, isolates streams, bounds what waits, and retries from the last commit."""

from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import anyio
import httpx
import pytest
from msgspec import Struct

from mainstem.model.fact import Delivery
from mainstem.store.ledger import CursorMove
from mainstem.sync.connector import Chunk, Cursor, Fetch, Limits, Manifest, Refused, Source, SourceSettings, TryLater
from mainstem.sync.kernel import Step, Surroundings, Tally, run
from mainstem.sync.together import run_all

NOW = datetime(2026, 6, 2, 9, 30, tzinfo=UTC)
MANIFEST = Manifest(
    name="made",
    title="Made for this test",
    kind="ehr",
    speaks="test",
    delivers=("Observation",),
    media="text/plain",
    modes=("pull",),
    auth="none",
    limits=Limits(requests_per_minute=60, streams_at_once=2),
    deletes_reported=False,
    modified_time_reliable=True,
)


class Options(Struct, frozen=True, forbid_unknown_fields=True):
    streams: tuple[str, ...] = ("a",)


class Report(Struct, frozen=True):
    stated: int = 1
    kept: int = 1
    known: int = 0
    held: int = 0
    written: int = 0


class Counting:
    """A source of ten chunks a stream, which fails where it is told to, once or always."""

    def __init__(
        self, fail_at: dict[str, int] | None = None, error: Exception | None = None, *, always: bool = False
    ) -> None:
        self.pulled: list[str] = []
        self.ahead_max = 0
        self.committed = 0
        self._fail_at, self._error, self._always = dict(fail_at or {}), error or TryLater("busy"), always

    async def pull(self, _fetch: Fetch, stream: str, cursor: Cursor, _options: object) -> AsyncGenerator[Chunk, None]:
        for number in range(int(cursor.value or 0), 10):
            if self._fail_at.get(stream) == number:
                if not self._always:
                    del self._fail_at[stream]
                raise self._error
            self.pulled.append(f"{stream}{number}")
            self.ahead_max = max(self.ahead_max, len(self.pulled) - self.committed)
            yield Chunk(body=b"x", media="text/plain", name=f"{stream}{number}", cursor=Cursor(value=str(number + 1)))

    def source(self) -> Source:
        def streams(options: Options) -> Sequence[str]:
            return options.streams

        return Source(manifest=MANIFEST, options=Options, streams=streams, pull=self.pull, read=None)


@asynccontextmanager
async def connect() -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(transport=httpx.MockTransport(lambda _: httpx.Response(500))) as client:
        yield client


async def no_sleep(_seconds: float) -> None:
    await anyio.lowlevel.checkpoint()


def around() -> Surroundings:
    return Surroundings(
        clock=lambda: NOW,
        monotonic=lambda: 0.0,
        sleep=no_sleep,
        uniform=lambda _low, high: high,
        connect=connect,
        writer=anyio.CapacityLimiter(1),
    )


def sync(
    counting: Counting, streams: tuple[str, ...] = ("a",), cursors: dict[str, Any] | None = None
) -> tuple[Tally, list[str], list[Step]]:
    names: list[str] = []
    steps: list[Step] = []

    def sink(delivery: Delivery, _move: CursorMove) -> Report:
        names.append(delivery.name)
        counting.committed += 1
        return Report()

    async def go() -> Tally:
        settings = SourceSettings(
            name="x", connector="made", base_url="https://x.example.org", options={"streams": streams}
        )
        return await run(settings, counting.source(), sink, cursors or {}, around=around(), watch=steps.append)

    return anyio.run(go), names, steps


def test_i7_chunks_are_committed_in_the_order_of_their_cursors() -> None:
    tally, names, _ = sync(Counting())
    assert names == [f"a{number}" for number in range(10)]
    assert tally.deliveries == tally.size == 10


def test_a_stored_cursor_is_where_the_pull_begins() -> None:
    assert sync(Counting(), cursors={"a": {"value": "7"}})[1] == ["a7", "a8", "a9"]


def test_what_came_before_an_error_is_committed_once_and_the_rest_follows() -> None:
    for place in range(10):
        assert sync(Counting({"a": place}))[1] == [f"a{number}" for number in range(10)]


def test_sync_9_a_stream_that_fails_stops_no_other() -> None:
    tally, names, _ = sync(Counting({"a": 3}, always=True), ("a", "b", "c"))
    assert [end.state for end in tally.streams] == ["later", "done", "done"]
    assert sorted(names) == sorted([f"a{n}" for n in range(3)] + [f"{s}{n}" for s in "bc" for n in range(10)])


def test_a_refusal_is_not_tried_again() -> None:
    counting = Counting({"a": 3}, Refused("no"))
    tally, names, _ = sync(counting)
    assert tally.streams[0].state == "refused"
    assert tally.streams[0].words == "no"
    assert len(names) == 3


def test_sync_8_no_more_than_a_few_chunks_wait_for_the_writer() -> None:
    counting = Counting()
    sync(counting)
    assert counting.ahead_max <= 5


def test_the_sinks_error_is_raised_and_not_swallowed() -> None:
    def sink(_delivery: Delivery, _move: CursorMove) -> Report:
        raise OSError("disk full")

    async def go() -> None:
        settings = SourceSettings(name="x", connector="made", base_url="https://x.example.org")
        await run(settings, Counting().source(), sink, {}, around=around())

    with pytest.raises(ExceptionGroup) as caught:
        anyio.run(go)
    assert caught.value.subgroup(OSError) is not None


def test_each_stream_says_when_it_ends() -> None:
    _, _, steps = sync(Counting(), ("a", "b"))
    assert [step.stream for step in steps if step.state == "done"] == ["a", "b"]
    assert sum(step.state == "committed" for step in steps) == 20


def test_run_all_gives_a_tally_for_each_source_in_their_order() -> None:
    def sink(_delivery: Delivery, _move: CursorMove) -> Report:
        return Report()

    async def go() -> list[Tally]:
        connections = [SourceSettings(name=n, connector="made", base_url="https://x.example.org") for n in "zya"]
        return await run_all(
            connections, {"made": Counting().source()}, sink, lambda _source, _stream: {"value": "9"}, around=around()
        )

    assert [(tally.source, tally.deliveries) for tally in anyio.run(go)] == [("z", 1), ("y", 1), ("a", 1)]
