"""Settings and surroundings for syncing simulated sites with the real kernel."""

import time
from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager
from datetime import datetime

import anyio
import httpx

from mainstem.simulate.chance import chance
from mainstem.simulate.world import Site
from mainstem.sync.connector import Secret, Source, SourceSettings
from mainstem.sync.discovery import speaking
from mainstem.sync.kernel import Surroundings

_TIMEOUT_S = 30.0
_REQUESTS_PER_MINUTE = 60_000
"""A simulated site bears more than a vendor's cloud; the manifest's limit has its own tests."""


def settings_of(site: Site, base_url: str, sources: Mapping[str, Source]) -> SourceSettings:
    """Return what an operator would write into `mainstem.toml` to read this site."""
    return SourceSettings(
        name=site.name,
        connector=speaking(sources.values(), site.speaks).manifest.name,
        base_url=base_url,
        credentials={account: Secret(token) for account, token in site.tokens.items()},
        options=site.options,
        requests_per_minute=_REQUESTS_PER_MINUTE,
    )


def surroundings(seed: int, clock: Callable[[], datetime], writer: anyio.CapacityLimiter) -> Surroundings:
    """Return the real network and the real time that passes, with seeded jitter."""
    return Surroundings(
        clock=clock,
        monotonic=time.monotonic,
        sleep=anyio.sleep,
        uniform=chance(seed, "jitter").uniform,
        connect=_client,
        writer=writer,
    )


def _client() -> AbstractAsyncContextManager[httpx.AsyncClient]:
    return httpx.AsyncClient(timeout=_TIMEOUT_S, follow_redirects=False, trust_env=False)
