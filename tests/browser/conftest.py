"""A real server, a real browser, and a person who has just opened their sign-in link."""

import asyncio
import shutil
import socket
import sys
import tempfile
import threading
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import pytest
from granian.constants import Interfaces
from granian.server.embed import Server
from starlette.applications import Starlette

from mainstem.share.pages import STATIC
from mainstem.store.database import Database

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parents[1] / "share")]
from chromium import PROGRAM, Page, Pipe, chromium  # noqa: E402 - tests are no package
from house import House  # noqa: E402 - tests are no package

_READY_SECONDS = 20


@pytest.fixture(scope="session")
def browser() -> Generator[Pipe]:
    if PROGRAM is None:
        pytest.skip("Chromium is not installed: apt-get install chromium")
    if not (STATIC / "index.html").exists():
        pytest.skip("the pages are not built: run make setup")
    folder = Path(tempfile.mkdtemp(prefix="mainstem-chromium-"))
    with chromium(folder) as pipe:
        yield pipe
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="module")
def house(database: Database, tmp_path_factory: pytest.TempPathFactory) -> Generator[House]:
    """Give the house behind a server on a free port of this machine."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    built = House(database, tmp_path_factory.mktemp("house"), f"http://127.0.0.1:{port}")
    with _serving(built.app, port):
        yield built


@pytest.fixture
def page(browser: Pipe) -> Generator[Page]:
    """Give a phone."""
    fresh = browser.page()
    fresh.screen(360, 740)
    fresh.prefer(prefers_color_scheme="light", prefers_reduced_motion="reduce")
    yield fresh
    fresh.close()


@pytest.fixture
def mona(house: House, page: Page) -> Page:
    """Give a phone on which Mona has just opened her sign-in link."""
    page.open(house.context.base_url + house.invite("Adair"))
    page.wait("document.querySelector('.stem .row')")
    return page


@contextmanager
def _serving(app: Starlette, port: int) -> Generator[None]:
    server = Server(app, address="127.0.0.1", port=port, interface=Interfaces.ASGI, log_enabled=False)
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=lambda: loop.run_until_complete(server.serve()), daemon=True)
    thread.start()
    _answering(port)
    yield
    loop.call_soon_threadsafe(server.stop)
    thread.join(timeout=_READY_SECONDS)
    loop.close()


def _answering(port: int) -> None:
    deadline = time.monotonic() + _READY_SECONDS
    while time.monotonic() < deadline:
        with socket.socket() as probe:
            probe.settimeout(1)
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        threading.Event().wait(0.02)
    raise TimeoutError(f"nothing answers at port {port}")
