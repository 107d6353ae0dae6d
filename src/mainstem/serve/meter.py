"""Counts for operators, as Prometheus text; routes and status codes only, never a person, id or query."""

import threading
from bisect import bisect_left
from collections import Counter

_BOUNDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)
"""Upper bounds of the latency buckets, in seconds."""


class Meter:
    """Counts requests of one process; safe to use from several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._requests: Counter[tuple[str, str, int]] = Counter()
        self._buckets: Counter[tuple[str, int]] = Counter()
        self._seconds: Counter[str] = Counter()

    def count(self, route: str, method: str, status: int, seconds: float) -> None:
        """Count one answered request; `route` is the route's pattern, not the address that was asked for."""
        with self._lock:
            self._requests[route, method, status] += 1
            self._buckets[route, bisect_left(_BOUNDS, seconds)] += 1
            self._seconds[route] += seconds  # type: ignore[assignment] - a Counter of floats counts as well

    def text(self) -> str:
        """Return all counts in the Prometheus text format, version 0.0.4."""
        with self._lock:
            requests, buckets = sorted(self._requests.items()), dict(self._buckets)
            seconds = sorted(self._seconds.items())
        lines = ["# TYPE mainstem_http_requests_total counter"]
        lines += [
            f'mainstem_http_requests_total{{route="{route}",method="{method}",status="{status}"}} {count}'
            for (route, method, status), count in requests
        ]
        lines.append("# TYPE mainstem_http_seconds histogram")
        for route, total in seconds:
            lines += _histogram(route, [buckets.get((route, index), 0) for index in range(len(_BOUNDS) + 1)], total)
        return "\n".join([*lines, ""])


def _histogram(route: str, counts: list[int], total: float) -> list[str]:
    lines: list[str] = []
    below = 0
    for bound, count in zip((*map(str, _BOUNDS), "+Inf"), counts, strict=True):
        below += count
        lines.append(f'mainstem_http_seconds_bucket{{route="{route}",le="{bound}"}} {below}')
    return [
        *lines,
        f'mainstem_http_seconds_sum{{route="{route}"}} {total:.6f}',
        f'mainstem_http_seconds_count{{route="{route}"}} {below}',
    ]
