"""Originals at their own addresses, old ids, and Provenance that leads from one to the other: over real deliveries."""

import json
import secrets
import sys
from collections.abc import Generator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from starlette.applications import Starlette

from mainstem import formats
from mainstem.model.fact import Delivery
from mainstem.model.ids import Namer, number
from mainstem.model.reference import Reference
from mainstem.pipeline import Pipeline
from mainstem.serve import EXCEPTION_HANDLERS, routes
from mainstem.store.access import operator_token
from mainstem.store.context import Context
from mainstem.store.database import Database
from mainstem.store.vault import Vault
from mainstem.trust.categories import CATEGORIES
from mainstem.trust.keys import Keys

sys.path.insert(0, str(Path(__file__).parents[1]))
from clients import Client, client_of
from recorder import NOW, Recorder

BASE = "http://testserver"
LOINC = "http://loinc.org"


def person(key: str, **more: Any) -> dict[str, Any]:  # noqa: ANN401 - any JSON value
    return {
        "resourceType": "Patient", "id": key, "name": [{"family": "Adair", "given": ["Mona"]}], "gender": "female",
        "birthDate": "1961-02-03", "identifier": [{"system": "urn:oid:1.2.3", "value": "0188"}],
        "telecom": [{"system": "phone", "value": "503-555-0188"}], **more,
    }  # fmt: skip


def weight(key: str, value: float, unit: str, **more: Any) -> dict[str, Any]:  # noqa: ANN401 - any JSON value
    return {
        "resourceType": "Observation", "id": key, "status": "final", "subject": {"reference": "Patient/p1"},
        "category": [{"coding": [{"code": "vital-signs"}]}], "effectiveDateTime": "2026-03-21T09:00:00Z",
        "code": {"coding": [{"system": LOINC, "code": "29463-7"}]},
        "valueQuantity": {"value": value, "unit": unit}, **more,
    }  # fmt: skip


class House:
    """A pipeline and the door over the same database."""

    def __init__(self, database: Database) -> None:
        self.recorder = Recorder(database)
        keys = Keys(namer=Namer(b"n" * 32), kek=b"k" * 32)
        self.vault = Vault(keys, secrets.token_bytes)
        reference = Reference(namer=keys.namer, readers=formats.READERS)
        self.context = Context(
            database=database, vault=self.vault, reference=reference, clock=lambda: NOW,
            random_bytes=secrets.token_bytes, base_url=BASE,
        )  # fmt: skip
        self.pipeline = Pipeline(database, self.vault, reference, lambda: NOW)
        self.app = Starlette(
            routes=routes(self.context),
            exception_handlers=EXCEPTION_HANDLERS,  # type: ignore[arg-type] - the library's type is narrower
        )
        self.deliver(
            "alpha", person("p1"), weight("lb", 154, "[lb_av]"), weight("k1", 5, "mmol/L", effectiveDateTime="2025")
        )
        self.deliver("beta", person("p1"), weight("kg", 69.85, "kg"))

    def deliver(self, source: str, *resources: dict[str, Any]) -> None:
        body = b"\n".join(json.dumps(each).encode() for each in resources)
        self.pipeline.apply(Delivery(source=source, name="x", media="application/fhir+ndjson", body=body, received=NOW))

    def token(self) -> str:
        with self.context.database.connection() as tx:
            return operator_token(
                tx, scope="system/*.cruds", ttl=timedelta(hours=1), now=NOW, random_bytes=secrets.token_bytes
            )


@pytest.fixture(scope="module")
def house(database: Database) -> House:
    return House(database)


@pytest.fixture
def client(house: House) -> Generator[Client]:
    with client_of(house.app) as found:
        found.headers["authorization"] = f"Bearer {house.token()}"
        yield found


def test_an_original_keeps_its_own_words_beside_the_harmonised_ones(client: Client) -> None:
    told = client.get("/fhir/source/alpha/Observation/lb").json()
    assert told["id"] == "lb"
    assert told["subject"] == {"reference": "Patient/p1"}
    assert told["valueQuantity"]["code"] == "kg"
    sent = [each for each in told["valueQuantity"]["extension"] if each["url"] == "urn:mainstem:source-value"]
    assert sent[0]["valueQuantity"]["value"] == 154
    tags = {each["system"]: each for each in told["meta"]["tag"]}
    assert tags["urn:mainstem:source"]["code"] == "alpha"
    assert tags["urn:mainstem:delivery"]["code"].isdigit()


