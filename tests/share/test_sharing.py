from datetime import timedelta
from typing import Any

import pytest
from house import House, Visitor

from mainstem.fhir.types import TYPES
from mainstem.store import grants, own_record
from mainstem.store.access import authenticate
from mainstem.store.audit import Asker
from mainstem.store.grants import Offer

RESULTS = {"name": "Harbour Clinic app", "categories": ["results"], "days": 30}

LABORATORY = ["2160-0", "2823-3", "2823-3", "2823-3"]
"""Codes of what the category holds; the first was taken back by its source, and the receiver sees that it was."""


def made(mona: Visitor, **more: object) -> dict[str, Any]:
    answer = mona.post("/app/api/shares", {**RESULTS, **more})
    assert answer.status_code == 200, answer.text
    return answer.json()


def sees(house: House, token: str, family: str = "Adair") -> list[str]:
    """What the holder of a token is shown of a person: the read path with the clinic as the asker."""
    with house.context.database.connection() as tx:
        principal = authenticate(tx, token, house.clock())
        asker = Asker(principal=principal, now=house.clock(), request="test", vault=house.context.vault)
        seen = own_record.entries(tx, asker, house.person(family), list(TYPES), limit=500)
    return sorted(_name(one.resource) for one in seen)


def _name(resource: dict[str, Any]) -> str:
    type_ = resource["resourceType"]
    return resource["code"]["coding"][0]["code"] if type_ == "Observation" else type_


def act(mona: Visitor, share: dict[str, Any], verb: str) -> dict[str, Any]:
    answer = mona.post(f"/app/api/shares/{share['id']}/{verb}")
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_the_receiver_sees_exactly_what_was_chosen_then_nothing_then_again_then_never(
    house: House, mona: Visitor
) -> None:
    told = made(mona)
    share, token = told["share"], told["token"]
    assert share["state"] == "active"
    assert sees(house, token) == LABORATORY
    assert act(mona, share, "pause")["state"] == "paused"
    assert sees(house, token) == []
    assert act(mona, share, "resume")["state"] == "active"
    assert sees(house, token) == LABORATORY
    assert act(mona, share, "stop")["state"] == "stopped"
    assert sees(house, token) == []


def test_the_fhir_door_keeps_to_the_share_too(house: House, mona: Visitor) -> None:
    told = made(mona)
    clinic = Visitor(house)

    def found(type_: str) -> int:
        return len(clinic.fhir(f"{type_}?_count=200", told["token"]).json().get("entry", ()))

    assert (found("Observation"), found("AllergyIntolerance"), found("Patient")) == (len(LABORATORY), 0, 0)
    act(mona, told["share"], "pause")
    assert found("Observation") == 0
    act(mona, told["share"], "resume")
    assert found("Observation") == len(LABORATORY)
    act(mona, told["share"], "stop")
    assert clinic.fhir("Observation", told["token"]).status_code == 401


def test_a_stopped_share_cannot_be_resumed_and_its_token_is_dead(house: House, mona: Visitor) -> None:
    told = made(mona)
    act(mona, told["share"], "stop")
    assert mona.post(f"/app/api/shares/{told['share']['id']}/resume").status_code == 404
    with house.context.database.connection() as tx:
        assert authenticate(tx, told["token"], house.clock()) is None


def test_a_share_opens_nobody_elses_record(house: House, mona: Visitor) -> None:
    token = made(mona, categories=["everything"])["token"]
    assert sees(house, token, "Birk") == []
    assert "Patient" in sees(house, token)


def test_a_share_ends_by_itself(house: House, mona: Visitor) -> None:
    told = made(mona, days=7)
    house.clock.move(days=7)
    assert sees(house, told["token"]) == []
    with house.context.database.connection() as tx:
        found = grants.find(tx, house.person("Adair"), int(told["share"]["id"]), house.clock())
    assert found is not None
    assert found.state == "ended"


