"""CONS-1 … CONS-6, CONS-13, CONS-14 for Observations; each case runs in both input orders and with doubles."""

from decimal import Decimal

import pytest

from consolidate.making import (
    PERSON,
    concept,
    consolidated,
    fact,
    issues,
    pressure,
    quantity,
    reading,
    record,
    roles,
    shown,
    sources,
)
from mainstem.consolidate.sameness import tolerance_of
from mainstem.consolidate.value import coded, same
from mainstem.model.fact import Fact
from mainstem.model.names import CONFLICT_TAG, LOINC, SNOMED, SOURCE_TAG, SOURCE_VALUE, UCUM

GLUCOSE, WEIGHT, HEIGHT = "2345-7", "29463-7", "8302-2"
CONFLICT = {"system": CONFLICT_TAG, "code": "differs"}


def converted(source: str, code: str, value: dict[str, object], at: str, sent: dict[str, object]) -> Fact:
    told = {**value, "extension": [{"url": SOURCE_VALUE, "valueQuantity": sent}]}
    return reading(source, code, "0", "", at, valueQuantity=told)


def test_cons_1_entered_in_error_is_never_outranked_by_a_final() -> None:
    lone = reading("a", GLUCOSE, "110", "mg/dL", "2020-01-01", status="entered-in-error")
    (entry,) = shown([lone])
    assert entry.resource["status"] == "entered-in-error"
    assert roles(entry) == {"a": "retracted"}


def test_cons_1_a_retracted_member_neither_shows_nor_counts() -> None:
    wrong = reading("a", GLUCOSE, "110", "mg/dL", "2020-01-01T08:00:00Z", status="entered-in-error")
    right = reading("b", GLUCOSE, "110", "mg/dL", "2020-01-01T08:00:00Z")
    (entry,) = shown([wrong, right])
    assert entry.resource["status"] == "final"
    assert roles(entry) == {"a": "retracted", "b": "same"}
    assert issues([reading("a", GLUCOSE, "140", "mg/dL", "2020-01-01", status="entered-in-error"), right]) == []


def test_cons_2_only_the_newest_version_of_a_record_speaks() -> None:
    first = reading("a", GLUCOSE, "6.2", "mmol/L", "2020-01-01T08:00:00Z", key="x", order="1")
    second = reading("a", GLUCOSE, "2.6", "mmol/L", "2020-01-01T08:00:00Z", key="x", order="2", status="corrected")
    (entry,) = shown([first, second])
    assert entry.resource["valueQuantity"]["value"] == Decimal("2.6")


def test_cons_3_equal_values_at_two_instants_are_two() -> None:
    facts = [
        reading("a", GLUCOSE, "110", "mg/dL", "2020-01-01T08:00:00Z"),
        reading("b", GLUCOSE, "110", "mg/dL", "2020-01-01T20:00:00Z"),
    ]
    assert len(shown(facts)) == 2


def test_cons_3_a_date_joins_the_earliest_equal_value_of_its_day_and_chains_nothing() -> None:
    morning = reading("a", GLUCOSE, "110", "mg/dL", "2020-01-01T08:00:00Z")
    evening = reading("b", GLUCOSE, "110", "mg/dL", "2020-01-01T20:00:00Z")
    dated = reading("c", GLUCOSE, "110", "mg/dL", "2020-01-01")
    found = {tuple(sources(entry)): entry for entry in shown([dated, evening, morning])}
    assert set(found) == {("a", "c"), ("b",)}
    assert found["a", "c"].resource["effectiveDateTime"] == "2020-01-01T08:00:00Z"


def test_cons_3_one_source_that_repeats_itself_states_one_reading() -> None:
    assert len(shown([reading("a", GLUCOSE, "110", "mg/dL", "2020-01-01") for _ in range(3)])) == 1
    times = [f"2020-01-01T08:00:{second}Z" for second in ("00", "00", "30")]
    assert len(shown([reading("a", GLUCOSE, "110", "mg/dL", at) for at in times])) == 2


def test_wear_17_one_weighing_by_three_roads_is_one_and_five_minutes_later_is_another() -> None:
    roads = [
        reading("scale", WEIGHT, "81.6", "kg", "2020-01-01T07:00:00Z"),
        reading("cloud", WEIGHT, "81.6", "kg", "2020-01-01T07:00:41Z"),
        reading("phone", WEIGHT, "81.6", "kg", "2020-01-01T06:59:30Z"),
    ]
    later = reading("scale", WEIGHT, "81.6", "kg", "2020-01-01T07:05:00Z")
    assert sorted(map(sources, shown([*roads, later]))) == [["cloud", "phone", "scale"], ["scale"]]


