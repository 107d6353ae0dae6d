"""A token bucket: never more requests in any window than the source allows (SYNC-8)."""

from collections.abc import Awaitable, Callable

Sleep = Callable[[float], Awaitable[None]]


class Budget:
    """Gives leave for requests, at most `per_minute` in any minute; a short burst may use what was saved."""

    def __init__(self, per_minute: int, monotonic: Callable[[], float], sleep: Sleep) -> None:
        self._gap_s = 60.0 / per_minute
        self._burst = max(1.0, per_minute / 60.0)
        self._monotonic = monotonic
        self._sleep = sleep
        self._free_at = monotonic()

    async def take(self) -> None:
        """Return when one more request may leave."""
        now = self._monotonic()
        self._free_at = max(self._free_at, now - (self._burst - 1) * self._gap_s) + self._gap_s
        wait_s = self._free_at - self._gap_s - now
        if wait_s > 0:
            await self._sleep(wait_s)
