"""The one door through which a source is asked: origins, credentials, size and time are checked here only."""

import logging
from collections.abc import Mapping
from urllib.parse import SplitResult, urljoin, urlsplit

import anyio
import httpx
from msgspec import Struct

from mainstem.sync.budget import Budget
from mainstem.sync.connector import Answer, Clock, Limits, Reauthorise, Refused, Secret, SourceSettings, TryLater
from mainstem.sync.retry import http_date, retry_after_s

for _chatty in ("httpx", "httpcore"):
    logging.getLogger(_chatty).setLevel(logging.WARNING)  # below that they log URLs, which may hold account numbers

Origin = tuple[str, str, int]
_PORTS = {"http": 80, "https": 443}
_LOOPBACK = {"127.0.0.1", "::1", "localhost"}
_REDIRECTS = {301, 302, 303, 307, 308}
_ANSWERS = {304, 404, 410}
_BUSY = {408, 425, 429}
_UNAUTHORISED = 401
_SERVER_ERROR = 500
_REDIRECTS_MAX = 3


class _Request(Struct, frozen=True):
    method: str
    url: str
    query: Mapping[str, str] | None
    form: Mapping[str, str] | None
    account: str


class Door:
    """`Fetch` over httpx for one source. Redirects are followed for GET only, and only to named origins."""

    def __init__(
        self, client: httpx.AsyncClient, settings: SourceSettings, limits: Limits, budget: Budget, clock: Clock
    ) -> None:
        self._client = client
        self._base = settings.base_url.rstrip("/") + "/"
        self._home = origin(self._base)
        self._named = {self._home} | {origin(text) for text in settings.origins}
        self._credentials = settings.credentials
        self._bytes_max = limits.answer_bytes_max
        self._budget = budget
        self._clock = clock

    async def get(self, url: str, *, query: Mapping[str, str] | None = None, account: str = "") -> Answer:
        """GET `url`, which may be relative to the source's base URL."""
        return await self._ask(_Request("GET", _joined(self._base, url), query, None, account))

    async def post(self, url: str, *, form: Mapping[str, str], account: str = "") -> Answer:
        """POST a form to `url`; a redirect of a POST is refused."""
        return await self._ask(_Request("POST", _joined(self._base, url), None, form, account))

    async def _ask(self, request: _Request) -> Answer:
        for _ in range(_REDIRECTS_MAX + 1):
            response = await self._send(request)
            if response.status not in _REDIRECTS:
                return self._judge(response)
            if request.method != "GET":
                raise Refused("The source redirects a POST; only GET is followed.")
            target = _joined(response.url, response.headers.get("location", ""))
            request = _Request("GET", target, None, None, request.account)
        raise Refused("The source redirects in a circle.")

    async def _send(self, request: _Request) -> Answer:
        place = origin(request.url)
        if place not in self._named:
            raise Refused("An answer of the source leads to an origin that the settings do not name.")
        headers = self._headers(place, request.account)
        await self._budget.take()
        try:
            with anyio.fail_after(_timeout_s(self._client)):
                async with self._client.stream(
                    request.method, request.url, params=request.query, data=request.form, headers=headers
                ) as response:
                    body = await self._body(response)
        except httpx.InvalidURL as error:
            raise Refused("An address of the source is not a valid URL.") from error
        except TimeoutError as error:
            raise TryLater("The source did not answer in time.") from error
        except httpx.DecodingError as error:
            raise TryLater("The source's compressed answer is broken.") from error
        except httpx.TransportError as error:
            raise TryLater(f"The connection to the source failed ({type(error).__name__}).") from error
        return Answer(status=response.status_code, url=str(response.url), headers=_lower(response), body=body)

    def _headers(self, place: Origin, account: str) -> dict[str, str]:
        headers = {"Accept": "application/fhir+json, application/json;q=0.9, */*;q=0.5"}
        secret: Secret | None = self._credentials.get(account)
        if secret is not None and place == self._home:
            headers["Authorization"] = f"Bearer {secret.value}"
        return headers

    async def _body(self, response: httpx.Response) -> bytes:
        parts = bytearray()
        async for part in response.aiter_bytes():
            parts += part
            if len(parts) > self._bytes_max:
                raise Refused(f"An answer of the source is larger than {self._bytes_max} bytes.")
        return bytes(parts)

    def _judge(self, answer: Answer) -> Answer:
        status = answer.status
        if status in _ANSWERS or httpx.codes.is_success(status):
            return answer
        if status == _UNAUTHORISED:
            raise Reauthorise("The source does not accept the credentials (401).")
        if status in _BUSY or status >= _SERVER_ERROR:
            now = http_date(answer.headers.get("date")) or self._clock()
            raise TryLater(f"The source answered {status}.", retry_after_s(answer.headers.get("retry-after"), now))
        raise Refused(f"The source answered {status}.")


def _joined(base: str, url: str) -> str:
    try:
        return urljoin(base, url)
    except ValueError as error:
        raise Refused("An address of the source is not a valid URL.") from error


def origin(url: str) -> Origin:
    """Return (scheme, host, port) of a URL; raises `Refused` for anything but https, or http on loopback."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise Refused("An address of the source is not a valid URL.") from error
    host = (parts.hostname or "").rstrip(".").lower()
    if not _safe(parts, host):
        raise Refused("An address of the source is neither https nor on loopback, or holds a user name.")
    return parts.scheme, host, port or _PORTS[parts.scheme]


def _safe(parts: SplitResult, host: str) -> bool:
    if not host or parts.username is not None:
        return False
    return parts.scheme == "https" or (parts.scheme == "http" and host in _LOOPBACK)


def _timeout_s(client: httpx.AsyncClient) -> float:
    return client.timeout.read or 60.0


def _lower(response: httpx.Response) -> dict[str, str]:
    return {name.lower(): value for name, value in response.headers.items()}
