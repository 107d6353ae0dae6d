"""Published rules over a series: what is raised, what is left out, and that order and repetition do not matter."""

from collections.abc import Callable, Sequence
from datetime import date, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mainstem.insight import BLOCKS, STAGE, Series
from mainstem.insight.flags import DETAIL, MISSING
from mainstem.insight.rules import book, rule_of
from mainstem.model.ids import Namer
from mainstem.model.json import canonical
from mainstem.model.names import CONFLICT_TAG, LOINC, RULE, SOURCE_TAG
from mainstem.model.record import Entry
from mainstem.model.reference import Reference

Build = Callable[..., Entry]
Alerts = Callable[[Sequence[Entry]], list[Entry]]


def codes(flags: Sequence[Entry]) -> list[str]:
    return [flag.resource["code"]["coding"][0]["code"] for flag in flags]


def missing(flag: Entry) -> list[str]:
    return [each["valueString"] for each in flag.resource["extension"] if each["url"] == MISSING]


def evidence(flag: Entry) -> list[str]:
    return [each["valueReference"]["reference"] for each in flag.resource["extension"] if each["url"] == DETAIL]


def test_the_rules_are_whole_and_each_number_is_cited() -> None:
    assert {rule.block for rule in book().rule} == BLOCKS
    for rule in book().rule:
        assert rule.intended_use
        assert rule.limits
        for criterion in rule.criteria:
            assert criterion.citation
            assert criterion.url.startswith("https://")
    assert rule_of("nothing") is None


def test_a_gain_of_more_than_three_pounds_in_a_day_raises_one_flag(weight: Build, alerts: Alerts) -> None:
    before, after = weight("2026-03-01", "88.0"), weight("2026-03-02", "89.4")
    [flag] = alerts([before, after])
    body = flag.resource
    assert (flag.type, flag.person, flag.block) == ("Flag", "p1", "insight|Observation|weight")
    assert body["status"] == "active"
    assert body["code"]["coding"] == [{"system": RULE, "code": "weight-gain", "display": "Rapid weight gain"}]
    assert "rose by 1.4 kg in 1 day: 88 kg on 2026-03-01 to 89.4 kg on 2026-03-02" in body["code"]["text"]
    assert body["subject"] == {"reference": "Patient/p1"}
    assert body["period"] == {"start": "2026-03-02T06:30:00+01:00"}
    assert evidence(flag) == [f"Observation/{before.id}", f"Observation/{after.id}"]
    assert body["meta"]["tag"] == [{"system": SOURCE_TAG, "code": "scale"}]


def test_the_certificate_names_rule_version_citation_and_every_source_record(weight: Build, alerts: Alerts) -> None:
    before, after = weight("2026-03-01", "88.0"), weight("2026-03-02", "89.4")
    [flag] = alerts([before, after])
    certificate = flag.certificate
    assert (certificate.rule, certificate.version) == ("weight-gain", 1)
    assert [member.record for member in certificate.members] == sorted([before.id, after.id])
    assert any("Ledwidge" in note for note in certificate.notes)


@pytest.mark.parametrize(
    ("first", "days", "second", "raised"),
    [
        ("88", 1, "89.36", False), ("88", 1, "89.37", True), ("88", 2, "89.9", False), ("88", 2, "90.01", True),
        ("88", 3, "90.00", False), ("88", 3, "90.01", True), ("88", 4, "92", False), ("88", 1, "86", False),
        ("88", 1, "98", True), ("88", 1, "98.01", False), ("88", 1, "194", False),
    ],
)  # fmt: skip
def test_the_thresholds_are_as_published_and_a_wild_jump_is_another_unit(
    weight: Build, alerts: Alerts, first: str, days: int, second: str, *, raised: bool
) -> None:
    later = date(2026, 3, 1) + timedelta(days=days)
    assert bool(alerts([weight("2026-03-01", first), weight(str(later), second)])) is raised


def test_a_missing_day_is_said_and_the_three_day_rule_still_holds(weight: Build, alerts: Alerts) -> None:
    [flag] = alerts([weight("2026-03-01", "88"), weight("2026-03-04", "90.5")])
    assert "more than 2 kg in 3 days" in flag.resource["code"]["text"]
    assert missing(flag) == ["no weight on 2026-03-02", "no weight on 2026-03-03"]


def test_a_day_is_the_day_where_the_person_was(weight: Build, alerts: Alerts) -> None:
    """24 h and 10 min apart, and in UTC two days apart: still two mornings in a row (CONS-11)."""
    first, second = weight("2026-03-01T00:05:00+01:00", "88"), weight("2026-03-02T23:50:00+01:00", "89.5")
    assert codes(alerts([first, second])) == ["weight-gain"]