def test_cons_4_values_converted_to_one_unit_are_one() -> None:
    mass = reading("a", GLUCOSE, "90", "mg/dL", "2020-01-01T08:00:00Z")
    molar = converted("b", GLUCOSE, quantity("90.08", "mg/dL"), "2020-01-01T08:00:00Z", quantity("5.0", "mmol/L"))
    (entry,) = shown([mass, molar])
    assert roles(entry) == {"a": "same", "b": "converted"}
    assert entry.resource["valueQuantity"]["value"] == 90
    notes = {member.source: member.note for member in entry.certificate.members}
    assert notes["b"] == "5.0 mmol/L = 90.08 mg/dL"


def test_cons_5_a_panel_equals_the_pair_of_singles() -> None:
    panel = pressure("a", "145", "88", "2020-01-01T08:00:00Z")
    upper = reading("b", "8480-6", "145", "mm[Hg]", "2020-01-01T08:00:20Z")
    lower = reading("b", "8462-4", "88", "mm[Hg]", "2020-01-01T08:00:20Z")
    (entry,) = shown([upper, panel, lower])
    assert len(entry.resource["component"]) == 2
    assert [coding["code"] for coding in entry.resource["code"]["coding"]] == ["85354-9"]
    assert sources(entry) == ["a", "b", "b"]


def test_cons_5_a_dated_panel_takes_one_instant_of_singles_and_its_time() -> None:
    panel = pressure("a", "145", "88", "2020-01-01")
    morning = [
        reading("b", code, value, "mm[Hg]", "2020-01-01T08:00:00Z")
        for code, value in (("8480-6", "145"), ("8462-4", "88"))
    ]
    evening = [
        reading("b", code, value, "mm[Hg]", "2020-01-01T20:00:00Z")
        for code, value in (("8480-6", "145"), ("8462-4", "88"))
    ]
    found = sorted(shown([panel, *evening, *morning]), key=lambda entry: -len(entry.certificate.members))
    assert [len(entry.certificate.members) for entry in found] == [3, 1, 1]
    assert found[0].resource["effectiveDateTime"] == "2020-01-01T08:00:00Z"


def test_cons_5_singles_without_a_panel_stay_searchable_by_their_own_code() -> None:
    facts = [
        reading("a", "8480-6", "145", "mm[Hg]", "2020-01-01"),
        reading("a", "8462-4", "88", "mm[Hg]", "2020-01-01"),
    ]
    codes = sorted(entry.resource["code"]["coding"][0]["code"] for entry in shown(facts))
    assert codes == ["8462-4", "8480-6"]


def test_cons_5_a_panel_that_disagrees_stays_beside_its_singles_with_an_issue() -> None:
    panel = pressure("a", "145", "88", "2020-01-01")
    upper = reading("b", "8480-6", "118", "mm[Hg]", "2020-01-01")
    assert len(shown([panel, upper])) == 2
    (issue,) = issues([panel, upper])
    assert "118 mm[Hg] (b)" in issue["detail"]


def test_cons_5_observations_without_a_value_stay() -> None:
    parent = fact("a", "Observation", code=concept("24323-8", LOINC), hasMember=[{"reference": "Observation/x"}])
    other = fact("b", "Observation", code=concept("24323-8", LOINC), dataAbsentReason=concept("unknown"))
    assert len(shown([parent, other])) == 2
    assert issues([parent, other]) == []


def test_a_different_value_of_one_day_is_a_conflict_that_names_all() -> None:
    facts = [reading(name, WEIGHT, "88", "kg", "2015-07-22") for name in ("a", "b", "c", "d", "e")]
    heavy = reading("schein", "3141-9", "194", "kg", "2015-07-22")
    entries = shown([*facts, heavy])
    assert sorted(len(entry.certificate.members) for entry in entries) == [1, 5]
    assert all(CONFLICT in entry.resource["meta"]["tag"] for entry in entries)
    (issue,) = issues([*facts, heavy])
    assert issue["status"] == "final"
    assert issue["patient"] == {"reference": f"Patient/{PERSON}"}
    assert sorted(each["reference"] for each in issue["implicated"]) == sorted(
        f"Observation/{entry.id}" for entry in entries
    )
    assert "194 kg (schein); 88 kg (a, b, c and 2 more)" in issue["detail"]
    assert "identifiedDateTime" not in issue
    (cited,) = [entry for entry in consolidated([*facts, heavy]) if entry.type == "DetectedIssue"]
    assert {member.role for member in cited.certificate.members} == {"differs"}
    assert [member.note for member in cited.certificate.members if member.source == "schein"] == ["194 kg"]


