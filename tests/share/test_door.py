import json
import re

import pytest
from house import BASE, House, Visitor

from mainstem.share.door import COOKIE, INVITATION_LIFE, SESSION_LIFE
from mainstem.share.routes import routes

READS = ("me", "sources", "timeline", "results", "conflicts", "alerts", "shares", "activity", "events")


def test_a_sign_in_link_works_once(house: House, stranger: Visitor) -> None:
    link = house.invite("Adair")
    first, again = stranger.get(link), Visitor(house).get(link)
    assert (first.status_code, first.headers["location"]) == (303, "/app/")
    assert again.status_code == 410
    assert "used already" in again.text
    assert COOKIE not in again.headers.get("set-cookie", "")


def test_a_sign_in_link_is_over_after_its_hour(house: House, stranger: Visitor) -> None:
    link = house.invite("Adair")
    house.clock.move(seconds=INVITATION_LIFE.total_seconds())
    assert stranger.get(link).status_code == 410


@pytest.mark.parametrize("token", ["x", "mst_" + "A" * 43, "mst_%00" + "A" * 43])
def test_a_guessed_sign_in_link_says_the_same_as_a_used_one(house: House, stranger: Visitor, token: str) -> None:
    link = house.invite("Adair")
    stranger.get(link)
    guessed, used = Visitor(house).get(f"/signin/{token}"), Visitor(house).get(link)
    assert (guessed.status_code, guessed.text) == (used.status_code, used.text)


def test_a_session_token_opens_no_door_as_a_link_nor_a_link_as_a_session(house: House, mona: Visitor) -> None:
    assert Visitor(house).get(f"/signin/{mona.cookies[COOKIE]}").status_code == 410
    thief = Visitor(house)
    thief.cookies.set(COOKIE, house.invite("Adair").rpartition("/")[2], domain="127.0.0.1", path="/app")
    assert thief.get("/app/api/me").status_code == 401


def test_the_session_cookie_is_out_of_reach_of_scripts_and_of_other_sites(house: House, stranger: Visitor) -> None:
    cookie = stranger.get(house.invite("Adair")).headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=strict" in cookie
    assert "path=/app" in cookie


@pytest.mark.parametrize("path", READS)
def test_without_a_session_nothing_is_told(stranger: Visitor, path: str) -> None:
    answer = stranger.get(f"/app/api/{path}")
    assert (answer.status_code, answer.json()) == (401, {"reason": "signed-out"})


def test_a_session_ends(house: House, mona: Visitor) -> None:
    assert mona.get("/app/api/me").status_code == 200
    house.clock.move(seconds=SESSION_LIFE.total_seconds())
    assert mona.get("/app/api/me").status_code == 401


def test_b_25_a_change_needs_the_pages_own_header(mona: Visitor) -> None:
    body = {"name": "Evil", "categories": ["everything"], "days": 30}
    assert mona.post("/app/api/shares", body, X_Mainstem="").status_code == 403
    assert mona.post("/app/api/shares", body, Sec_Fetch_Site="cross-site").status_code == 403
    assert mona.post("/app/api/shares", body, Sec_Fetch_Site="same-site").status_code == 403
    assert "Evil" not in {share["name"] for share in mona.api("shares")["shares"]}


FAIR = {"name": "A", "categories": ["results"], "days": 3}
WRONG: tuple[dict[str, object], ...] = (
    {"name": ""}, {"name": " "}, {"name": 7}, {"name": "A" * 81}, {"name": "A\u202e"}, {"name": "A\n"}, {"name": "A\0"},
    {"categories": []}, {"categories": ["results", "nonsense"]}, {"categories": "results"}, {"categories": [{}]},
    {"days": 0}, {"days": 10**9}, {"days": "3"}, {"days": None}, {"years": -1}, {"years": 10**9}, {"years": "1"},
)  # fmt: skip


@pytest.mark.parametrize("body", [[], "x", 7, *({**FAIR, **wrong} for wrong in WRONG)])
def test_a_share_that_cannot_be_is_refused_and_not_made(mona: Visitor, body: object) -> None:
    before = len(mona.api("shares")["shares"])
    assert mona.post("/app/api/shares", body).status_code == 400
    assert len(mona.api("shares")["shares"]) == before


def test_a_body_beyond_the_limit_is_refused(mona: Visitor) -> None:
    assert mona.post("/app/api/shares", {"name": "A" * 20_000}).status_code == 413


@pytest.mark.parametrize("path", ["/app", "/app/", "/app/results/29463-7", "/app/nowhere", "/app/api/me", "/signin/x"])
def test_every_answer_carries_the_strict_policy(mona: Visitor, path: str) -> None:
    answer = mona.get(path)
    policy = answer.headers["content-security-policy"]
    assert policy.startswith("default-src 'self';")
    assert "unsafe" not in policy
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["referrer-policy"] == "no-referrer"


def test_personal_answers_are_never_stored_by_a_cache(mona: Visitor) -> None:
    assert {mona.get(f"/app/api/{path}").headers["cache-control"] for path in READS} == {"no-store"}


@pytest.mark.parametrize(
    "path",
    ["/app/../pages.py", "/app/%2e%2e/pages.py", "/app/..%2fpages.py", "/app/assets/%2e%2e/%2e%2e/door.py", "/app/%00"],
)
def test_d_26_no_path_leads_out_of_the_pages(stranger: Visitor, path: str) -> None:
    assert "import" not in stranger.get(path).text


def test_an_unknown_address_of_the_api_is_no_page(mona: Visitor) -> None:
    assert mona.get("/app/api/nothing").json() == {"reason": "absent"}


def test_https_makes_the_cookie_secure(house: House) -> None:
    from msgspec.structs import replace
    from starlette.applications import Starlette

    house_by_https = replace(house.context, base_url="https://record.example")
    visitor = Visitor(house)
    visitor._house = type("Door", (), {"app": Starlette(routes=routes(house_by_https))})()
    assert "secure" in visitor.get(house.invite("Adair")).headers["set-cookie"].lower()


def test_the_pages_name_nothing_outside_of_their_own_host(stranger: Visitor) -> None:
    page = stranger.get("/app/").text
    if "not built" in page:
        pytest.skip("the pages are not built: run make setup")
    files = re.findall(r'(?:src|href)="([^"]+)"', page)
    assert files
    assert all(name.startswith("/app/") for name in files)
    assert " style=" not in page
    assert "<script>" not in page
    for name in files:
        answer = stranger.get(name)
        assert answer.status_code == 200
        assert "url(http" not in answer.text


def test_the_mark_moves_with_the_record_and_not_by_looking(house: House, mona: Visitor) -> None:
    first = mona.get("/app/api/events")
    mona.api("timeline")
    same = mona.get("/app/api/events", If_None_Match=first.headers["etag"])
    assert (same.status_code, same.content) == (304, b"")
    house.deliver("harbour-clinic", *json.loads(json.dumps([_new_result()])))
    moved = mona.get("/app/api/events", If_None_Match=first.headers["etag"])
    assert moved.status_code == 200
    assert moved.headers["etag"] != first.headers["etag"]


def _new_result() -> dict[str, object]:
    from house import observation

    return observation("new", "2345-7", "Glucose", "2026-03-28T08:00:00Z", 101, unit="mg/dL")


def test_a_link_that_is_shown_starts_with_the_address_of_this_server(house: House) -> None:
    from mainstem import share

    assert share.invite(house.context, house.person("Adair"), "Mona").startswith(f"{BASE}/signin/mst_")
