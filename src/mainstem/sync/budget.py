"""A token bucket: never more requests in any window than the source allows (SYNC-8)."""

from collections.abc import Awaitable, Callable

Sleep = Callable[[float], Awaitable[None]]


_SAVED = 0.2
"""Share of a minute's allowance that may be saved up and spent at once; the rest flows evenly."""


class Budget:
    """Gives leave for requests: in any window of a minute never more than `per_minute`, however they are bunched."""

    def __init__(self, per_minute: int, monotonic: Callable[[], float], sleep: Sleep) -> None:
        """Start with all that may be saved."""
        self._burst = max(1, int(per_minute * _SAVED))
        self._gap_s = 60.0 / max(1, per_minute - self._burst)
        self._monotonic = monotonic
        self._sleep = sleep
        self._even_at = monotonic() - self._burst * self._gap_s

    async def take(self) -> None:
        """Return when one more request may leave."""
        now = self._monotonic()
        self._even_at = max(self._even_at, now - self._burst * self._gap_s) + self._gap_s
        if self._even_at > now:
            await self._sleep(self._even_at - now)