def test_one_source_with_two_values_of_a_day_means_two_readings() -> None:
    facts = [reading("a", WEIGHT, "88", "kg", "2015-07-22"), reading("a", WEIGHT, "91", "kg", "2015-07-22")]
    assert len(shown(facts)) == 2
    assert issues(facts) == []
    close = [reading("a", GLUCOSE, "110", "mg/dL", "2015-07-22"), reading("a", GLUCOSE, "110.5", "mg/dL", "2015-07-22")]
    assert len(shown(close)) == 2


def test_two_values_at_one_instant_are_a_conflict_between_sources_only() -> None:
    at = "2015-07-22T08:00:00Z"
    assert len(issues([reading("a", WEIGHT, "88", "kg", at), reading("b", WEIGHT, "91", "kg", at)])) == 1
    assert issues([reading("a", WEIGHT, "88", "kg", at), reading("a", WEIGHT, "91", "kg", at)]) == []


def test_a_day_of_many_readings_leaves_room_for_a_dated_one() -> None:
    ward = [reading("a", "8867-4", str(60 + hour), "/min", f"2020-01-01T{hour:02}:00:00Z") for hour in range(5, 20)]
    assert issues([*ward, reading("b", "8867-4", "99", "/min", "2020-01-01")]) == []


def test_one_issue_per_day_however_many_values() -> None:
    facts = [
        reading(name, WEIGHT, value, "kg", "2015-07-22")
        for name, value in zip("abcd", ("80", "90", "100", "110"), strict=True)
    ]
    other = [reading(name, WEIGHT, value, "kg", "2015-07-23") for name, value in zip("ab", ("80", "90"), strict=True)]
    assert len(issues([*facts, *other])) == 2


def test_units_that_cannot_be_compared_are_shown_as_a_difference_not_merged() -> None:
    facts = [reading("a", GLUCOSE, "95", "mg/mL", "2020-01-01"), reading("b", GLUCOSE, "95", "mg/dL", "2020-01-01")]
    assert len(shown(facts)) == 2
    assert len(issues(facts)) == 1


@pytest.mark.parametrize(
    ("code", "left", "right", "one"),
    [
        (HEIGHT, "177", "177.8", True),
        (HEIGHT, "177", "177.00", True),
        (WEIGHT, "88", "89", False),
        (WEIGHT, "100", "99", True),
        ("2160-0", "1", "1.4", False),
        ("2160-0", "1.2", "1.24", False),
        ("50544-6", "10", "10.2", False),
        ("8310-5", "37.0", "37.3", False),
        ("8310-5", "37.0", "37.1", True),
        ("59408-5", "99", "98", False),
        ("2744-1", "7.40", "7.35", False),
        ("5803-2", "5.0", "5", True),
        ("6299-2", "0", "0.0", True),
    ],
)
def test_tolerance_is_one_percent_but_where_the_table_says_less_and_symmetric(
    code: str, left: str, right: str, *, one: bool
) -> None:
    for first, second in ((left, right), (right, left)):
        facts = [reading("a", code, first, "1", "2020-01-01"), reading("b", code, second, "1", "2020-01-01")]
        assert len(shown(facts)) == (1 if one else 2)


def test_rounding_counts_where_a_value_was_converted() -> None:
    at = "2020-01-01T08:00:00Z"
    mass = reading("a", "2160-0", "0.7", "mg/dL", at)
    molar = converted("b", "2160-0", quantity("0.724", "mg/dL"), at, quantity("64", "umol/L"))
    assert len(shown([mass, molar])) == 1
    assert len(shown([mass, reading("b", "2160-0", "0.724", "mg/dL", at)])) == 2
    inches = converted("b", HEIGHT, quantity("177.8", "cm"), at, quantity("70", "[in_i]"))
    assert len(shown([inches, reading("a", HEIGHT, "179", "cm", at)])) == 1


