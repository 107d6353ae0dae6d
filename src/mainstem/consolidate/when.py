"""When something was, as its source wrote it: an instant, a day, a coarser date, or nothing (CONS-3, 11)."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Literal, cast

from msgspec import Struct

from mainstem.model.fact import Resource
from mainstem.model.moment import Moment, parse_moment
from mainstem.model.names import OFFSET_INFERRED

Grain = Literal["timed", "day", "coarse", "none"]
GRAINS: tuple[Grain, ...] = ("timed", "day", "coarse", "none")
"""From the most precise to nothing."""
_MINUTE = timedelta(seconds=60)
_MIDNIGHT = "T00:00:00"


class When(Struct, frozen=True, kw_only=True):
    """The time of a statement; `lo` orders, `day` is the calendar day as written, whatever any server's zone."""

    grain: Grain
    lo: datetime | None = None
    day: str = ""
    end: datetime | None = None
    """End of a period that lasts longer than its start's minute or day."""
    end_day: str = ""
    wall: datetime | None = None
    """The clock time as written, without its offset."""
    floating: bool = False
    """The source wrote no offset; the reader borrowed one (CCDA-7), so the clock time may stand for the instant."""
    window: Literal["", "day", "ever"] = ""
    """How long what is said then holds; two times within one window are one."""
    midnight: bool = False
    """Stated as 00:00:00 of its own zone: a mere date in disguise, where its source never states another time."""


NEVER = When(grain="none")
ALWAYS = When(grain="day", window="ever")
"""The time of what holds for ever: one day that all times fall on."""


def when(resource: Resource, starts: Sequence[str], ends: Sequence[str]) -> When:
    """Return the first time that the resource states under the given element paths (`effectivePeriod.start`)."""
    start, end = _first(resource, starts), _first(resource, ends)
    found = start or end
    if found is None:
        return NEVER
    moment, path = found
    text = stated(resource, path)
    lasting = end[0] if start and end and not _instantaneous(start[0], end[0]) else None
    return When(
        grain="timed" if moment.timed else "day" if moment.precision == "day" else "coarse",
        lo=moment.lo,
        day=moment.day,
        end=lasting.lo if lasting else None,
        end_day=lasting.day if lasting else "",
        wall=datetime.fromisoformat(text).replace(tzinfo=None) if moment.timed else None,
        floating=moment.timed and _borrowed(resource, path),
        midnight=_MIDNIGHT in text,
    )


def as_day(time: When) -> When:
    """Return a time of day as its calendar day, for things whose hour means nothing (an onset, a midnight stamp)."""
    if time.grain != "timed":
        return time
    return When(grain="day", lo=time.lo, day=time.day, end=time.end, end_day=time.end_day)


def agree(left: When, right: When) -> bool:
    """Return whether two times may be one: instants within 60 s, equal written dates, or a time and its day.

    Periods must also end together where both state an end.
    """
    if not ends_agree(left, right):
        return False
    if left.grain == right.grain == "timed":
        same_day = left.window == right.window == "day" and left.day == right.day
        return same_day or _together(left.lo, right.lo) or _same_clock(left, right)
    return left.grain != "none" and left.day == right.day


def within(part: When, whole: When) -> bool:
    """Return whether a date lies inside of a coarser one: 2006-12-31 in 2006."""
    return bool(whole.day) and part.day.startswith(whole.day) and ends_agree(part, whole)


def ends_agree(left: When, right: When) -> bool:
    """Return whether two periods end together; one that states no end agrees with any."""
    if left.end is None or right.end is None:
        return True
    return left.end_day == right.end_day or _together(left.end, right.end)


def stated(resource: Resource, path: str) -> str:
    """Return the text under a dotted path; "" when there is none. Lists are entered at their first item."""
    node: Any = resource
    for name in path.split("."):
        if isinstance(node, list):
            node = cast("list[Any]", node)[0] if node else None
        node = cast("dict[str, Any]", node).get(name) if isinstance(node, dict) else None
    return node if isinstance(node, str) else ""


def _first(resource: Resource, paths: Sequence[str]) -> tuple[Moment, str] | None:
    for path in paths:
        text = stated(resource, path)
        moment = parse_moment(text) if text else None
        if moment is not None:
            return moment, path
    return None


def _instantaneous(start: Moment, end: Moment) -> bool:
    if start.timed and end.timed:
        return _together(start.lo, end.lo)
    return start.day == end.day


def _same_clock(left: When, right: When) -> bool:
    return (left.floating or right.floating) and _together(left.wall, right.wall)


def _borrowed(resource: Resource, path: str) -> bool:
    """Whether the offset of the time under a path was borrowed by the reader."""
    parent, _, name = path.rpartition(".")
    return bool(stated(resource, f"{parent}._{name}.extension.url".removeprefix(".")) == OFFSET_INFERRED)


def _together(left: datetime | None, right: datetime | None) -> bool:
    return left is not None and right is not None and abs(left - right) <= _MINUTE