def test_one_episode_is_one_flag_that_ends_when_the_rule_no_longer_holds(weight: Build, alerts: Alerts) -> None:
    series = [weight("2026-03-01", "88"), weight("2026-03-02", "89.5"), weight("2026-03-03", "90.6")]
    [going] = alerts(series)
    assert going.resource["status"] == "active"
    assert "Newest: Weight rose by 2.6 kg in 2 days" in going.resource["code"]["text"]
    assert evidence(going) == [f"Observation/{each.id}" for each in series]
    end = weight("2026-03-04", "88.4")
    [over] = alerts([*series, end])
    assert (over.id, over.resource["status"]) == (going.id, "inactive")
    assert over.resource["period"]["end"] == end.resource["effectiveDateTime"]


def test_two_episodes_are_two_flags(weight: Build, alerts: Alerts) -> None:
    days = ["88", "89.5", "88", "88", "88", "88", "89.5"]
    series = [weight(f"2026-03-{index + 1:02}", value) for index, value in enumerate(days)]
    found = alerts(series)
    assert [flag.resource["status"] for flag in found] == ["inactive", "active"]
    assert len({flag.id for flag in found}) == 2


def test_the_first_weight_of_a_day_counts(weight: Build, alerts: Alerts) -> None:
    evening = weight("2026-03-02T20:00:00+01:00", "89.9")
    assert alerts([weight("2026-03-01", "88"), weight("2026-03-02", "88.2"), evening]) == []


def test_pounds_and_what_is_doubtful_are_left_out_and_counted(weight: Build, alerts: Alerts) -> None:
    pounds = weight("2026-03-02T05:00:00+01:00", "194", "[lb_av]")
    disputed = weight("2026-03-02T05:10:00+01:00", "95", meta={"tag": [{"system": CONFLICT_TAG, "code": "differs"}]})
    suspect = weight("2026-03-02T05:20:00+01:00", "95", meta={"tag": [{"system": "urn:mainstem:quality", "code": "x"}]})
    base = weight("2026-03-01", "88")
    assert alerts([base, pounds, disputed, suspect]) == []
    [flag] = alerts([base, pounds, disputed, suspect, weight("2026-03-02", "89.5")])
    assert missing(flag) == ["readings left out because sources disagree or the unit is in doubt: 2"]


@pytest.mark.parametrize(
    "change",
    [
        {"status": "entered-in-error"}, {"status": "preliminary"}, {"effectiveDateTime": "2026-03"},
        {"effectiveDateTime": None}, {"effectiveDateTime": "soon"},
        {"code": {"coding": [{"system": LOINC, "code": "3142-7"}]}},
        {"valueQuantity": {"value": Decimal(95), "comparator": "<", "code": "kg"}}, {"valueQuantity": {"code": "kg"}},
        {"valueQuantity": {"value": True, "code": "kg"}}, {"valueQuantity": "95 kg"}, {"component": "none"},
        {"effectiveDateTime": None, "effectivePeriod": "March"}, {"code": "weight"}, {"code": {"coding": [7]}},
    ],
)  # fmt: skip
def test_what_is_not_final_dated_measured_and_exact_raises_nothing(
    weight: Build, alerts: Alerts, change: dict[str, object]
) -> None:
    change = {"valueQuantity": None} | change if "component" in change else change
    assert alerts([weight("2026-03-01", "88"), weight("2026-03-02", "95", **change)]) == []


def test_a_reading_may_be_dated_by_a_period_or_an_instant(weight: Build, alerts: Alerts) -> None:
    period = weight("2026-03-01", "88", effectiveDateTime=None, effectivePeriod={"start": "2026-03-01T06:00:00Z"})
    instant = weight("2026-03-02", "89.5", effectiveDateTime=None, effectiveInstant="2026-03-02T06:00:00Z")
    assert codes(alerts([period, instant])) == ["weight-gain"]


@pytest.mark.parametrize(
    ("systolic", "diastolic", "raised"),
    [("180", "80", True), ("179", "119", False), ("150", "120", True), ("179.9", "80", False)],
)
def test_a_severe_reading_is_flagged(
    pressure: Build, alerts: Alerts, systolic: str, diastolic: str, *, raised: bool
) -> None:
    found = alerts([pressure("2026-03-01T08:00:00Z", systolic, diastolic)])
    assert codes(found) == (["blood-pressure-severe"] if raised else [])
    if raised:
        assert f"Blood pressure {systolic}/{diastolic} mm[Hg] on 2026-03-01" in found[0].resource["code"]["text"]


@pytest.mark.parametrize("value", ["1E+30", "NaN", "10001"])
def test_a_number_of_no_real_size_raises_nothing(pressure: Build, alerts: Alerts, value: str) -> None:
    assert alerts([pressure("2026-03-01T08:00:00Z", value, "80")]) == []


