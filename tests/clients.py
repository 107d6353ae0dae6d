"""A synchronous client of an ASGI application, in process: httpx's own transport behind an anyio portal."""

from collections.abc import Callable, Generator
from contextlib import contextmanager
from functools import partial
from typing import Any

import httpx
from anyio.from_thread import start_blocking_portal

ASGI = Callable[..., Any]


class Client:
    """As `httpx.Client`, as far as the tests need it."""

    def __init__(self, portal: Any, client: httpx.AsyncClient) -> None:  # noqa: ANN401 - anyio's portal
        self._portal = portal
        self._client = client
        self.headers = client.headers

    def request(self, method: str, url: str, **more: Any) -> httpx.Response:  # noqa: ANN401 - any JSON value
        return self._portal.call(partial(self._client.request, method, url, **more))

    def get(self, url: str, **more: Any) -> httpx.Response:  # noqa: ANN401 - any JSON value
        return self.request("GET", url, **more)

    def head(self, url: str, **more: Any) -> httpx.Response:  # noqa: ANN401 - any JSON value
        return self.request("HEAD", url, **more)

    def post(self, url: str, **more: Any) -> httpx.Response:  # noqa: ANN401 - any JSON value
        return self.request("POST", url, **more)


@contextmanager
def client_of(app: ASGI, base_url: str = "http://testserver") -> Generator[Client]:
    """Lend a client of the application; an exception that it lets through is a 500, as on a real server."""
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)  # type: ignore[arg-type] - the library's type is narrower
    with start_blocking_portal() as portal:
        yield Client(portal, httpx.AsyncClient(transport=transport, base_url=base_url))
