"""The scale and cuff feed: errors in bodies of HTTP 200, exact decimals, nothing assigned by guess (WEAR-6)."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import anyio
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mainstem.model.fact import Delivery, Fact
from mainstem.model.outcome import Outcome
from mainstem.model.problem import Problem
from mainstem.sync.connector import Answer, Cursor, Reauthorise, Refused, TryLater
from mainstem.sync.discovery import discover, speaking

SOURCE = speaking(discover().values(), "withings-measure")
NOW = datetime(2026, 6, 2, 9, 30, tzinfo=UTC)
TAKEN = 1_772_953_200


class Vendor:
    """Answers every question with one body."""

    def __init__(self, body: object) -> None:
        self.body = body

    async def get(self, url: str, *, query: Mapping[str, str] | None = None, account: str = "") -> Answer:
        raise NotImplementedError

    async def post(self, url: str, *, form: Mapping[str, str], account: str = "") -> Answer:
        await anyio.lowlevel.checkpoint()
        assert (url, account, form["action"], form["category"]) == ("measure", "17", "getmeas", "1")
        return Answer(status=200, url=url, headers={}, body=json.dumps(self.body).encode())


def pull(body: object) -> list[bytes]:
    async def go() -> list[bytes]:
        options = msgspec.convert({"accounts": ["17"]}, SOURCE.options)
        return [chunk.body async for chunk in SOURCE.pull(Vendor(body), "17", Cursor(), options)]

    return anyio.run(go)


def read(*groups: dict[str, Any]) -> Outcome[Fact]:
    body = {"userid": "17", "profile": None, "answer": {"status": 0, "body": {"measuregrps": groups}}}
    assert SOURCE.read is not None
    media = SOURCE.manifest.media
    return SOURCE.read(Delivery(source="s", name="n", media=media, body=json.dumps(body).encode(), received=NOW))


def group(**changes: object) -> dict[str, Any]:
    weight = {"value": 82450, "type": 1, "unit": -3}
    return {"grpid": 5, "date": TAKEN, "modified": TAKEN, "attrib": 0, "category": 1, "measures": [weight], **changes}


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (401, Reauthorise),
        (100, Reauthorise),
        (601, TryLater),
        (522, TryLater),
        (2555, Refused),
        (503, Refused),
        (999, TryLater),
    ],
)
def test_a_status_in_the_body_is_named_by_what_recovers_it(status: int, error: type[Exception]) -> None:
    with pytest.raises(error, match=str(status)):
        pull({"status": status, "body": {}, "error": "x"})


def test_an_answer_of_another_form_is_refused() -> None:
    with pytest.raises(Refused):
        pull({"status": "fine"})


def test_nothing_new_is_no_delivery() -> None:
    assert pull({"status": 0, "body": {"updatetime": TAKEN, "measuregrps": []}}) == []


@given(st.integers(-(10**9), 10**9), st.integers(-12, 12))
def test_a_value_is_exact_to_the_digit(value: int, unit: int) -> None:
    kept = read(group(measures=[{"value": value, "type": 1, "unit": unit}])).kept
    shown = next(fact for fact in kept if fact.type == "Observation").resource["valueQuantity"]["value"]
    assert shown == Decimal(value) * Decimal(10) ** unit
    assert "E" not in str(shown) or abs(shown) < Decimal("0.000001")


@pytest.mark.parametrize("attrib", [1, 3, 15, 99])
def test_cons_9_a_measurement_of_an_uncertain_person_is_held_and_belongs_to_nobody(attrib: int) -> None:
    outcome = read(group(attrib=attrib))
    assert [held.problem for held in outcome.held] == [Problem.AMBIGUOUS_PERSON]
    fact = outcome.held[0].fact
    assert fact is not None
    assert fact.subject is None
    assert "subject" not in fact.resource
    assert all(kept.type != "Observation" for kept in outcome.kept)


def test_a_revision_keeps_its_key_and_sorts_after() -> None:
    first = next(f for f in read(group()).kept if f.type == "Observation")
    later = next(f for f in read(group(modified=TAKEN + 60, attrib=7)).kept if f.type == "Observation")
    assert first.key == later.key
    assert first.order < later.order


@pytest.mark.parametrize("date", [0, 946_684_800, TAKEN * 1000, int(NOW.timestamp()) + 200_000])
def test_wear_14_a_wrong_clock_is_held(date: int) -> None:
    assert [held.problem for held in read(group(date=date)).held] == [Problem.BAD_DATE]


@pytest.mark.parametrize(
    ("zone", "expected"),
    [
        ("America/New_York", "2026-03-08T03:00:00-04:00"),
        ("Europe/Berlin", "2026-03-08T08:00:00+01:00"),
        ("Pacific/Chatham", "2026-03-08T20:45:00+13:45"),
        ("Nowhere/Land", "2026-03-08T07:00:00+00:00"),
        ("../../etc/passwd", "2026-03-08T07:00:00+00:00"),
    ],
)
def test_wear_13_the_offset_is_the_zones_at_that_moment(zone: str, expected: str) -> None:
    resource = next(f for f in read(group(timezone=zone)).kept if f.type == "Observation").resource
    assert resource["effectiveDateTime"] == expected
