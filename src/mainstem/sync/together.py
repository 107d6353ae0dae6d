"""Several sources at once: one slow source holds up no other, and one writer serves them all."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import anyio
import msgspec

from mainstem.sync.connector import Sink, Source, SourceSettings
from mainstem.sync.kernel import Surroundings, Tally, Watch, run, unwatched

Standing = Callable[[str, str], Mapping[str, Any] | None]
"""`standing(source, stream)`: where a stream's cursor stands; None = it was never read."""


async def run_all(
    connections: Sequence[SourceSettings],
    sources: Mapping[str, Source],
    sink: Sink,
    standing: Standing,
    *,
    around: Surroundings,
    watch: Watch = unwatched,
) -> list[Tally]:
    """Read all connections side by side and return a tally of each, in their order; the sink's errors are raised."""
    tallies: dict[str, Tally] = {}

    async def one(settings: SourceSettings) -> None:
        source = sources[settings.connector]
        cursors = _cursors(settings, source, standing)
        tallies[settings.name] = await run(settings, source, sink, cursors, around=around, watch=watch)

    async with anyio.create_task_group() as group:
        for settings in connections:
            group.start_soon(one, settings)
    return [tallies[settings.name] for settings in connections]


def streams_of(settings: SourceSettings, source: Source) -> Sequence[str]:
    """Return the streams of a connection; raises `msgspec.ValidationError` for options that are not known."""
    return source.streams(msgspec.convert(settings.options, source.options))


def _cursors(settings: SourceSettings, source: Source, standing: Standing) -> dict[str, Mapping[str, Any]]:
    found = {stream: standing(settings.name, stream) for stream in streams_of(settings, source)}
    return {stream: value for stream, value in found.items() if value is not None}
