"""Progress of a sync for people: a bar a source, whose total is what is known to come and never a guess dressed up."""

from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from mainstem.sync.kernel import Step


class Bars:
    """`with Bars(console, {source: its streams}) as bars: … watch=bars.watch`."""

    def __init__(self, console: Console, streams: Mapping[str, Sequence[str]]) -> None:
        """Draw nothing yet."""
        columns = (
            "{task.description}",
            BarColumn(),
            "{task.completed:.0f}/{task.total:.0f} steps",
            TextColumn("{task.fields[words]}"),
        )
        self._progress = Progress(*columns, TimeElapsedColumn(), console=console)
        self._left = {(source, stream): 1 for source, names in streams.items() for stream in names}
        self._done = dict.fromkeys(streams, 0)
        self._facts = dict.fromkeys(streams, 0)
        self._held = dict.fromkeys(streams, 0)
        self._tasks: dict[str, TaskID] = {
            source: self._progress.add_task(source, total=len(names), words="") for source, names in streams.items()
        }

    def __enter__(self) -> Self:
        """Start to draw."""
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Leave the finished bars on the screen."""
        self._progress.stop()

    def watch(self, step: Step) -> None:
        """Count a step: a stream is one step until it says how many deliveries it has."""
        place = (step.source, step.stream)
        if step.state == "committed":
            self._done[step.source] += 1
            self._left[place] = 1 if step.left is None else step.left + 1
        else:
            self._done[step.source] += 1
            self._left[place] = 0
        if step.report is not None:
            self._facts[step.source] += step.report.stated
            self._held[step.source] += step.report.held
        self._draw(step.source)

    def _draw(self, source: str) -> None:
        left = sum(count for (owner, _), count in self._left.items() if owner == source)
        held = f", {self._held[source]} held" if self._held[source] else ""
        words = f"{self._facts[source]} facts{held}"
        done = self._done[source]
        self._progress.update(self._tasks[source], completed=done, total=done + left, words=words)
