"""The answers of last resort: an OperationOutcome, the right status, and nothing of the inside."""

import psycopg
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from clients import client_of
from mainstem import serve

SECRET = "patient 4711"  # noqa: S105 - stands for anything that an exception may quote


def failing(error: Exception) -> Starlette:
    def fail(_: Request) -> Response:
        raise error

    return Starlette(routes=[Route("/fails", fail)], exception_handlers=serve.EXCEPTION_HANDLERS)


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [(psycopg.OperationalError(SECRET), 503, "transient"), (RuntimeError(SECRET), 500, "exception")],
)
def test_a_failure_tells_that_it_happened_and_nothing_else(error: Exception, status: int, code: str) -> None:
    with client_of(failing(error)) as client:
        answer = client.get("/fails")
    assert answer.status_code == status
    assert answer.json()["issue"][0]["code"] == code
    assert SECRET not in answer.text
    assert answer.headers["cache-control"] == "no-store"
    assert ("retry-after" in answer.headers) is (status == 503)


def test_what_is_not_there_and_what_is_not_taken_differ() -> None:
    with client_of(failing(RuntimeError())) as client:
        absent, refused = client.get("/nowhere"), client.post("/fails")
    assert (absent.status_code, absent.json()["issue"][0]["code"]) == (404, "not-found")
    assert (refused.status_code, refused.json()["issue"][0]["code"]) == (405, "not-supported")
