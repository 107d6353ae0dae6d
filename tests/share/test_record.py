import pytest
from house import House, Visitor, observation

from mainstem.store.session import Tx


def entry(mona: Visitor, title: str) -> dict[str, object]:
    return next(one for one in mona.api("timeline")["entries"] if one["title"] == title)


def origin(mona: Visitor, title: str) -> dict[str, object]:
    found = entry(mona, title)
    return mona.api(f"resource/{found['type']}/{found['id']}/origin")


def test_me_is_the_person_who_signed_in(mona: Visitor) -> None:
    me = mona.api("me")
    assert (me["name"], me["born"]) == ("Mona Adair", "1961-02-03")


def test_the_timeline_merges_all_types_newest_first_and_holds_nobody_else(mona: Visitor) -> None:
    entries = mona.api("timeline")["entries"]
    dates = [one["date"] for one in entries]
    assert dates == sorted(dates, reverse=True)
    assert {one["kind"] for one in entries} >= {"result", "medicine", "allergy", "vaccine", "problem", "visit", "alert"}
    assert not [one for one in entries if one["detail"].startswith("3.9")]


def test_a_date_stays_as_its_source_wrote_it(mona: Visitor) -> None:
    assert entry(mona, "Essential hypertension")["date"] == "2019-04"


def test_a_negation_is_shown_as_one(mona: Visitor) -> None:
    assert entry(mona, "Pneumococcal vaccine")["absent"] is True
    assert entry(mona, "Lisinopril 10 MG Oral Tablet")["absent"] is False


def test_what_a_source_took_back_is_shown_neither_on_the_timeline_nor_in_a_chart(mona: Visitor) -> None:
    assert "Creatinine" not in {one["title"] for one in mona.api("timeline")["entries"]}
    assert "2160-0" not in {one["code"] for one in mona.api("results")["series"]}


