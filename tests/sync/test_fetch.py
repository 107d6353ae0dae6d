"""The outbound door: where it may go, what it takes along, how much it takes in, what each answer means."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import anyio
import httpx
import pytest

from mainstem.sync.budget import Budget
from mainstem.sync.connector import Answer, Limits, Reauthorise, Refused, Secret, SourceSettings, TryLater
from mainstem.sync.fetch import Door, origin

NOW = datetime(2026, 6, 2, 9, 30, tzinfo=UTC)
SETTINGS = SourceSettings(
    name="harbour",
    connector="any",
    base_url="https://ehr.example.org/r4",
    origins=("https://files.example.org",),
    credentials={"": Secret("the-token"), "12": Secret("the-other-token")},
)
Reply = Callable[[httpx.Request], httpx.Response]


async def _no_sleep(_seconds: float) -> None:
    await anyio.lowlevel.checkpoint()


def ask(reply: Reply, url: str, *, settings: SourceSettings = SETTINGS, post: bool = False, **more: Any) -> Answer:  # noqa: ANN401 - passed on to the door as they are
    async def go() -> Answer:
        async with httpx.AsyncClient(transport=httpx.MockTransport(reply)) as client:
            limits = Limits(requests_per_minute=60, answer_bytes_max=1000)
            door = Door(client, settings, limits, Budget(60, lambda: 0.0, _no_sleep), lambda: NOW)
            return await (door.post(url, form={"a": "b"}, **more) if post else door.get(url, **more))

    return anyio.run(go)


def seen(status: int = 200, headers: dict[str, str] | None = None) -> tuple[list[httpx.Request], Reply]:
    requests: list[httpx.Request] = []

    def reply(request: httpx.Request) -> httpx.Response:
        requests.append(request)
        return httpx.Response(status, headers=headers, content=b"{}")

    return requests, reply


def following(*replies: httpx.Response) -> tuple[list[httpx.Request], Reply]:
    requests: list[httpx.Request] = []
    turns: Iterator[httpx.Response] = iter(replies)

    def reply(request: httpx.Request) -> httpx.Response:
        requests.append(request)
        return next(turns)

    return requests, reply


def test_a_relative_url_is_under_the_base_url() -> None:
    requests, reply = seen()
    answer = ask(reply, "Patient", query={"_count": "5"})
    assert str(requests[0].url) == "https://ehr.example.org/r4/Patient?_count=5"
    assert answer.status == 200


def test_an_opaque_next_link_keeps_its_own_query() -> None:
    requests, reply = seen()
    ask(reply, "https://ehr.example.org/r4?page=a%7Cb")
    assert str(requests[0].url) == "https://ehr.example.org/r4?page=a%7Cb"


def test_the_credential_of_the_account_goes_along() -> None:
    requests, reply = seen()
    ask(reply, "Patient")
    ask(reply, "measure", post=True, account="12")
    assert [request.headers["authorization"] for request in requests] == ["Bearer the-token", "Bearer the-other-token"]


def test_no_credential_for_an_account_that_has_none() -> None:
    requests, reply = seen()
    ask(reply, "Patient", account="unknown")
    assert "authorization" not in requests[0].headers


def test_a_named_second_origin_gets_no_credential() -> None:
    requests, reply = seen()
    ask(reply, "https://files.example.org/export/1.ndjson")
    assert "authorization" not in requests[0].headers


@pytest.mark.parametrize(
    "url",
    [
        "https://evil.example.org/x",
        "https://ehr.example.org:8443/r4",
        "https://ehr.example.org.evil.net/r4",
        "https://ehr.example.org@evil.net/r4",
        "https://user:word@ehr.example.org/r4",
        "http://ehr.example.org/r4",
        "//evil.net/r4",
        "http://127.0.0.1:5432/",
        "http://localhost/",
        "http://169.254.169.254/latest/meta-data",
        "file:///etc/passwd",
        "https://ehr.example.org:99999/",
        "https://[::1/",
        "https://ehr.example.org/r4?page=\x01",
    ],
)
def test_an_origin_that_the_settings_do_not_name_is_refused_before_any_request(url: str) -> None:
    requests, reply = seen()
    with pytest.raises(Refused):
        ask(reply, url)
    assert requests == []


def test_loopback_is_allowed_only_for_an_origin_that_the_settings_name() -> None:
    requests, reply = seen()
    local = SourceSettings(name="local", connector="any", base_url="http://127.0.0.1:9000/fhir")
    ask(reply, "Patient", settings=local)
    assert len(requests) == 1
    with pytest.raises(Refused):
        ask(reply, "http://127.0.0.1:9001/fhir", settings=local)


@pytest.mark.parametrize("url", ["https://EHR.example.org./r4", "https://ehr.example.org:443/r4"])
def test_an_origin_is_compared_parsed_and_not_as_text(url: str) -> None:
    assert origin(url) == origin("https://ehr.example.org/")


def test_a_redirect_to_a_named_origin_is_followed_without_the_credential() -> None:
    moved = httpx.Response(302, headers={"location": "https://files.example.org/1"})
    requests, reply = following(moved, httpx.Response(200, content=b"x"))
    assert ask(reply, "export").body == b"x"
    assert "authorization" in requests[0].headers
    assert "authorization" not in requests[1].headers


def test_a_redirect_to_any_other_origin_is_refused() -> None:
    requests, reply = following(httpx.Response(302, headers={"location": "https://evil.example.net/"}))
    with pytest.raises(Refused):
        ask(reply, "export")
    assert len(requests) == 1


def test_a_redirect_of_a_post_is_refused() -> None:
    _, reply = following(httpx.Response(307, headers={"location": "/elsewhere"}))
    with pytest.raises(Refused, match="POST"):
        ask(reply, "measure", post=True)


def test_redirects_in_a_circle_end() -> None:
    requests, reply = seen(302, {"location": "https://ehr.example.org/r4/again"})
    with pytest.raises(Refused, match="circle"):
        ask(reply, "x")
    assert len(requests) == 4


def test_an_answer_beyond_the_cap_is_refused() -> None:
    with pytest.raises(Refused, match="larger than 1000 bytes"):
        ask(lambda _: httpx.Response(200, content=b"x" * 1001), "big")
    assert len(ask(lambda _: httpx.Response(200, content=b"x" * 1000), "fits").body) == 1000


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (401, Reauthorise),
        (403, Refused),
        (400, Refused),
        (429, TryLater),
        (408, TryLater),
        (500, TryLater),
        (503, TryLater),
    ],
)
def test_each_status_is_named_by_what_recovers_it(status: int, error: type[Exception]) -> None:
    with pytest.raises(error):
        ask(lambda _: httpx.Response(status), "x")


@pytest.mark.parametrize("status", [200, 304, 404, 410])
def test_success_and_absence_are_answers(status: int) -> None:
    assert ask(lambda _: httpx.Response(status), "x").status == status


def test_retry_after_as_a_date_is_measured_by_the_servers_clock() -> None:
    headers = {"retry-after": "Tue, 02 Jun 2026 12:00:30 GMT", "date": "Tue, 02 Jun 2026 12:00:00 GMT"}
    with pytest.raises(TryLater) as caught:
        ask(lambda _: httpx.Response(503, headers=headers), "x")
    assert caught.value.after == 30


def test_a_secret_is_never_shown() -> None:
    assert "the-token" not in repr(SETTINGS)
    assert "the-token" not in f"{SETTINGS.credentials}"