def test_half_a_reading_is_enough_for_a_level_and_says_what_is_missing(pressure: Build, alerts: Alerts) -> None:
    whole = pressure("2026-03-01T08:00:00Z", "185", "80")
    half = whole.resource["component"][:1]
    [flag] = alerts([pressure("2026-03-01T09:00:00Z", "185", "80", component=half)])
    assert "Blood pressure 185/? mm[Hg]" in flag.resource["code"]["text"]
    assert missing(flag) == ["no diastolic value"]


def week(pressure: Build, values: tuple[str, str], days: int = 7, daily: int = 2, first: int = 1) -> list[Entry]:
    return [
        pressure(f"2026-03-{day:02}T{hour:02}:00:00Z", *values)
        for day in range(first, first + days)
        for hour in range(7, 7 + daily)
    ]


def test_a_week_of_readings_is_judged_by_its_mean_without_the_first_day(pressure: Build, alerts: Alerts) -> None:
    readings = [*week(pressure, ("170", "80"), days=1), *week(pressure, ("134", "86"), days=6, first=2)]
    [flag] = alerts(readings)
    assert codes([flag]) == ["blood-pressure-home-mean"]
    text = flag.resource["code"]["text"]
    assert "Mean blood pressure 134/86 mm[Hg] over 12 readings from 2026-03-02 to 2026-03-07" in text
    assert len(evidence(flag)) == 12
    assert alerts([*readings[:2], *week(pressure, ("134", "84"), days=6, first=2)]) == []


def test_too_few_readings_or_days_have_no_mean(pressure: Build, alerts: Alerts) -> None:
    assert alerts(week(pressure, ("140", "90"), days=6)) == [], "ten readings after the first day"
    assert alerts(week(pressure, ("140", "90"), days=3, daily=6)) == [], "three days"
    [flag] = alerts(week(pressure, ("140", "90"), days=4, daily=4))
    assert missing(flag)[0] == "no reading on 2026-02-26"


def test_a_severe_reading_and_a_raised_mean_are_two_flags(pressure: Build, alerts: Alerts) -> None:
    readings = [*week(pressure, ("150", "90")), pressure("2026-03-07T20:00:00Z", "190", "100")]
    assert codes(alerts(readings)) == ["blood-pressure-severe", "blood-pressure-home-mean"]


def test_a_meta_of_another_shape_casts_no_doubt(weight: Build, alerts: Alerts) -> None:
    assert codes(alerts([weight("2026-03-01", "88"), weight("2026-03-02", "89.5", meta="odd")])) == ["weight-gain"]


def test_a_series_of_another_block_raises_nothing() -> None:
    series = Series(person="p1", block="Observation|height", entries=[])
    assert STAGE.run([series], Reference(namer=Namer(b"k" * 32), readers={})).kept == []


days = st.lists(
    st.tuples(st.integers(1, 12), st.integers(0, 3), st.integers(8600, 9100)), max_size=12, unique_by=lambda x: x[:2]
)


@given(days, st.randoms(use_true_random=False))
def test_order_and_repetition_change_nothing(
    weight: Build, alerts: Alerts, drawn: list[tuple[int, int, int]], random: object
) -> None:
    entries = [weight(f"2026-03-{day:02}T{6 + hour:02}:00:00Z", f"{grams / 100:.2f}") for day, hour, grams in drawn]
    mixed = [*entries, *entries[:3]]
    random.shuffle(mixed)
    assert [canonical(flag) for flag in alerts(mixed)] == [canonical(flag) for flag in alerts(entries)]


@given(days)
def test_what_was_raised_before_later_readings_came_stays_raised(
    weight: Build, alerts: Alerts, drawn: list[tuple[int, int, int]]
) -> None:
    """Later readings end an episode or begin another; they never unmake an earlier one."""
    entries = [
        weight(f"2026-03-{day:02}T{6 + hour:02}:00:00Z", f"{grams / 100:.2f}") for day, hour, grams in sorted(drawn)
    ]
    before = {flag.id for flag in alerts(entries[: len(entries) // 2])}
    assert before <= {flag.id for flag in alerts(entries)}


def test_series_of_two_persons_do_not_meet(weight: Build) -> None:
    entries = [weight("2026-03-01", "88"), weight("2026-03-02", "89.5")]
    reference = Reference(namer=Namer(b"k" * 32), readers={})
    both = [Series(person=person, block="Observation|weight", entries=entries) for person in ("p1", "p2")]
    together = STAGE.run(both, reference).kept
    apart = [flag for series in both for flag in STAGE.run([series], reference).kept]
    assert [canonical(each) for each in together] == [canonical(each) for each in apart]
    assert [each.person for each in together] == ["p1", "p2"]
