"""How long to wait, how often, when to give up: laws, not examples."""

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import anyio
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mainstem.sync.budget import Budget
from mainstem.sync.connector import TryLater
from mainstem.sync.retry import Patience, delay_s, persist, retry_after_s

NOW = datetime(2026, 6, 2, 9, 30, tzinfo=UTC)
PATIENCE = Patience()


@given(st.integers(1, 60), st.floats(0, 1))
def test_sync_8_full_jitter_lies_between_nothing_and_a_growing_ceiling(failures: int, share: float) -> None:
    wait = delay_s(failures, None, PATIENCE, lambda low, high: low + share * (high - low))
    assert 0 <= wait <= min(PATIENCE.delay_s_max, PATIENCE.delay_s_first * 2 ** (failures - 1))


@given(st.floats(0, 300))
def test_sync_8_never_sooner_than_the_source_asked(after: float) -> None:
    assert delay_s(1, after, PATIENCE, lambda low, _high: low) >= after


@given(st.integers(0, 10**6))
def test_retry_after_in_seconds_and_as_a_date_say_the_same(seconds: int) -> None:
    date = format_datetime(NOW + timedelta(seconds=seconds), usegmt=True)
    assert retry_after_s(str(seconds), NOW) == retry_after_s(date, NOW) == seconds


@pytest.mark.parametrize("text", [None, "", "soon", "-5", "1.5", "٣", "Tue, 99 Jun 2026 12:00:00 GMT"])
def test_a_retry_after_that_says_nothing_is_none(text: str | None) -> None:
    assert retry_after_s(text, NOW) is None


def test_a_date_in_the_past_means_at_once() -> None:
    assert retry_after_s("Tue, 02 Jun 2020 12:00:00 GMT", NOW) == 0


class Work:
    """Fails as often as it is told, and makes progress at the attempts that it is told."""

    def __init__(self, failures: int, progress_at: set[int], after: float | None = None) -> None:
        self.attempts = 0
        self.done = 0
        self.slept: list[float] = []
        self._failures, self._progress_at, self._after = failures, progress_at, after

    async def work(self) -> None:
        self.attempts += 1
        self.done += self.attempts in self._progress_at
        if self.attempts <= self._failures:
            raise TryLater("busy", self._after)

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        await anyio.lowlevel.checkpoint()

    def run(self) -> None:
        async def go() -> None:
            await persist(self.work, lambda: self.done, PATIENCE, sleep=self.sleep, uniform=lambda _low, high: high)

        anyio.run(go)


def test_patience_ends_after_so_many_failures_without_progress() -> None:
    work = Work(failures=100, progress_at=set())
    with pytest.raises(TryLater):
        work.run()
    assert work.attempts == PATIENCE.attempts_max


def test_progress_starts_patience_anew() -> None:
    work = Work(failures=12, progress_at={4, 8, 12})
    work.run()
    assert work.attempts == 13
    assert work.slept[4 - 1] == PATIENCE.delay_s_first


def test_a_wait_that_is_too_long_is_left_for_the_next_run() -> None:
    work = Work(failures=1, progress_at=set(), after=PATIENCE.wait_s_max + 1)
    with pytest.raises(TryLater):
        work.run()
    assert work.slept == []


@given(st.integers(1, 600), st.lists(st.floats(0, 20), min_size=1, max_size=80))
def test_sync_8_no_window_of_a_minute_holds_more_requests_than_the_limit(limit: int, pauses: list[float]) -> None:
    clock = [0.0]
    sent: list[float] = []

    async def sleep(seconds: float) -> None:
        clock[0] += seconds
        await anyio.lowlevel.checkpoint()

    async def go() -> None:
        budget = Budget(limit, lambda: clock[0], sleep)
        for pause in pauses:
            clock[0] += pause
            for _ in range(8):
                await budget.take()
                sent.append(clock[0])

    anyio.run(go)
    for start in sent:
        assert sum(start <= moment < start + 59.999 for moment in sent) <= max(limit, 2)
