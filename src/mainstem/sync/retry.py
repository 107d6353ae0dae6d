"""The one place that handles operating errors: how long to wait, how often, when to give up (SYNC-8)."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from msgspec import Struct

from mainstem.sync.budget import Sleep
from mainstem.sync.connector import TryLater

Uniform = Callable[[float, float], float]
"""A seeded `Random.uniform`, handed in."""


class Patience(Struct, frozen=True, kw_only=True):
    """How long to bear with a source before its stream waits for the next run."""

    attempts_max: int = 6
    """Failures in a row without any progress."""
    delay_s_first: float = 0.5
    delay_s_max: float = 60.0
    wait_s_max: float = 300.0
    """A source that asks for a longer wait is left for the next run."""


async def persist(
    work: Callable[[], Awaitable[None]],
    progress: Callable[[], int],
    patience: Patience,
    *,
    sleep: Sleep,
    uniform: Uniform,
) -> None:
    """Run `work` until it returns; after `TryLater` wait and run it again, until patience ends: then that is raised.

    `work` starts where the last committed cursor stands, so that running it again repeats nothing. `progress` counts
    what was committed; an attempt that committed something starts the count of failures anew.
    """
    failures, before = 0, progress()
    while True:
        try:
            return await work()
        except TryLater as trouble:
            failures, before = (failures if progress() == before else 0) + 1, progress()
            if failures >= patience.attempts_max or (trouble.after or 0.0) > patience.wait_s_max:
                raise
            await sleep(delay_s(failures, trouble.after, patience, uniform))


def delay_s(failures: int, after: float | None, patience: Patience, uniform: Uniform) -> float:
    """Return the wait before the next attempt: what the source asked for, else exponential with full jitter."""
    ceiling = min(patience.delay_s_max, patience.delay_s_first * 2 ** (failures - 1))
    if after is None:
        return uniform(0.0, ceiling)
    return after + uniform(0.0, patience.delay_s_first)


def retry_after_s(value: str | None, now: datetime) -> float | None:
    """Read a Retry-After header: seconds or an HTTP-date (RFC 9110 section 10.2.3); None when it says nothing."""
    if value is None:
        return None
    text = value.strip()
    if text.isascii() and text.isdigit():
        return float(text[:9])
    moment = http_date(text)
    return None if moment is None else max(0.0, (moment - now).total_seconds())


def http_date(text: str | None) -> datetime | None:
    """Read an HTTP-date (RFC 9110 section 5.6.7) as UTC; None when it is not one."""
    if not text:
        return None
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, OverflowError):
        return None
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
