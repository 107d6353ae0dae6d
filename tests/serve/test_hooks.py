"""CDS Hooks: messages accepted or refused as the official suite says, and cards only of what the caller may see."""

import json
import os
import secrets
import sys
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest
from starlette.applications import Starlette

from mainstem.insight.flags import DETAIL
from mainstem.insight.rules import book
from mainstem.model.ids import number
from mainstem.model.names import RULE
from mainstem.serve import routes
from mainstem.store.context import Context
from mainstem.store.database import Database
from mainstem.trust.categories import CATEGORIES

sys.path.insert(0, str(Path(__file__).parents[1]))
from clients import Client, client_of
from recorder import NOW, Recorder, observation, patient

FIXTURES = Path(os.environ.get("MAINSTEM_FIXTURES", Path(__file__).parents[3] / "shared" / "fixtures"))
MESSAGES = FIXTURES / "conformance" / "cds-hooks" / "files"
SERVICE = "/cds-services/mainstem-patient-view"


@pytest.fixture(scope="module")
def world(database: Database) -> Recorder:
    recorder = Recorder(database)
    a = recorder.id("a")
    weight = observation(recorder.id("w"), a, "29463-7", "2026-03-28", category="vital-signs",
                         valueQuantity={"value": 81, "unit": "kg", "code": "kg"})  # fmt: skip
    flag = {
        "resourceType": "Flag", "id": recorder.id("f"), "status": "active", "subject": {"reference": f"Patient/{a}"},
        "code": {"coding": [{"system": RULE, "code": book().rule[0].id}], "text": "Weight rose"},
        "period": {"start": "2026-03-28"},
        "extension": [{"url": DETAIL, "valueReference": {"reference": f"Observation/{recorder.id('w')}"}}],
    }  # fmt: skip
    recorder.publish([patient(a, "Ames"), weight, flag], a)
    return recorder


@pytest.fixture(scope="module")
def client(world: Recorder) -> Generator[Client]:
    context = Context(
        database=world.database, vault=world.vault, reference=world.reference, clock=lambda: NOW,
        random_bytes=secrets.token_bytes, base_url="http://testserver",
    )  # fmt: skip
    with client_of(Starlette(routes=routes(context))) as found:
        yield found


def asked(client: Client, token: str, body: bytes) -> tuple[int, dict[str, Any]]:
    response = client.post(SERVICE, content=body, headers={"authorization": f"Bearer {token}"})
    return response.status_code, response.json()


def call(person: str) -> bytes:
    context = {"patientId": person, "userId": "Practitioner/1"}
    told = {"hook": "patient-view", "hookInstance": "d1577c69-dfbe-44ad-ba6d-3e05e953b2ea", "context": context}
    return json.dumps(told).encode()


def test_an_active_alert_is_a_card(client: Client, world: Recorder) -> None:
    status, told = asked(client, world.operator(), call(world.id("a")))
    assert status == 200
    (card,) = told["cards"]
    assert card["summary"].endswith("Weight rose")
    assert card["source"]["label"]
    assert card["indicator"] in {"info", "warning", "critical"}


def test_a_card_is_shown_to_whom_alerts_are_granted_only(client: Client, world: Recorder) -> None:
    person = number(world.id("a"))
    demographics, alerts = CATEGORIES["demographics"], CATEGORIES["alerts"]
    hidden = world.reader(person=person, cats=demographics)
    shown = world.reader(person=person, cats=demographics | alerts)
    assert asked(client, hidden, call(world.id("a")))[1] == {"cards": []}
    assert len(asked(client, shown, call(world.id("a")))[1]["cards"]) == 1
    stranger = world.reader()
    assert asked(client, stranger, call(world.id("a")))[1] == {"cards": []}
    assert asked(client, stranger, call(world.id("never")))[1] == {"cards": []}


@pytest.mark.fixtures
@pytest.mark.skipif(not MESSAGES.is_dir(), reason="the shared fixtures are not here")
@pytest.mark.parametrize(
    ("name", "status"),
    [("pv-good", 200), ("patient-view-good", 200), ("patient-view-bad", 400), ("order-sign-good", 400)],
)
def test_the_official_messages_are_accepted_or_refused(client: Client, world: Recorder, name: str, status: int) -> None:
    body = (MESSAGES / f"cdshooks-request-{name}.json").read_bytes()
    assert asked(client, world.operator(), body)[0] == status
