"""The door: who stands before it, whether a request is the page's own, and what an answer looks like.

A session is an opaque token in an HttpOnly, SameSite=Strict cookie. A change needs a header that no foreign page can
send without asking first, and what the browser says of where the request came from (attack catalogue B-25).
"""

from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any, cast

import msgspec
from anyio import to_thread
from msgspec import Struct
from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response

from mainstem.model import json
from mainstem.share.pages import SECURITY
from mainstem.store import audit, own_record
from mainstem.store.access import authenticate, issue_token
from mainstem.store.audit import Asker
from mainstem.store.context import Context
from mainstem.store.grants import own
from mainstem.store.session import Tx

COOKIE = "mainstem_session"
SESSION_LIFE = timedelta(hours=12)
INVITATION_LIFE = timedelta(hours=1)
SCOPE = "patient/*.rs"
"""A person reads all of their own record; shares are made by the person's own verbs, not by FHIR writes."""
_HEADER = ("x-mainstem", "app")
_BODY_MAX = 16_384
_REQUEST_BYTES = 9
_USED = (
    "This sign-in link does not work.\n\nIt was used already, or its hour is over. Each link opens the door once.\n"
    "Make a new one: stop `mainstem demo` and start it again, or ask whoever gave you this link.\n"
)


class RefusalError(Exception):
    """A request that gets nothing: the status and a word that the page turns into a sentence."""

    def __init__(self, status: int, reason: str) -> None:
        self.status = status
        self.reason = reason
        super().__init__(status, reason)


class Visit(Struct, frozen=True, kw_only=True):
    """One request of a signed-in person, inside its transaction."""

    context: Context
    tx: Tx
    asker: Asker
    person: int
    name: str
    query: Mapping[str, str]
    path: Mapping[str, str]
    body: Mapping[str, Any]


Handler = Callable[[Visit], Any]
"""Returns what the answer says; raises `RefusalError`."""


def invite(context: Context, person: int, name: str) -> str:
    """Return a link that signs this person in, once, within the hour."""
    now = context.clock()
    with context.database.connection() as tx:
        token = issue_token(
            tx, grantee=own(tx, person, name, now), scope=SCOPE, expires=now + INVITATION_LIFE, now=now,
            random_bytes=context.random_bytes, kind="sign-in",
        )  # fmt: skip
    return f"{context.base_url}/signin/{token}"


def sign_in(context: Context, request: Request) -> Response:
    """Use up a sign-in link: a session cookie and the way to the pages, or a plain page that says why not."""
    now = context.clock()
    with context.database.connection() as tx:
        used = own_record.use_sign_in(tx, request.path_params["token"], now)
        if used is None:
            return PlainTextResponse(_USED, 410, _quiet())
        grantee, scope = used
        session = issue_token(
            tx, grantee=grantee, scope=scope, expires=now + SESSION_LIFE, now=now,
            random_bytes=context.random_bytes, kind="session",
        )  # fmt: skip
        who = own_record.principal_of(tx, grantee)
        asker = Asker(principal=who, now=now, request=_request_id(context), vault=context.vault)
        audit.acted(tx, asker, "sign-in", who.person or audit.NOBODY, None)
    answer = RedirectResponse("/app/", 303, _quiet())
    answer.set_cookie(
        COOKIE, session, max_age=int(SESSION_LIFE.total_seconds()), path="/app", httponly=True, samesite="strict",
        secure=context.base_url.startswith("https:"),
    )  # fmt: skip
    return answer


def endpoint(context: Context, handler: Handler, *, tagged: bool = False) -> Callable[[Request], Any]:
    """Return the handler as an endpoint; `tagged` = its answer is a mark, and an unchanged one is a bare 304."""

    async def answer(request: Request) -> Response:
        try:
            body: Mapping[str, Any] = await _body(request) if request.method == "POST" else {}
            told = await to_thread.run_sync(_visit, context, request, body, handler)
        except RefusalError as refusal:
            return _json({"reason": refusal.reason}, refusal.status)
        return _marked(request, told) if tagged else _json(told)

    return answer


def _visit(context: Context, request: Request, body: Mapping[str, Any], handler: Handler) -> Any:  # noqa: ANN401 - what a handler tells, as JSON
    now = context.clock()
    with context.database.connection() as tx:
        who = authenticate(tx, request.cookies.get(COOKIE, ""), now)
        if who is None or who.person is None:
            raise RefusalError(401, "signed-out")
        asker = Asker(principal=who, now=now, request=_request_id(context), vault=context.vault)
        return handler(
            Visit(
                context=context,
                tx=tx,
                asker=asker,
                person=who.person,
                name=who.name,
                query=dict(request.query_params),
                path=request.path_params,
                body=body,
            )
        )


def absent(_: Request) -> Response:
    """Answer an address of which the pages know nothing."""
    return _json({"reason": "absent"}, 404)


async def _body(request: Request) -> Mapping[str, Any]:
    """Return the JSON object of a change that comes from our own page."""
    name, value = _HEADER
    own_page = request.headers.get("sec-fetch-site", "same-origin") == "same-origin"
    if request.headers.get(name) != value or not own_page:
        raise RefusalError(403, "not-from-the-page")
    raw = b""
    async for chunk in request.stream():
        raw += chunk
        if len(raw) > _BODY_MAX:
            raise RefusalError(413, "too-large")
    try:
        told: object = cast("object", json.decode(raw))
    except (msgspec.DecodeError, RecursionError) as error:
        raise RefusalError(400, "no-json") from error
    if not isinstance(told, dict):
        raise RefusalError(400, "no-json")
    return cast("Mapping[str, Any]", told)


def _json(told: object, status: int = 200) -> Response:
    return Response(json.encode(told), status, _quiet(), "application/json")


def _marked(request: Request, mark: str) -> Response:
    tag = f'"{mark}"'
    headers = {**_quiet(), "ETag": tag}
    if request.headers.get("if-none-match") == tag:
        return Response(None, 304, headers)
    return Response(json.encode({"mark": mark}), 200, headers, "application/json")


def _quiet() -> dict[str, str]:
    return {**SECURITY, "Cache-Control": "no-store"}


def _request_id(context: Context) -> str:
    return context.random_bytes(_REQUEST_BYTES).hex()
