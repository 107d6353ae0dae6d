"""The FHIR API from outside, as a client library meets it."""

import json
import secrets
import sys
from collections.abc import Generator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from starlette.applications import Starlette

from mainstem.model.ids import number
from mainstem.serve import EXCEPTION_HANDLERS, routes
from mainstem.store.access import issue_token, new_grantee, write_grant
from mainstem.store.context import Context
from mainstem.store.database import Database
from mainstem.trust.categories import CATEGORIES
from mainstem.trust.grants import Grant

sys.path.insert(0, str(Path(__file__).parents[1]))
from clients import Client, client_of
from recorder import NOW, Recorder, observation, patient

BASE = "http://testserver"


@pytest.fixture(scope="module")
def world(database: Database) -> Recorder:
    recorder = Recorder(database)
    a, b, clinic = recorder.id("a"), recorder.id("b"), recorder.id("clinic")
    recorder.publish([{"resourceType": "Organization", "id": clinic, "name": "Harbour Clinic"}])
    by = {"performer": [{"reference": f"Organization/{clinic}"}]}
    results = [observation(recorder.id("o", str(n)), a, "2823-3", f"2024-01-{n + 1:02d}", **by) for n in range(5)]
    weight = observation(recorder.id("w"), a, "29463-7", "2024-03-01", category="vital-signs")
    recorder.publish([patient(a, "Ames"), *results, weight], a)
    changed = {**results[0], "status": "amended"}
    recorder.publish([changed], a, NOW + timedelta(minutes=1))
    recorder.publish([patient(b, "Bates"), observation(recorder.id("gone"), b, "718-7", "2024")], b)
    recorder.withdraw(recorder.id("gone"), b, NOW + timedelta(minutes=2))
    hiv = {"security": [{"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "HIV"}]}
    recorder.publish([observation(recorder.id("secret"), a, "75622-1", "2024-02-02", meta=hiv)], a)
    return recorder


@pytest.fixture(scope="module")
def client(world: Recorder) -> Generator[Client]:
    context = Context(
        database=world.database, vault=world.vault, reference=world.reference, clock=lambda: NOW,
        random_bytes=secrets.token_bytes, base_url=BASE,
    )  # fmt: skip
    app = Starlette(routes=routes(context), exception_handlers=EXCEPTION_HANDLERS)  # type: ignore[arg-type] - the library's type is narrower
    with client_of(app) as found:
        yield found


@pytest.fixture
def everyone(client: Client, world: Recorder) -> Generator[Client]:
    client.headers["authorization"] = f"Bearer {world.operator()}"
    yield client
    client.headers.pop("authorization", None)


def signed(token: str) -> dict[str, str]:
    return {"authorization": f"Bearer {token}"}


def issue(response: Any) -> dict[str, Any]:  # noqa: ANN401 - any JSON value
    told = response.json()
    assert told["resourceType"] == "OperationOutcome", told
    assert response.headers["content-type"] == "application/fhir+json"
    return told["issue"][0]


def test_the_capability_statement_needs_no_token_and_names_what_is_there(client: Client) -> None:
    told = client.get("/fhir/metadata").json()
    assert told["fhirVersion"] == "4.0.1"
    by_type = {each["type"]: each for each in told["rest"][0]["resource"]}
    assert "Provenance" in by_type
    assert {"code", "patient", "date", "_id"} <= {each["name"] for each in by_type["Observation"]["searchParam"]}


def test_a_read_has_version_headers_and_is_never_stored_by_caches(everyone: Client, world: Recorder) -> None:
    response = everyone.get(f"/fhir/Observation/{world.id('o', '0')}", headers={"x-request-id": "abc"})
    assert response.status_code == 200
    assert response.headers["etag"] == 'W/"2"'
    assert response.headers["cache-control"] == "no-store"
    assert response.headers["x-request-id"] == "abc"
    assert response.headers["content-type"] == "application/fhir+json"
    assert response.json()["meta"]["versionId"] == "2"
    again = everyone.get(f"/fhir/Observation/{world.id('o', '0')}", headers={"if-none-match": 'W/"2"'})
    assert (again.status_code, again.content) == (304, b"")
    head = everyone.head(f"/fhir/Observation/{world.id('o', '0')}")
    assert (head.status_code, head.content) == (200, b"")


def test_versions_are_listed_newest_first_and_read_one_by_one(everyone: Client, world: Recorder) -> None:
    address = f"/fhir/Observation/{world.id('o', '0')}"
    told = everyone.get(f"{address}/_history").json()
    assert [each["resource"]["status"] for each in told["entry"]] == ["amended", "final"]
    assert [each["request"]["method"] for each in told["entry"]] == ["PUT", "POST"]
    assert everyone.get(f"{address}/_history/1").json()["status"] == "final"
    assert everyone.get(f"{address}/_history/2").json()["status"] == "amended"
    assert everyone.get(f"{address}/_history/3").status_code == 404
    assert everyone.get(f"{address}/_history/x").status_code == 404
    first = everyone.get(f"{address}/_history?_count=1").json()
    following = next(link["url"] for link in first["link"] if link["relation"] == "next")
    assert [each["resource"]["status"] for each in everyone.get(following).json()["entry"]] == ["final"]


def test_what_was_taken_back_is_410_for_whom_it_was_visible_and_404_for_others(
    everyone: Client, world: Recorder
) -> None:
    address = f"/fhir/Observation/{world.id('gone')}"
    response = everyone.get(address)
    assert response.status_code == 410
    assert issue(response)["code"] == "deleted"
    history = everyone.get(f"{address}/_history").json()
    assert [each["request"]["method"] for each in history["entry"]] == ["DELETE", "POST"]
    assert everyone.get(f"{address}/_history/2").status_code == 410
    stranger = world.reader()
    assert everyone.get(address, headers=signed(stranger)).status_code == 404


def test_search_pages_hold_each_match_once_and_their_links_show_nothing(everyone: Client, world: Recorder) -> None:
    response = everyone.get("/fhir/Observation", params={"patient": world.id("a"), "_count": "2", "_total": "accurate"})
    told = response.json()
    assert told["total"] == 7
    seen: list[str] = []
    while True:
        seen += [each["resource"]["id"] for each in told["entry"]]
        following = [link["url"] for link in told["link"] if link["relation"] == "next"]
        if not following:
            break
        assert world.id("a") not in following[0]
        told = everyone.get(following[0]).json()
    assert len(seen) == len(set(seen)) == 7


def test_search_by_post_is_the_same_search(everyone: Client, world: Recorder) -> None:
    form = {"patient": world.id("a"), "code": "http://loinc.org|2823-3"}
    by_get = everyone.get("/fhir/Observation", params=form).json()
    by_post = everyone.post("/fhir/Observation/_search", data=form).json()
    assert [each["fullUrl"] for each in by_get["entry"]] == [each["fullUrl"] for each in by_post["entry"]]
    assert len(by_get["entry"]) == 5


def test_a_misspelt_parameter_is_refused_with_the_nearest_name(everyone: Client) -> None:
    response = everyone.get("/fhir/Observation?pateint=1")
    assert response.status_code == 400
    assert "Did you mean 'patient'?" in issue(response)["diagnostics"]
    lenient = everyone.get("/fhir/Observation?pateint=1", headers={"prefer": "handling=lenient"}).json()
    assert lenient["entry"][-1]["search"]["mode"] == "outcome"


def test_a_provenance_names_every_contributor_where_its_original_is(everyone: Client, world: Recorder) -> None:
    told = everyone.get(f"/fhir/Provenance/{world.id('w')}").json()
    assert told["target"] == [{"reference": f"Observation/{world.id('w')}"}]
    assert [each["what"]["reference"] for each in told["entity"]] == [
        "source/alpha/Observation/k1", "source/beta/Observation/k2",
    ]  # fmt: skip
    assert "180 lb = 81.6 kg" in told["entity"][1]["what"]["display"]
    found = everyone.get("/fhir/Provenance", params={"target": f"Observation/{world.id('w')}"}).json()
    assert [each["resource"]["id"] for each in found["entry"]] == [world.id("w")]
    assert "entry" not in everyone.get("/fhir/Provenance", params={"target": f"Condition/{world.id('w')}"}).json()
    assert everyone.get("/fhir/Provenance").status_code == 400
    along = everyone.get("/fhir/Observation", params={"code": "29463-7", "_revinclude": "Provenance:target"}).json()
    assert [each["search"]["mode"] for each in along["entry"]] == ["match", "include"]


def test_everything_holds_the_person_its_clinics_and_its_provenance(everyone: Client, world: Recorder) -> None:
    told = everyone.get(f"/fhir/Patient/{world.id('a')}/$everything").json()
    types = [each["resource"]["resourceType"] for each in told["entry"]]
    assert types.count("Observation") == 7
    assert types.count("Organization") == 1
    assert types.count("Provenance") == 8
    assert types.count("Patient") == 1
    first = everyone.get(f"/fhir/Patient/{world.id('a')}/$everything?_count=3&_type=Observation,Patient").json()
    seen = []
    while True:
        seen += [each["resource"]["id"] for each in first["entry"] if each["search"]["mode"] == "match"]
        following = [link["url"] for link in first["link"] if link["relation"] == "next"]
        if not following:
            break
        first = everyone.get(following[0]).json()
    assert len(seen) == len(set(seen)) == 8
    assert everyone.get("/fhir/Patient/nobody/$everything").status_code == 404


def test_a_grant_of_one_category_shows_exactly_that(client: Client, world: Recorder) -> None:
    token = world.reader(person=number(world.id("a")), cats=CATEGORIES["results"])
    found = client.get("/fhir/Observation", headers=signed(token)).json()
    assert len(found["entry"]) == 5
    assert client.get(f"/fhir/Observation/{world.id('w')}", headers=signed(token)).status_code == 404
    assert client.get(f"/fhir/Patient/{world.id('a')}", headers=signed(token)).status_code == 404
    assert client.get(f"/fhir/Observation/{world.id('secret')}", headers=signed(token)).status_code == 404
    assert client.get(f"/fhir/Provenance/{world.id('w')}", headers=signed(token)).status_code == 404
    assert client.get(f"/fhir/Organization/{world.id('clinic')}", headers=signed(token)).status_code == 200
    assert client.get("/fhir/Observation?_total=accurate", headers=signed(token)).json()["total"] == 5
    sensitive = world.reader(person=number(world.id("a")), labels=-1)
    assert client.get(f"/fhir/Observation/{world.id('secret')}", headers=signed(sensitive)).status_code == 200


def test_a_hidden_resource_cannot_be_told_from_one_that_never_was(client: Client, world: Recorder) -> None:
    token = world.reader(scope="system/*.rs")
    fixed = {**signed(token), "x-request-id": "same"}
    for path in ("Observation/{}", "Observation/{}/_history", "Observation/{}/_history/1", "Provenance/{}"):
        hidden = client.get(f"/fhir/{path.format(world.id('w'))}", headers=fixed)
        never = client.get(f"/fhir/{path.format(world.id('never'))}", headers=fixed)
        assert (hidden.status_code, hidden.content, hidden.headers) == (never.status_code, never.content, never.headers)
        assert hidden.status_code == 404


def test_without_a_valid_token_there_is_nothing_but_the_way_to_get_one(client: Client, world: Recorder) -> None:
    for headers in ({}, {"authorization": "Basic eDp5"}, signed("mst_" + "x" * 43), signed("'; drop table token; --")):
        response = client.get(f"/fhir/Patient/{world.id('a')}", headers=headers)
        assert response.status_code == 401
        assert response.headers["www-authenticate"].startswith("Bearer")
        assert issue(response)["code"] == "login"


def test_scopes_bound_what_may_be_asked_for(client: Client, world: Recorder) -> None:
    token = world.operator("system/Observation.r")
    assert client.get(f"/fhir/Observation/{world.id('w')}", headers=signed(token)).status_code == 200
    for address in ("/fhir/Observation", f"/fhir/Patient/{world.id('a')}", f"/fhir/Provenance/{world.id('w')}"):
        response = client.get(address, headers=signed(token))
        assert response.status_code == 403
        assert issue(response)["code"] == "forbidden"


def test_a_page_link_opens_for_its_own_principal_only(everyone: Client, world: Recorder) -> None:
    told = everyone.get("/fhir/Observation?_count=2").json()
    following = next(link["url"] for link in told["link"] if link["relation"] == "next")
    assert everyone.get(following).status_code == 200
    other = everyone.get(following, headers=signed(world.operator()))
    assert other.status_code == 400
    assert everyone.get(following.replace("Observation", "Patient")).status_code == 400
    for token in ("x", "%00", "AAAA", "é"):
        assert everyone.get(f"/fhir/Observation?_page={token}").status_code == 400


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/fhir/Observation?code=%00", 400),
        ("GET", "/fhir/Observation/%00", 400),
        ("GET", "/fhir/Observation?code=" + "x" * 40_000, 414),
        ("GET", "/fhir/Observation?_format=xml", 406),
        ("GET", "/fhir/Nothing/1", 404),
        ("GET", "/fhir/Nothing", 404),
        ("GET", "/fhir/Observation/a b", 404),
        ("GET", "/fhir/Patient/$match", 404),
        ("GET", "/fhir/Observation/1/2/3/4", 404),
        ("GET", "/fhir", 404),
        ("POST", "/fhir/Observation", 405),
        ("PUT", "/fhir/Observation/1", 405),
        ("DELETE", "/fhir/Observation/1", 405),
        ("GET", "/fhir/Observation/1?x=1", 400),
        ("GET", "/fhir/source/../Patient/1", 404),
        ("GET", "/fhir/source/Alpha/Patient/1", 404),
        ("GET", "/fhir/source/alpha/Patient/1", 404),
        ("GET", "/fhir/source/alpha/Patient?patient=%2e%2e%2f", 400),
        ("GET", "/fhir/Observation?code='%20or%201=1;--", 200),
        ("GET", "/fhir/Observation?_count=99999999999", 400),
        ("GET", "/fhir/Observation?date=9999-12-31", 400),
        ("GET", "/fhir/Observation?date=ap0001-01-01", 200),
    ],
)  # fmt: skip
def test_each_bad_request_has_its_own_answer(everyone: Client, method: str, path: str, status: int) -> None:
    response = everyone.request(method, path)
    assert response.status_code == status, response.text
    if status >= 400:
        assert issue(response)["severity"] == "error"
    if status == 405:
        assert "GET" in response.headers["allow"]


def test_the_accept_header_may_ask_for_json_only(everyone: Client, world: Recorder) -> None:
    address = f"/fhir/Patient/{world.id('a')}"
    assert everyone.get(address, headers={"accept": "application/fhir+xml"}).status_code == 406
    assert everyone.get(address, headers={"accept": "text/html, */*;q=0.1"}).status_code == 200
    assert everyone.get(f"{address}?_format=json&_pretty=true").text.count("\n") > 5


def test_a_body_that_is_too_large_is_refused_before_it_is_kept(everyone: Client) -> None:
    response = everyone.post("/fhir/Observation/_search", content=b"code=" + b"x" * 2_100_000)
    assert response.status_code == 413


def test_a_programmers_error_tells_nothing_of_the_inside(
    everyone: Client, world: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> bytes:
        raise RuntimeError("secret inside")

    monkeypatch.setattr(world.vault, "unseal", broken)
    response = everyone.get(f"/fhir/Patient/{world.id('a')}")
    assert response.status_code == 500
    assert "secret" not in response.text
    assert issue(response)["code"] == "exception"


def test_every_answer_is_in_the_audit_with_its_grant_before_it_leaves(everyone: Client, world: Recorder) -> None:
    everyone.get(f"/fhir/Observation/{world.id('w')}", headers={"x-request-id": "audit-1"})
    everyone.get(f"/fhir/Observation/{world.id('never')}", headers={"x-request-id": "audit-2"})
    everyone.get("/fhir/Observation?oops=1", headers={"x-request-id": "audit-3"})
    with world.database.connection() as tx:
        rows = tx.execute(
            "select request, verb, outcome, rows, grant_id is not null, person <> 0 from audit"
            " where request like 'audit-%%' order by request"
        ).fetchall()
    assert rows == [
        ("audit-1", "read", "ok", 1, True, True),
        ("audit-2", "read", "absent", 0, False, False),
        ("audit-3", "refuse", "invalid", 0, False, False),
    ]


def test_an_app_that_acts_for_a_person_sees_what_both_may_see(client: Client, world: Recorder) -> None:
    person = number(world.id("a"))
    given = {"valid_from": NOW - timedelta(days=1), "purpose": "care", "basis": "self"}
    with world.database.connection() as tx:
        owner = new_grantee(tx, kind="patient", name="Ann Ames", now=NOW, person=person)
        write_grant(tx, Grant(grantee=owner, person=person, labels=-1, **given), "Ann Ames", NOW)
        app = new_grantee(tx, kind="app", name="Chart", now=NOW)
        write_grant(tx, Grant(grantee=app, person=person, cats=CATEGORIES["vital-signs"], **given), "Chart", NOW)
        token = issue_token(
            tx, grantee=owner, client=app, scope="patient/*.rs", expires=NOW + timedelta(hours=1), now=NOW,
            random_bytes=secrets.token_bytes,
        )  # fmt: skip
    found = client.get("/fhir/Observation", headers=signed(token)).json()
    assert [each["resource"]["id"] for each in found["entry"]] == [world.id("w")]
    with world.database.connection() as tx:
        tx.execute("update grantee set paused_at = %s where id = %s", (NOW, app))
    assert "entry" not in client.get("/fhir/Observation", headers=signed(token)).json()


def test_health_and_metrics_tell_nothing_of_a_person(everyone: Client, world: Recorder) -> None:
    everyone.get(f"/fhir/Patient/{world.id('a')}")
    assert everyone.get("/healthz").text == "ok\n"
    assert everyone.get("/readyz").json() == {"database": True}
    told = everyone.get("/metrics").text
    assert 'route="/fhir/{type}/{id}",method="GET",status="200"' in told
    assert world.id("a") not in told


def test_cds_hooks_are_discovered_and_answered(everyone: Client, world: Recorder) -> None:
    services = everyone.get("/cds-services").json()["services"]
    assert [each["hook"] for each in services] == ["patient-view"]
    address = f"/cds-services/{services[0]['id']}"
    call = {
        "hook": "patient-view",
        "hookInstance": "d1577c69-dfbe-44ad-ba6d-3e05e953b2ea",
        "context": {"patientId": world.id("a"), "userId": "Practitioner/1"},
    }
    assert everyone.post(address, content=json.dumps(call)).json() == {"cards": []}
    assert everyone.post(address, content=json.dumps({**call, "hook": "order-sign"})).status_code == 400
    assert everyone.post(address, content=json.dumps({**call, "hookInstance": "1"})).status_code == 400
    assert everyone.post(address, content=b"{").status_code == 400
    assert everyone.post("/cds-services/other", content=json.dumps(call)).status_code == 404
    told = {"feedback": [{"card": "d1577c69-dfbe-44ad-ba6d-3e05e953b2ea", "outcome": "accepted"}]}
    assert everyone.post(f"{address}/feedback", content=json.dumps(told)).status_code == 200
    assert everyone.post(f"{address}/feedback", content=json.dumps({"feedback": []})).status_code == 400