def test_the_timeline_pages_without_gap_or_double(mona: Visitor, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = [one["id"] for one in mona.api("timeline")["entries"]]
    monkeypatch.setattr("mainstem.share.record.PAGE", 4)
    seen, address = [], "timeline"
    for _ in range(len(whole)):
        page = mona.api(address)
        seen += [one["id"] for one in page["entries"]]
        if page["next"] is None:
            break
        address = "timeline?before=" + page["next"].replace("+", "%2B").replace("|", "%7C")
    assert seen == whole


@pytest.mark.parametrize("before", ["x", "2026|x", "|", "2026-01-01T00:00:00|99999999999999999999x", "%00"])
def test_a_page_that_was_never_given_is_refused(mona: Visitor, before: str) -> None:
    assert mona.get(f"/app/api/timeline?before={before}").status_code == 400


def test_one_kind_alone(mona: Visitor) -> None:
    assert {one["kind"] for one in mona.api("timeline?kind=allergy")["entries"]} == {"allergy"}
    assert mona.get("/app/api/timeline?kind=nonsense").status_code == 400


def test_results_are_series_with_units_ranges_and_sources(mona: Visitor) -> None:
    series = {one["key"]: one for one in mona.api("results")["series"]}
    potassium = series["2823-3"]
    assert potassium["lines"][0] == {"code": "2823-3", "label": "", "unit": "mmol/L", "low": 3.5, "high": 5.1}
    assert [point["values"] for point in potassium["points"]].count(["4.2"]) == 1
    assert {point["differs"] for point in potassium["points"] if point["date"].startswith("2026")} == {True}
    assert [line["label"] for line in series["85354-9"]["lines"]] == [
        "Systolic blood pressure",
        "Diastolic blood pressure",
    ]
    assert series["85354-9"]["points"][-1]["values"] == ["138", "86"]


def test_the_same_weight_in_pounds_and_kilograms_is_one_point_from_two_systems(mona: Visitor) -> None:
    weight = next(one for one in mona.api("results")["series"] if one["key"] == "29463-7")
    point = next(point for point in weight["points"] if point["date"].startswith("2026-03-21"))
    assert point["sources"] == ["harbour-clinic", "stadtspital"]


def test_i6_an_origin_leads_to_each_systems_own_words_and_delivery(mona: Visitor) -> None:
    weight = next(one for one in mona.api("results")["series"] if one["key"] == "29463-7")
    point = next(point for point in weight["points"] if len(point["sources"]) == 2)
    told = {one["source"]: one for one in mona.api(f"resource/Observation/{point['id']}/origin")["statements"]}
    assert told["harbour-clinic"]["said"] == "154 lb"
    assert told["harbour-clinic"]["became"].startswith("69.8")
    assert told["stadtspital"]["called"] == "Körpergewicht"
    assert told["stadtspital"]["delivery"]["name"] == "stadtspital.ndjson"
    assert '"id": "lb"' in told["harbour-clinic"]["original"]


def test_an_origin_shows_the_piece_of_a_delivery_and_nothing_beside_it(mona: Visitor) -> None:
    words = origin(mona, "Penicillin")["statements"][0]["original"]
    assert '"id": "a1"' in words
    assert "Lisinopril" not in words
    assert "Olga" not in words


def test_a_difference_names_both_values_and_who_says_them(mona: Visitor) -> None:
    (difference,) = mona.api("conflicts")
    said = {side["sources"][0]: side["value"] for side in difference["sides"]}
    assert said == {"harbour-clinic": "5.4 mmol/L", "stadtspital": "4.5 mmol/L"}


def test_an_alert_points_at_its_evidence(mona: Visitor) -> None:
    alert = next(one for one in mona.api("alerts") if one["title"] == "Weight rose by 2 kg in 3 days")
    assert [one["value"] for one in alert["evidence"]] == ["81.9 kg"]


def test_sources_say_how_much_and_when(mona: Visitor) -> None:
    found = {one["name"]: one for one in mona.api("sources")}
    assert set(found) == {"harbour-clinic", "stadtspital"}
    assert found["stadtspital"]["latest"].startswith("2026-03-29T01:30")


def test_a_01_the_origin_of_somebody_elses_entry_is_not_there(house: House, mona: Visitor) -> None:
    record = house.context.reference.namer.record("harbour-clinic", "Observation", "olga")
    other = mona.get(f"/app/api/resource/Observation/{record}/origin")
    never = mona.get("/app/api/resource/Observation/00000000-0000-8000-8000-000000000000/origin")
    assert (other.status_code, other.text) == (never.status_code, never.text) == (404, '{"reason":"absent"}')


@pytest.mark.parametrize("path", ["Observation/x", "Patient/x", "Nonsense/x", "Observation/%00"])
def test_an_origin_of_nothing_is_not_there(mona: Visitor, path: str) -> None:
    assert mona.get(f"/app/api/resource/{path}/origin").status_code == 404


def test_i5_whatever_is_told_is_audited_with_the_persons_own_grant(house: House, mona: Visitor) -> None:
    with house.context.database.connection() as tx:
        before = _audited(tx, house.person("Adair"))
    mona.api("timeline")
    with house.context.database.connection() as tx:
        after = _audited(tx, house.person("Adair"))
        loose = tx.execute("select count(*) from audit where rows > 0 and grant_id is null").fetchone()
    retracted = 1
    assert after - before == len(mona.api("timeline")["entries"]) + retracted
    assert loose == (0,)


def _audited(tx: Tx, person: int) -> int:
    row = tx.execute("select coalesce(sum(rows), 0) from audit where person = %s", (person,)).fetchone()
    return row[0] if row else 0


def test_the_record_fills_while_it_is_open(house: House, mona: Visitor) -> None:
    before = mona.api("me")["records"]
    house.deliver("third-system", *_third())
    assert mona.api("me")["records"] == before + 2
    assert "third-system" in {one["name"] for one in mona.api("sources")}


def _third() -> list[dict[str, object]]:
    from house import patient

    return [
        patient("p1", "Adair", "Mona", "1961-02-03", "0188"),
        observation("g", "2345-7", "Glucose", "2026-03-28T08:00:00Z", 101, unit="mg/dL"),
    ]