def test_what_holds_for_its_day_is_one_a_day_and_what_holds_for_ever_is_one() -> None:
    times = ("2015-07-22T08:00:00Z", "2015-07-22T17:02:00-05:00", "2015-07-22")
    heights = [reading(name, HEIGHT, "177", "cm", at) for name, at in zip("abc", times, strict=True)]
    assert len(shown(heights)) == 1
    assert len(shown([*heights, reading("d", HEIGHT, "177", "cm", "2015-07-23T08:00:00Z")])) == 2
    assert len(issues([*heights, reading("d", HEIGHT, "190", "cm", "2015-07-22T23:00:00Z")])) == 1

    def born(source: str, code: str, **more: object) -> Fact:
        return fact(source, "Observation", code=concept("76689-9", LOINC), valueCodeableConcept=concept(code), **more)

    sexes = [born("a", "M"), born("b", "M", effectiveDateTime="1980-08-01"), born("c", "M")]
    assert len(shown(sexes)) == 1
    assert len(issues([*sexes, born("d", "F")])) == 1


def test_tolerance_never_chains() -> None:
    facts = [
        reading(name, WEIGHT, value, "kg", "2020-01-01")
        for name, value in zip("abc", ("100", "100.9", "101.8"), strict=True)
    ]
    assert sorted(len(entry.certificate.members) for entry in shown(facts)) == [1, 2]
    times = [f"2020-01-01T08:0{second // 60}:{second % 60:02}Z" for second in range(0, 250, 50)]
    chained = [reading(name, WEIGHT, "100", "kg", at) for name, at in zip("abcde", times, strict=True)]
    assert sorted(len(entry.certificate.members) for entry in shown(chained)) == [2, 3]


def test_method_and_site_must_agree_where_both_state_them() -> None:
    def on(source: str, **more: object) -> Fact:
        return reading(source, "8310-5", "38", "Cel", "2020-01-01T08:00:00Z", **more)

    assert len(shown([on("a", bodySite=concept("1")), on("b", bodySite=concept("2"))])) == 2
    assert len(shown([on("a", bodySite=concept("1")), on("b")])) == 1
    assert len(shown([on("a", focus=[{"reference": "Patient/fetus"}]), on("b")])) == 2
    assert issues([on("a", bodySite=concept("1")), on("b", bodySite=concept("2"))]) == []


def test_coded_and_textual_values_are_the_same_by_code_or_words() -> None:
    def said(source: str, **value: object) -> Fact:
        return fact(source, "Observation", code=concept("5778-6", LOINC), effectiveDateTime="2020-01-01", **value)

    coded = said("a", valueCodeableConcept=concept("371254008", display="Yellow"))
    assert len(shown([coded, said("b", valueString=" yellow")])) == 1
    assert len(shown([coded, said("b", valueCodeableConcept=concept("371254008", display="Yellow colour"))])) == 1
    assert len(issues([coded, said("b", valueCodeableConcept=concept("371244009", display="Red"))])) == 1
    assert len(shown([said("a", valueBoolean=True), said("b", valueBoolean=True)])) == 1
    assert len(issues([said("a", valueBoolean=True), said("b", valueBoolean=False)])) == 1


def test_undated_readings_group_only_when_one_source_repeats_itself_word_for_word() -> None:
    assert len(shown([reading("a", WEIGHT, "88", "kg"), reading("b", WEIGHT, "88", "kg")])) == 2
    assert len(shown([reading("a", WEIGHT, "88", "kg"), reading("a", WEIGHT, "88", "kg")])) == 1
    assert issues([reading("a", WEIGHT, "88", "kg"), reading("b", WEIGHT, "99", "kg")]) == []


def test_cons_11_the_day_is_the_one_that_was_written() -> None:
    late = reading("a", WEIGHT, "88", "kg", "2015-07-22T23:30:00-05:00")
    assert len(shown([late, reading("b", WEIGHT, "88", "kg", "2015-07-22")])) == 1
    assert len(shown([late, reading("b", WEIGHT, "88", "kg", "2015-07-23")])) == 2
    assert len(shown([late, reading("b", WEIGHT, "88", "kg", "2015-07-23T04:30:00Z")])) == 1
    assert len(issues([late, reading("b", WEIGHT, "99", "kg", "2015-07-23T04:30:00Z")])) == 1


