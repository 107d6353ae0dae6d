"""CDS Hooks 2.0 cards: short, explained, with the evidence, its age and what is missing."""

from collections.abc import Callable, Sequence
from datetime import datetime

import pytest

from mainstem.insight.cards import cards
from mainstem.insight.rules import book
from mainstem.model.fact import Resource
from mainstem.model.record import Entry

Build = Callable[..., Entry]
Alerts = Callable[[Sequence[Entry]], list[Entry]]
NOW = datetime.fromisoformat("2026-03-10T08:00:00+00:00")


@pytest.fixture
def gained(weight: Build, alerts: Alerts) -> tuple[list[Resource], dict[str, Resource]]:
    entries = [weight("2026-03-06", "88"), weight("2026-03-09", "90.2")]
    flags = [flag.resource for flag in alerts(entries)]
    return flags, {f"Observation/{each.id}": each.resource for each in entries}


def test_a_card_says_what_holds_on_which_readings_how_old_and_from_where(
    gained: tuple[list[Resource], dict[str, Resource]],
) -> None:
    flags, seen = gained
    [card] = cards(flags, seen, NOW)
    assert card["uuid"] == flags[0]["id"]
    assert card["indicator"] == "warning"
    assert len(card["summary"]) < 140
    assert card["summary"].startswith("Rapid weight gain: Weight rose by 2.2 kg in 3 days")
    assert card["source"]["label"]
    assert card["source"]["url"].startswith("https://doi.org/")
    assert card["source"]["topic"]["code"] == "weight-gain"
    for words in (
        "- 2026-03-09T06:30:00+01:00: 90.2 kg\n- 2026-03-06T06:30:00+01:00: 88 kg",
        "the newest reading is 26 h old",
        "no weight on 2026-03-07",
        "not looked at: symptoms",
        "Ledwidge MT et al.",
        "Rule weight-gain, version 1",
    ):
        assert words in card["detail"]


def test_no_card_claims_to_predict_or_to_diagnose(gained: tuple[list[Resource], dict[str, Resource]]) -> None:
    flags, seen = gained
    text = str(cards(flags, seen, NOW)).casefold() + str(book()).casefold()
    assert not any(word in text for word in ("predict", "diagnos", "you have", "risk of"))


def test_old_evidence_is_said_to_be_old(gained: tuple[list[Resource], dict[str, Resource]]) -> None:
    flags, seen = gained
    [card] = cards(flags, seen, NOW.replace(month=4))
    assert "32 days old: too old for this rule to speak of today" in card["detail"]


def test_evidence_that_the_reader_may_not_see_is_counted_not_shown(
    gained: tuple[list[Resource], dict[str, Resource]],
) -> None:
    flags, seen = gained
    [some] = cards(flags, dict(list(seen.items())[1:]), NOW)
    assert "readings that you may not see: 1" in some["detail"]
    [none] = cards(flags, {}, NOW)
    assert "the readings cannot be seen here" in none["detail"]
    assert "**Evidence**" not in none["detail"]


def test_inactive_and_foreign_flags_give_no_card(gained: tuple[list[Resource], dict[str, Resource]]) -> None:
    flags, seen = gained
    foreign = {**flags[0], "code": {"coding": [{"system": "urn:other", "code": "weight-gain"}]}}
    assert cards([{**flags[0], "status": "inactive"}, foreign], seen, NOW) == []


def test_the_most_urgent_card_comes_first_and_long_evidence_is_counted(
    pressure: Build, alerts: Alerts, gained: tuple[list[Resource], dict[str, Resource]]
) -> None:
    readings = [pressure(f"2026-03-{d:02}T{h:02}:00:00Z", "150", "90") for d in range(1, 8) for h in (7, 8)]
    readings.append(pressure("2026-03-07T20:00:00Z", "190", "100"))
    flags = [*gained[0], *(flag.resource for flag in alerts(readings))]
    seen = {f"Observation/{each.id}": each.resource for each in readings}
    found = cards(flags, seen, NOW)
    assert [card["indicator"] for card in found] == ["critical", "warning", "warning"]
    assert found[1]["source"]["topic"]["code"] == "weight-gain", "the newer of two"
    assert "190 mm[Hg], 100 mm[Hg]" in found[0]["detail"]
    assert "more" in found[2]["detail"]
    assert all(len(card["summary"]) < 140 for card in found)


def test_a_long_text_is_cut_at_a_word(gained: tuple[list[Resource], dict[str, Resource]]) -> None:
    flags, seen = gained
    long = {**flags[0], "code": {**flags[0]["code"], "text": "word " * 60}}
    [card] = cards([long], seen, NOW)
    assert len(card["summary"]) < 140
    assert card["summary"].endswith("word \u2026")


def test_what_has_no_time_and_no_text_still_gives_a_card(gained: tuple[list[Resource], dict[str, Resource]]) -> None:
    flags, seen = gained
    bare = {"resourceType": "Flag", "id": "f", "status": "active", "code": {"coding": flags[0]["code"]["coding"]}}
    [card] = cards([bare], seen, NOW)
    assert card["summary"].startswith("Rapid weight gain")
    assert "**Age**" not in card["detail"]
