"""Serves the sites of a world on loopback, on free ports, for as long as a `with` block lasts."""

import asyncio
import socket
import threading
from collections.abc import Generator, Mapping
from contextlib import contextmanager

from granian.constants import Interfaces
from granian.server.embed import Server

from mainstem.simulate.world import World

_HOST = "127.0.0.1"
_TRIES = 200
_PAUSE_S = 0.05
_STOP_S_MAX = 5.0


@contextmanager
def serving(world: World) -> Generator[Mapping[str, str]]:
    """Serve each site and give its base URL by name; all are stopped at the end."""
    ports = {site.name: _free_port() for site in world.sites}
    loop = asyncio.new_event_loop()
    servers = [
        Server(
            site.app,
            address=_HOST,
            port=ports[site.name],
            interface=Interfaces.ASGI,
            log_enabled=False,
            websockets=False,
        )
        for site in world.sites
    ]
    thread = threading.Thread(target=_run, args=(loop, servers), name="simulated-sites", daemon=True)
    thread.start()
    try:
        for port in ports.values():
            _await_port(port)
        yield {site.name: f"http://{_HOST}:{ports[site.name]}{site.base_path}" for site in world.sites}
    finally:
        for server in servers:
            loop.call_soon_threadsafe(server.stop)
        thread.join(_STOP_S_MAX)


def _run(loop: asyncio.AbstractEventLoop, servers: list[Server]) -> None:
    asyncio.set_event_loop(loop)

    async def serve() -> None:
        await asyncio.gather(*(server.serve() for server in servers))

    loop.run_until_complete(serve())
    loop.close()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((_HOST, 0))
        return int(probe.getsockname()[1])


def _await_port(port: int) -> None:
    """Wait until a server listens; raises `ConnectionRefusedError` when it does not come up."""
    pause = threading.Event()
    for attempt in range(_TRIES):
        try:
            socket.create_connection((_HOST, port), timeout=_PAUSE_S).close()
        except OSError:
            if attempt == _TRIES - 1:
                raise
            pause.wait(_PAUSE_S)
        else:
            return
