"""The door of the FHIR API: every request comes in and goes out through `endpoint`, so that none can forget a check.

The store is asked in a worker thread, because its connections are synchronous; one transaction carries the reading and
its audit, and it commits before the answer leaves (I5).
"""

from collections.abc import Awaitable, Callable, Mapping
from time import perf_counter

import msgspec
from anyio import CapacityLimiter, to_thread
from msgspec import Struct
from msgspec.structs import replace
from starlette.requests import Request
from starlette.responses import Response

from mainstem.serve.asking import Asked, bearer, parse, request_id
from mainstem.serve.exchange import Answer, Exchange, Handler
from mainstem.serve.meter import Meter
from mainstem.serve.outcomes import RefusedError, invalid, outcome
from mainstem.store import audit
from mainstem.store.access import authenticate
from mainstem.store.audit import Asker
from mainstem.store.context import Context
from mainstem.store.criteria import BadSearchError
from mainstem.store.pages import BadPageError

Endpoint = Callable[[Request], Awaitable[Response]]
_ALWAYS = {"cache-control": "no-store", "x-content-type-options": "nosniff"}
_CHALLENGE = {"www-authenticate": 'Bearer realm="mainstem"'}
_NO_BODY = frozenset({204, 304})


class Door:
    """Turns handlers into endpoints of one context."""

    def __init__(self, context: Context, meter: Meter, threads_max: int = 8) -> None:
        self._context = context
        self._meter = meter
        self._threads_max = threads_max
        self._limiter: CapacityLimiter | None = None

    def endpoint(self, route: str, handlers: Mapping[str, Handler]) -> Endpoint:
        """Return the endpoint of a route pattern from its handlers by HTTP method; GET answers HEAD as well."""
        by_method = {**handlers, "HEAD": handlers["GET"]} if "GET" in handlers else dict(handlers)

        async def serve(request: Request) -> Response:
            started = perf_counter()
            told = request_id(request, self._context.random_bytes)
            try:
                asked = await parse(request)
                answer = await self._answer(request, by_method, asked, told)
                pretty = asked.pretty
            except RefusedError as refused:
                answer, pretty = refusal(refused), False
            self._meter.count(route, request.method, answer.status, perf_counter() - started)
            return _response(answer, told, pretty=pretty)

        return serve

    async def _answer(self, request: Request, handlers: Mapping[str, Handler], asked: Asked, told: str) -> Answer:
        handler = handlers.get(request.method)
        if handler is None:
            allowed = {"allow": ", ".join(sorted(handlers))}
            raise RefusedError(405, "not-supported", "This address does not take this method.", allowed)
        token = bearer(request)
        if token is None:
            raise RefusedError(401, "login", "Send 'Authorization: Bearer <token>'.", _CHALLENGE)
        if self._limiter is None:
            self._limiter = CapacityLimiter(self._threads_max)
        call = _Call(
            context=self._context, handler=handler, asked=asked, token=token, path=dict(request.path_params),
            headers={name.lower(): value for name, value in request.headers.items()},
            asker=Asker(
                principal=None, now=self._context.clock(), request=told, vault=self._context.vault, query=asked.text
            ),
        )  # fmt: skip
        return await to_thread.run_sync(call.run, limiter=self._limiter)


class _Call(Struct, kw_only=True):
    """One request on its way through the store, in a worker thread."""

    context: Context
    handler: Handler
    asked: Asked
    token: str
    asker: Asker
    path: dict[str, str]
    headers: dict[str, str]

    def run(self) -> Answer:
        try:
            return self._handle()
        except RefusedError as error:
            return self._refused(error)
        except (BadSearchError, BadPageError) as error:
            return self._refused(invalid(str(error)))

    def _handle(self) -> Answer:
        with self.context.database.connection() as tx:
            principal = authenticate(tx, self.token, self.asker.now)
            if principal is None:
                raise RefusedError(
                    401, "login", "The token is not valid, or not any more.",
                    {"www-authenticate": 'Bearer realm="mainstem", error="invalid_token"'},
                )  # fmt: skip
            self.asker = replace(self.asker, principal=principal)
            exchange = Exchange(
                context=self.context, tx=tx, asker=self.asker, principal=principal, path=self.path,
                pairs=self.asked.pairs, headers=self.headers, body=self.asked.body,
            )  # fmt: skip
            return self.handler(exchange)

    def _refused(self, error: RefusedError) -> Answer:
        """A refusal undid its transaction; it is audited in one of its own."""
        with self.context.database.connection() as tx:
            audit.refused(tx, self.asker, "refuse", "", error.code)
        return refusal(error)


def refusal(error: RefusedError) -> Answer:
    """Return the answer that a refusal becomes."""
    return Answer(status=error.status, body=outcome(error.code, error.words), headers=error.headers)


def _response(answer: Answer, told: str, *, pretty: bool) -> Response:
    body = msgspec.json.format(answer.body, indent=2) if pretty and answer.body else answer.body
    headers = {**_ALWAYS, "x-request-id": told, **answer.headers}
    if answer.status in _NO_BODY:
        return Response(status_code=answer.status, headers=headers)
    return Response(body, answer.status, headers, answer.media)
