"""The demo's report as tables on a terminal."""

from collections.abc import Mapping, Sequence

from msgspec import Struct
from rich.console import Console
from rich.table import Table

from mainstem.simulate.compare import Findings
from mainstem.sync.kernel import Tally

_WRONG_SHOWN = 12


class DemoReport(Struct, frozen=True, kw_only=True):
    """What the demo brought; `right` when the record says exactly what is true."""

    first: Sequence[Tally]
    second: Sequence[Tally]
    sync_s: float
    compare_s: float
    findings: Findings
    held: Mapping[str, int]

    @property
    def right(self) -> bool:
        """Whether every check holds and every stream was read to its end."""
        ended = all(end.state == "done" for tally in (*self.first, *self.second) for end in tally.streams)
        return ended and all(check.right for check in self.findings.checks)


def show(report: DemoReport, console: Console) -> None:
    """Print what each source brought, how the record stands to the truth, and every difference, up to a few."""
    console.print(_sources(report))
    console.print(_checks(report))
    stated = sum(tally.stated for tally in (*report.first, *report.second))
    pace = f"{stated} facts in {report.sync_s:.1f} s ({stated / max(report.sync_s, 0.001):.0f} a second)"
    console.print(
        f"{pace}; {report.findings.joined} facts said again by another source are shown once; "
        f"compared over FHIR in {report.compare_s:.1f} s."
    )
    wrong = [words for check in report.findings.checks for words in check.wrong]
    for words in wrong[:_WRONG_SHOWN]:
        console.print(f"[red]✗[/] {words}", highlight=False)
    if len(wrong) > _WRONG_SHOWN:
        console.print(f"[red]… and {len(wrong) - _WRONG_SHOWN} more differences.[/]")
    verdict = "[green]The record is the truth.[/]" if report.right else "[red]The record differs from the truth.[/]"
    console.print(verdict)


def _sources(report: DemoReport) -> Table:
    table = Table(title="What the sources brought")
    table.add_column("source")
    for name in ("sent", "kB", "stated", "kept", "known", "held", "versions"):
        table.add_column(name, justify="right")
    table.add_column("streams")
    for first, second in zip(report.first, report.second, strict=True):
        both = (first, second)
        ends = [end for tally in both for end in tally.streams if end.state != "done"]
        table.add_row(
            first.source,
            *(str(sum(getattr(tally, field) for tally in both)) for field in ("deliveries",)),
            str(sum(tally.size for tally in both) // 1000),
            *(
                str(sum(getattr(tally, field) for tally in both))
                for field in ("stated", "kept", "known", "held", "written")
            ),
            "all read" if not ends else "; ".join(f"{end.state}: {end.words}" for end in ends[:3]),
        )
    return table


def _checks(report: DemoReport) -> Table:
    table = Table(title="The record against the truth")
    for name in ("", "what", "in the record", "true"):
        table.add_column(name, justify="right" if name in {"in the record", "true"} else "left")
    for check in report.findings.checks:
        mark = "[green]✓[/]" if check.right else "[red]✗[/]"
        table.add_row(mark, check.name, str(check.found), str(check.expected))
    for problem, count in sorted(report.held.items()):
        table.add_row("", f"  held: {problem}", str(count), "")
    return table
