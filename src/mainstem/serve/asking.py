"""What a raw HTTP request asks for, judged before any of it reaches the store."""

import re
from base64 import urlsafe_b64encode
from collections.abc import Callable
from urllib.parse import parse_qsl

from msgspec import Struct
from starlette.requests import Request

from mainstem.serve.outcomes import RefusedError, invalid

QUERY_MAX = 32_000
"""Characters of a query string; longer searches go by POST."""
BODY_MAX = 2_000_000
_FORM = "application/x-www-form-urlencoded"
_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
_FORMATS = {"json", "application/json", "application/fhir+json", "text/json"}
_ACCEPTED = {*_FORMATS, "*/*", "application/*"}
_CONTROLS = {"_format", "_pretty"}


class Asked(Struct, frozen=True, kw_only=True):
    """A request, parsed."""

    pairs: tuple[tuple[str, str], ...]
    pretty: bool
    body: bytes
    text: str
    """Path and query, for the audit."""


def request_id(request: Request, random_bytes: Callable[[int], bytes]) -> str:
    """Return the caller's request id when it is a plain one, else a new one."""
    given = request.headers.get("x-request-id", "")
    return given if _REQUEST_ID.fullmatch(given) else urlsafe_b64encode(random_bytes(9)).decode()


def bearer(request: Request) -> str | None:
    """Return the bearer token of a request, or None when it carries none."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" and token.strip() else None


async def parse(request: Request) -> Asked:
    """Read a request's parameters and body; raises the refusal for what is too large, unsafe or in a wrong format."""
    raw = request.scope.get("query_string", b"").decode("latin-1")
    if len(raw) > QUERY_MAX:
        raise RefusedError(414, "too-long", f"The query has more than {QUERY_MAX} characters: send it by POST.")
    pairs = parse_qsl(raw, keep_blank_values=True, max_num_fields=1_000) if raw else []
    body = await _body(request)
    if body and request.headers.get("content-type", "").partition(";")[0].strip().lower() == _FORM:
        pairs += _form(body)
    if any("\x00" in text for pair in pairs for text in pair) or "\x00" in request.url.path:
        raise invalid("A null byte is no part of any value.")
    controls = dict(pairs)
    _refuse_format(request, controls.get("_format"))
    return Asked(
        pairs=tuple(pair for pair in pairs if pair[0] not in _CONTROLS),
        pretty=controls.get("_pretty") == "true",
        body=body,
        text=f"{request.method} {request.url.path}?{'&'.join(f'{name}={value}' for name, value in pairs)}",
    )


def _form(body: bytes) -> list[tuple[str, str]]:
    try:
        return parse_qsl(body.decode(), keep_blank_values=True, max_num_fields=1_000)
    except ValueError as error:
        raise invalid("The form is not UTF-8, or has too many fields.") from error


async def _body(request: Request) -> bytes:
    if request.method not in {"POST", "PUT", "PATCH"}:
        return b""
    parts: list[bytes] = []
    size = 0
    async for part in request.stream():
        size += len(part)
        if size > BODY_MAX:
            raise RefusedError(413, "too-long", f"The body has more than {BODY_MAX} bytes.")
        parts.append(part)
    return b"".join(parts)


def _refuse_format(request: Request, format_: str | None) -> None:
    """`_format` decides where it is given (R4 section 3.1.0.1.11); only JSON is served."""
    if format_ is not None:
        wanted = [format_.partition(";")[0].replace(" ", "+").strip().lower()]
        accepted: set[str] = _FORMATS
    else:
        accept = request.headers.get("accept", "*/*")
        wanted = [part.partition(";")[0].strip().lower() for part in accept.split(",")]
        accepted = _ACCEPTED
    if not accepted.intersection(wanted):
        raise RefusedError(406, "not-supported", "Only JSON is served: ask for application/fhir+json.")