def test_a_source_that_always_writes_midnight_means_the_day() -> None:
    noon = reading("a", WEIGHT, "88", "kg", "2015-07-22T12:00:00Z")
    midnight = reading("b", WEIGHT, "88", "kg", "2015-07-22T00:00:00-04:00")
    assert len(shown([noon, midnight])) == 1
    timed_too = reading("b", WEIGHT, "70", "kg", "2019-07-22T09:00:00-04:00")
    assert len(shown([noon, midnight, timed_too])) == 3


def test_a_borrowed_offset_yields_to_the_clock_as_written() -> None:
    borrowed = {"extension": [{"url": "urn:mainstem:offset-inferred", "valueCode": "none"}]}
    told = reading("a", WEIGHT, "88", "kg", "2015-07-22T14:05:00-05:00")
    floating = reading("b", WEIGHT, "88", "kg", "2015-07-22T14:05:00+00:00", _effectiveDateTime=borrowed)
    (entry,) = shown([told, floating])
    assert entry.resource["effectiveDateTime"] == "2015-07-22T14:05:00-05:00"
    assert len(shown([told, reading("b", WEIGHT, "88", "kg", "2015-07-22T14:05:00+00:00")])) == 2
    other = reading("b", WEIGHT, "99", "kg", "2015-07-22T14:05:00+00:00", _effectiveDateTime=borrowed)
    assert len(issues([told, other])) == 1


def test_a_borrowed_offset_excuses_no_other_readings_clock() -> None:
    borrowed = {"extension": [{"url": "urn:mainstem:offset-inferred", "valueCode": "none"}]}
    told = reading("a", WEIGHT, "88", "kg", "2015-07-22T14:05:00-05:00")
    elsewhere = reading("b", WEIGHT, "99", "kg", "2015-07-22T14:05:00Z")
    floating = reading("c", WEIGHT, "70", "kg", "2015-07-25T09:00:00Z", _effectiveDateTime=borrowed)
    assert [issue for issue in issues([told, elsewhere, floating]) if "differently" in issue["detail"]] == []


def test_concepts_of_two_systems_cannot_be_told_apart_and_are_no_conflict() -> None:
    def culture(source: str, code: str, system: str) -> Fact:
        at = "2020-01-01T08:00:00Z"
        return fact(
            source, "Observation", status="final", code=concept("600-7", LOINC), effectiveDateTime=at,
            valueCodeableConcept=concept(code, system),
        )  # fmt: skip

    facts = [culture("a", "10828004", SNOMED), culture("b", "POS", "urn:local")]
    assert len(shown(facts)) == 2
    assert same(coded(concept("1")), coded(concept("1", "urn:local")), tolerance_of("")) is None
    assert same(coded(concept("1")), coded(concept("2")), tolerance_of("")) is False
    assert same(coded(concept("1")), coded({"text": "one"}), tolerance_of("")) is False


def test_cons_13_what_every_member_states_stays_reachable() -> None:
    first = reading(
        "a", WEIGHT, "88", "kg", "2015-07-22", identifier=[{"system": "urn:a", "value": "1"}], note=[{"text": "one"}]
    )
    second = reading(
        "b", "3141-9", "88", "kg", "2015-07-22", identifier=[{"system": "urn:b", "value": "2"}], note=[{"text": "two"}],
        interpretation=[concept("N")], performer=[{"reference": "Practitioner/x"}], meta={"security": [{"code": "R"}]},
    )  # fmt: skip
    (entry,) = shown([first, second])
    assert {coding["code"] for coding in entry.resource["code"]["coding"]} == {WEIGHT, "3141-9"}
    assert len(entry.resource["identifier"]) == len(entry.resource["note"]) == 2
    assert entry.resource["interpretation"] == [concept("N")]
    assert entry.resource["performer"][0]["reference"].startswith("Practitioner/")
    assert entry.resource["meta"]["security"] == [{"code": "R"}]
    tags = [tag["code"] for tag in entry.resource["meta"]["tag"] if tag["system"] == SOURCE_TAG]
    assert tags == ["a", "b"]
    assert entry.id == min(record(first), record(second))


def test_cons_14_a_retraction_at_the_origin_takes_its_copy_with_it() -> None:
    same = {"identifier": [{"system": "urn:lab", "value": "acc-1"}]}
    at = "2020-01-01T08:00:00Z"
    origin = reading("lab", GLUCOSE, "110", "mg/dL", at, status="entered-in-error", **same)
    copy = reading("exchange", GLUCOSE, "110", "mg/dL", at, **same)
    (entry,) = shown([origin, copy])
    assert entry.resource["status"] == "entered-in-error"
    assert roles(entry) == {"lab": "retracted", "exchange": "retracted"}
    assert "taken back by lab" in {member.note for member in entry.certificate.members}