def test_a_provenance_leads_to_the_originals_of_both_sources(client: Client) -> None:
    found = client.get("/fhir/Observation?code=29463-7&date=2026").json()["entry"]
    assert len(found) == 1
    told = client.get(f"/fhir/Provenance/{found[0]['resource']['id']}").json()
    places = {each["what"]["reference"] for each in told["entity"]}
    assert places == {"source/alpha/Observation/lb", "source/beta/Observation/kg"}
    for place in places:
        assert client.get(f"/fhir/{place}").status_code == 200


def test_a_source_lists_its_records_by_patient_and_code(client: Client) -> None:
    told = client.get("/fhir/source/alpha/Observation").json()
    assert {each["resource"]["id"] for each in told["entry"]} == {"lb", "k1"}
    first = client.get("/fhir/source/alpha/Observation?_count=1&patient=p1").json()
    following = next(link["url"] for link in first["link"] if link["relation"] == "next")
    second = client.get(following).json()
    assert {each["resource"]["id"] for page in (first, second) for each in page["entry"]} == {"lb", "k1"}
    assert len(client.get(f"/fhir/source/alpha/Observation?code={LOINC}|29463-7").json()["entry"]) == 2
    assert "entry" not in client.get("/fhir/source/alpha/Observation?code=1").json()
    assert "entry" not in client.get("/fhir/source/alpha/Observation?patient=Patient/p2").json()
    assert client.get("/fhir/source/alpha/Patient?code=1").status_code == 400
    assert client.get("/fhir/source/alpha/Observation?status=final").status_code == 400


def test_every_version_that_a_source_stated_is_there(client: Client, house: House) -> None:
    house.deliver("beta", weight("kg", 69.9, "kg", status="amended"))
    told = client.get("/fhir/source/beta/Observation/kg/_history").json()
    assert told["total"] == 2
    etags = [each["response"]["etag"] for each in told["entry"]]
    statuses = set()
    for etag in etags:
        version = etag.removeprefix('W/"').removesuffix('"')
        response = client.get(f"/fhir/source/beta/Observation/kg/_history/{version}")
        assert response.headers["etag"] == etag
        statuses.add(response.json()["status"])
    assert statuses == {"final", "amended"}
    newest = client.get("/fhir/source/beta/Observation/kg")
    assert (
        client.get("/fhir/source/beta/Observation/kg", headers={"if-none-match": newest.headers["etag"]}).status_code
        == 304
    )
    assert client.get("/fhir/source/beta/Observation/kg/_history/abc").status_code == 404
    assert client.get("/fhir/source/beta/Observation/none/_history").status_code == 404


def test_an_original_is_hidden_where_what_it_became_is_hidden(client: Client, house: House) -> None:
    record = number(house.context.reference.namer.record("alpha", "Patient", "p1"))
    with house.context.database.connection() as tx:
        row = tx.execute("select person from member where record = %s", (record,)).fetchone()
    assert row is not None
    vital = house.recorder.reader(person=row[0], cats=CATEGORIES["vital-signs"])
    results = house.recorder.reader(person=row[0], cats=CATEGORIES["results"])
    for token, status in ((vital, 200), (results, 404)):
        headers = {"authorization": f"Bearer {token}"}
        for path in ("lb", "lb/_history"):
            assert client.get(f"/fhir/source/alpha/Observation/{path}", headers=headers).status_code == status
        listed = client.get("/fhir/source/alpha/Observation", headers=headers).json()
        assert ("entry" in listed) == (status == 200)
        assert client.get("/fhir/source/alpha/Patient/p1", headers=headers).status_code == 404


def test_an_id_that_was_published_before_shows_what_it_stands_for_now(client: Client, house: House) -> None:
    house.deliver(
        "gamma", person("g1", identifier=[], telecom=[{"system": "phone", "value": "1"}], name=[{"family": "Zed"}])
    )
    apart = {
        client.get(f"/fhir/Patient?family={name}").json()["entry"][0]["resource"]["id"] for name in ("Zed", "Adair")
    }
    house.deliver("gamma", person("g1"))
    merged = client.get("/fhir/Patient?family=Adair").json()["entry"]
    assert len(merged) == 1
    now = merged[0]["resource"]["id"]
    (old,) = apart - {now}
    response = client.get(f"/fhir/Patient/{old}")
    assert response.status_code == 200
    assert response.json()["id"] == now
    assert response.headers["content-location"].startswith(f"{BASE}/fhir/Patient/{now}/_history/")
    found = client.get("/fhir/Observation", params={"patient": old}).json()["entry"]
    assert len(found) >= 2


def test_each_members_own_id_finds_the_resource_that_it_became(client: Client, house: House) -> None:
    namer = house.context.reference.namer
    ids = [namer.record("alpha", "Observation", "lb"), namer.record("beta", "Observation", "kg")]
    answers = [client.get(f"/fhir/Observation/{each}") for each in ids]
    assert all(each.status_code == 200 for each in answers)
