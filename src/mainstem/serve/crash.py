"""The answers of last resort: what no handler answered is an OperationOutcome too, and tells nothing of the inside."""

from collections.abc import Callable, Mapping

import psycopg
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from mainstem.serve.outcomes import FHIR_JSON, outcome


def unavailable(_: Request, __: Exception) -> Response:
    """The database did not answer in time or at all: the same request may succeed later."""
    return _response(503, "transient", "The database does not answer now. Try again.", {"retry-after": "5"})


def crashed(_: Request, __: Exception) -> Response:
    """A programmer's error: the log has it, the caller learns only that it happened."""
    return _response(500, "exception", "The server failed; the operator can find the request by its time in the log.")


def unrouted(_: Request, error: Exception) -> Response:
    """No such address, or not this method on it."""
    status = error.status_code if isinstance(error, HTTPException) else 404
    words = "There is nothing at this address." if status == 404 else "This address does not take this request."  # noqa: PLR2004 - an HTTP status
    return _response(status, "not-found" if status == 404 else "not-supported", words)  # noqa: PLR2004 - an HTTP status


def _response(status: int, code: str, words: str, headers: Mapping[str, str] | None = None) -> Response:
    sent = {"cache-control": "no-store", **(headers or {})}
    return Response(outcome(code, words), status, sent, FHIR_JSON)


EXCEPTION_HANDLERS: dict[type[Exception] | int, Callable[[Request, Exception], Response]] = {
    psycopg.OperationalError: unavailable,
    HTTPException: unrouted,
    Exception: crashed,
}
"""For the application that `main` composes."""