def test_cons_14_a_different_measurement_of_the_order_is_left_alone() -> None:
    same = {"identifier": [{"system": "urn:lab", "value": "acc-1"}]}
    at = "2020-01-01T08:00:00Z"
    origin = reading("lab", GLUCOSE, "110", "mg/dL", at, status="entered-in-error", **same)
    other = reading("exchange", GLUCOSE, "97", "mg/dL", at, **same)
    assert sorted(entry.resource["status"] for entry in shown([origin, other])) == ["entered-in-error", "final"]
    again = reading("lab", GLUCOSE, "110", "mg/dL", at, **same)
    copy = reading("exchange", GLUCOSE, "110", "mg/dL", at, **same)
    (entry,) = shown([origin, again, copy])
    assert entry.resource["status"] == "final"


def test_cons_14_a_retraction_without_its_value_withdraws_by_identifier_and_time() -> None:
    same = {"identifier": [{"system": "urn:lab", "value": "acc-1"}]}
    bare = fact(
        "lab",
        "Observation",
        status="entered-in-error",
        code=concept(GLUCOSE, LOINC),
        effectiveDateTime="2020-01-01",
        **same,
    )
    copy = reading("exchange", GLUCOSE, "110", "mg/dL", "2020-01-01", **same)
    later = reading("exchange", GLUCOSE, "110", "mg/dL", "2020-01-02", **same)
    assert [entry.resource["status"] for entry in shown([bare, copy])] == ["entered-in-error"] * 2
    assert "final" in [entry.resource["status"] for entry in shown([bare, later])]


def test_gone_1_a_deleted_record_leaves() -> None:
    gone = {"meta": {"tag": [{"system": "urn:mainstem:gone", "code": "deleted"}]}}
    deleted = reading("a", WEIGHT, "88", "kg", "2015-07-22", **gone)
    assert shown([deleted]) == []
    (entry,) = shown([deleted, reading("b", WEIGHT, "88", "kg", "2015-07-22")])
    assert sources(entry) == ["b"]


def test_a_leap_that_no_body_makes_is_an_issue_that_names_the_likely_unit() -> None:
    days = ("2016-12-15", "2016-12-21", "2016-12-22")
    facts = [
        reading(name, WEIGHT, value, "kg", at) for name, value, at in zip("abc", ("88", "194", "88"), days, strict=True)
    ]
    (issue,) = issues(facts)
    assert len(issue["implicated"]) == 3
    assert issue["detail"].endswith("194 kg of 2016-12-21 (b); 88 kg of 2016-12-22 (c); 194 fits as [lb_av].")
    assert issues([facts[0], reading("b", WEIGHT, "140", "kg", "2018-12-15")]) == []
    assert issues([facts[0], reading("b", WEIGHT, "70", "kg", "2016-12-20")]) == []
    assert len(issues([facts[0], reading("b", WEIGHT, "30", "kg", "2016-12-20")])) == 1


def test_numbers_keep_their_digits() -> None:
    (entry,) = consolidated([reading("a", WEIGHT, "88.00", "kg", "2015-07-22")])
    assert str(entry.resource["valueQuantity"]["value"]) == "88.00"
    assert entry.resource["valueQuantity"]["system"] == UCUM


def test_other_kinds_of_value_and_doses_are_compared_as_they_stand() -> None:
    def said(source: str, **value: object) -> Fact:
        return fact(source, "Observation", code=concept("5778-6", LOINC), effectiveDateTime="2020-01-01", **value)

    bare = said("a", valueQuantity={"unit": "kg"})
    assert len(shown([bare, said("b", valueQuantity={"value": "x"})])) == 2
    below = [said(name, valueQuantity={**quantity("5", "kg"), "comparator": "<"}) for name in "ab"]
    assert len(shown(below)) == 1
    assert len(issues([below[0], said("c", valueQuantity=quantity("5", "kg"))])) == 1
    local = said("a", valueCodeableConcept=concept("1", "urn:a"))
    assert len(shown([local, said("b", valueCodeableConcept=concept("1", "urn:b"))])) == 2
    assert len(issues([said("a", valueQuantity=quantity("5", "kg")), said("b", valueString="see note")])) == 1