def test_a_window_of_dates_hides_what_is_older(house: House, mona: Visitor) -> None:
    told = made(mona, years=1)
    assert told["share"]["since"] < "2025-12-31"
    assert sees(house, told["token"]) == LABORATORY[:-1]


def test_the_preview_says_how_many_entries_the_receiver_would_see(house: House, mona: Visitor) -> None:
    for query, more in (("categories=results", {}), ("categories=results&years=1", {"years": 1})):
        told = mona.api(f"shares/preview?{query}")
        assert told["covered"] == len(sees(house, made(mona, **more)["token"]))
        assert told["of"] > told["covered"]


def test_b_01_nobody_can_change_a_share_of_somebody_else(house: House, mona: Visitor) -> None:
    share = made(mona)["share"]
    olga = Visitor(house)
    olga.get(house.invite("Birk"))
    for verb in ("pause", "resume", "stop"):
        assert olga.post(f"/app/api/shares/{share['id']}/{verb}").status_code == 404
    assert share["id"] not in {one["id"] for one in olga.api("shares")["shares"]}
    assert next(one for one in mona.api("shares")["shares"] if one["id"] == share["id"])["state"] == "active"


def test_a_person_cannot_stop_their_own_access_by_number(house: House, mona: Visitor) -> None:
    with house.context.database.connection() as tx:
        row = tx.execute(
            "select id from grant_row where basis = 'self' and person = %s", (house.person("Adair"),)
        ).fetchone()
    assert row is not None
    assert mona.post(f"/app/api/shares/{row[0]}/stop").status_code == 404
    assert mona.get("/app/api/me").status_code == 200


@pytest.mark.parametrize("number", ["0", "-1", "x", "9" * 30, "1.5"])
def test_a_share_that_is_not_there(mona: Visitor, number: str) -> None:
    assert mona.post(f"/app/api/shares/{number}/pause").status_code == 404


def test_the_page_lists_who_looked_at_what_and_by_which_grant(house: House, mona: Visitor) -> None:
    told = made(mona, name="Doctor Lee")
    sees(house, told["token"])
    look = next(one for one in mona.api("activity") if one["who"] == "Doctor Lee" and one["rows"])
    assert (look["verb"], look["rows"], look["why"]) == ("search", len(LABORATORY), told["share"]["words"])
    share = next(one for one in mona.api("shares")["shares"] if one["name"] == "Doctor Lee")
    assert share["looked"] == 1


def test_the_activity_leaves_the_person_out_unless_asked(mona: Visitor) -> None:
    mona.api("timeline")
    assert "patient" not in {one["kind"] for one in mona.api("activity")}
    assert "patient" in {one["kind"] for one in mona.api("activity?who=all")}


def test_nobody_sees_who_looked_at_another_record(house: House, mona: Visitor) -> None:
    sees(house, made(mona, name="Only Mona")["token"])
    olga = Visitor(house)
    olga.get(house.invite("Birk"))
    assert "Only Mona" not in str(olga.api("activity?who=all"))


def test_the_token_is_told_once_and_kept_only_as_a_hash(house: House, mona: Visitor) -> None:
    token = made(mona)["token"]
    assert token not in str(mona.api("shares"))
    with house.context.database.connection() as tx:
        row = tx.execute(
            "select count(*) from token where encode(hash, 'escape') like %s", (f"%{token[4:]}%",)
        ).fetchone()
    assert row == (0,)


def test_the_sentence_comes_from_the_row(mona: Visitor) -> None:
    words = made(mona, categories=["results", "vital-signs"])["share"]["words"]
    assert words.startswith(
        "Harbour Clinic app can see your lab results and weight, blood pressure and other vital signs"
    )


def test_everything_still_leaves_out_what_the_person_hid(house: House) -> None:
    offer = Offer(name="A", categories=("everything",), since=None, until=house.clock() + timedelta(days=1))
    from mainstem.trust.categories import LABELS

    assert not grants.terms(offer, grantee=1, person=1, now=house.clock()).labels & LABELS["withheld"]
