"""Serves the sites of a world on loopback, on free ports, for as long as a `with` block lasts."""

import asyncio
import socket
import threading
from collections.abc import Generator, Mapping
from contextlib import contextmanager

from granian.constants import Interfaces
from granian.server.embed import Server
from starlette.applications import Starlette

from mainstem.model.trouble import SetupError
from mainstem.simulate.world import World

HOST = "127.0.0.1"
_TRIES = 200
_PAUSE_S = 0.05
_STOP_S_MAX = 5.0


@contextmanager
def serving(world: World) -> Generator[Mapping[str, str]]:
    """Serve each site and give its base URL by name; all are stopped at the end."""
    ports = {site.name: free_port() for site in world.sites}
    with _listening({ports[site.name]: site.app for site in world.sites}, HOST):
        yield {site.name: f"http://{HOST}:{ports[site.name]}{site.base_path}" for site in world.sites}


@contextmanager
def serve_at(app: Starlette, host: str, port: int) -> Generator[None]:
    """Serve one application for as long as the block lasts; raises `SetupError` when the port is taken."""
    require_free(host, port)
    with _listening({port: app}, host):
        yield


def require_free(host: str, port: int) -> None:
    """Raise `SetupError` when something listens at a port."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            remedy = "Choose another one with --port, or stop what listens there."
            raise SetupError("The port is taken.", where=f"{host}:{port}", remedy=remedy) from error


@contextmanager
def _listening(apps: Mapping[int, Starlette], host: str) -> Generator[None]:
    loop = asyncio.new_event_loop()
    servers = [
        Server(app, address=host, port=port, interface=Interfaces.ASGI, log_enabled=False, websockets=False)
        for port, app in apps.items()
    ]
    thread = threading.Thread(target=_run, args=(loop, servers), name="simulate-serving", daemon=True)
    thread.start()
    try:
        for port in apps:
            _await_port(host, port)
        yield
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


def free_port() -> int:
    """Return a port of loopback at which nothing listens now."""
    """Return a port on loopback that nothing listens at now."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


def _await_port(host: str, port: int) -> None:
    """Wait until a server listens; raises `ConnectionRefusedError` when it does not come up."""
    pause = threading.Event()
    for attempt in range(_TRIES):
        try:
            socket.create_connection((host, port), timeout=_PAUSE_S).close()
        except OSError:
            if attempt == _TRIES - 1:
                raise
            pause.wait(_PAUSE_S)
        else:
            return
