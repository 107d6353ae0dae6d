"""What all tests share.

Fixtures: `database` (a fresh, migrated database for each test module, on an embedded server for the session),
`server_url` (that server, as the bootstrap user), `now` (a fixed time). Hypothesis profiles: dev, ci, nightly.
"""

import os
import shutil
import tempfile
import time
from collections.abc import Generator
from datetime import UTC, datetime
from itertools import count
from pathlib import Path

import psycopg
import pytest
from hypothesis import HealthCheck, settings

from mainstem.store import embedded
from mainstem.store.database import Database

# The clock of the tests stands in no zone that anybody forgets to convert from: UTC+12:45, with summer time.
os.environ["TZ"] = "Pacific/Chatham"
time.tzset()

# A red run of `dev` or `ci` is the change's fault and never chance; `nightly` goes on searching.
_SLOW = [HealthCheck.too_slow, HealthCheck.data_too_large]
settings.register_profile("dev", max_examples=50, deadline=None, derandomize=True, suppress_health_check=_SLOW)
settings.register_profile(
    "ci", max_examples=300, deadline=None, derandomize=True, suppress_health_check=_SLOW, print_blob=True
)
settings.register_profile("nightly", max_examples=3000, deadline=None, suppress_health_check=_SLOW, print_blob=True)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE") or ("ci" if os.environ.get("CI") else "dev"))

_FAST = {"fsync": "off", "full_page_writes": "off", "shared_buffers": "64MB"}
_NAMES = count(1)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Leave `deep` tests to CI, and say so."""
    if not os.environ.get("CI"):
        for item in items:
            if item.get_closest_marker("deep"):
                item.add_marker(pytest.mark.skip(reason="deep: runs with CI=true"))


@pytest.fixture
def now() -> datetime:
    return datetime(2026, 3, 29, 1, 30, tzinfo=UTC)


@pytest.fixture(scope="session")
def server_url() -> Generator[str]:
    """URL of an embedded server that lives for the session of one worker."""
    home = Path(tempfile.mkdtemp(prefix="mainstem-test-"))
    home.chmod(0o711)
    with embedded.running(home, _FAST) as url:
        _migrated(url, "template_mainstem")
        yield url
    shutil.rmtree(home)


@pytest.fixture(scope="module")
def database(server_url: str) -> Generator[Database]:
    """Give a fresh, migrated database that the module's tests share."""
    name = f"test_{next(_NAMES)}"
    _execute(server_url, f"create database {name} template template_mainstem")
    with Database(url_of(server_url, name)) as fresh:
        yield fresh
    _execute(server_url, f"drop database {name} with (force)")


def url_of(server_url: str, name: str) -> str:
    return server_url.replace(f"/{embedded.DATABASE}?", f"/{name}?")


def _migrated(server_url: str, name: str) -> None:
    _execute(server_url, f"create database {name}")
    with Database(url_of(server_url, name)) as template:
        template.migrate()


def _execute(server_url: str, statement: str) -> None:
    with psycopg.connect(server_url, autocommit=True) as connection:
        connection.execute(statement)
