"""An Observation in canonical words with the source's beside: units, texts, grades, ranges, components, findings."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from mainstem.harmonise import STAGE, harmonise
from mainstem.harmonise.analytes import recipe
from mainstem.harmonise.codes import ORDINAL
from mainstem.harmonise.quality import WORDS, Finding
from mainstem.model.fact import Fact, Resource
from mainstem.model.ids import Namer
from mainstem.model.names import LOINC, QUALITY_TAG, SNOMED, SOURCE_VALUE, UCUM
from mainstem.model.reference import Reference

Run = Callable[[Resource], Resource]
Lab = Callable[..., dict[str, Any]]


def of(code: str, **elements: object) -> Resource:
    coding = [{"system": LOINC, "code": code}]
    return {"resourceType": "Observation", "id": "o1", "status": "final", "code": {"coding": coding}, **elements}


def amount(value: str, unit: str) -> dict[str, Any]:
    return {"value": Decimal(value), "unit": unit, "system": UCUM, "code": unit}


def tags(resource: Resource) -> list[str]:
    return [tag["code"] for tag in resource.get("meta", {}).get("tag", []) if tag["system"] == QUALITY_TAG]


def fact(resource: Resource) -> Fact:
    type_ = resource["resourceType"]
    return Fact(source="lab", type=type_, key="o1", subject="p1", order="", resource=resource, path="")


def test_a_canonical_observation_comes_back_as_the_same_object() -> None:
    stated = fact(of("2345-7", valueQuantity=amount("95", "mg/dL")))
    assert harmonise(stated) is stated


def test_the_stage_keeps_every_fact_in_order_and_holds_none() -> None:
    facts = [fact(of("2345-7", valueQuantity=amount("5", "mmol/L"))), fact({"resourceType": "Patient", "id": "o1"})]
    outcome = STAGE.run(facts, Reference(namer=Namer(b"k" * 32), readers={}))
    assert [each.type for each in outcome.kept] == ["Observation", "Patient"]
    assert outcome.held == ()
    assert outcome.kept[1] is facts[1]


def test_a_converted_quantity_keeps_what_was_sent_and_its_other_extensions(harmonised: Run) -> None:
    other = {"url": "urn:mainstem:translation", "valueQuantity": amount("100.4", "[degF]")}
    sent = {**amount("194", "[lb_av]"), "extension": [other]}
    found = harmonised(of("29463-7", valueQuantity=sent))["valueQuantity"]
    assert (found["value"], found["unit"], found["code"], found["system"]) == (Decimal(88), "kg", "kg", UCUM)
    assert found["extension"] == [other, {"url": SOURCE_VALUE, "valueQuantity": amount("194", "[lb_av]")}]


def test_a_spelling_changes_the_unit_and_not_one_digit(lab: Lab) -> None:
    found = lab("8480-6", "120.0", "MM[HG]")["valueQuantity"]
    assert (str(found["value"]), found["code"]) == ("120.0", "mm[Hg]")


def test_human_words_beside_a_canonical_code_are_left_alone(harmonised: Run) -> None:
    sent = {"value": 72, "unit": "beats per minute", "system": UCUM, "code": "/min"}
    assert harmonised(of("8867-4", valueQuantity=sent))["valueQuantity"] == sent


def test_unit_and_code_that_contradict_each_other_are_flagged_not_chosen(harmonised: Run) -> None:
    sent = {"value": Decimal(100), "unit": "mmol/L", "system": UCUM, "code": "mg/dL"}
    found = harmonised(of("2345-7", valueQuantity=sent))
    assert (found["valueQuantity"], tags(found)) == (sent, ["unit-suspect"])
    pounds = {"value": Decimal(180), "unit": "lbs", "system": UCUM, "code": "kg"}
    found = harmonised(of("29463-7", valueQuantity=pounds))
    assert (found["valueQuantity"], tags(found)) == (pounds, ["unit-suspect"])


def test_a_local_code_system_leaves_the_unit_to_the_words(harmonised: Run) -> None:
    sent = {"value": Decimal(72), "unit": "bpm", "system": "urn:local", "code": "17"}
    assert harmonised(of("8867-4", valueQuantity=sent))["valueQuantity"]["code"] == "/min"
    bare = {"value": Decimal(72), "system": "urn:local", "code": "17"}
    assert tags(harmonised(of("8867-4", valueQuantity=bare))) == ["unit-unknown"]


def test_the_canonical_unit_in_another_case_is_itself(lab: Lab) -> None:
    assert lab("48065-7", 500, "NG/ML{FEU}")["valueQuantity"]["code"] == "ng/mL{FEU}"


def test_a_unit_nobody_knows_stays_and_is_said_to_be_unknown(lab: Lab) -> None:
    found = lab("8310-5", "38.0", "DEG")
    assert (found["valueQuantity"]["code"], tags(found)) == ("DEG", ["unit-unknown"])


def test_an_unknown_measurement_gets_a_spelling_and_never_a_conversion(lab: Lab, harmonised: Run) -> None:
    assert lab("11111-2", 5, "mm Hg")["valueQuantity"]["code"] == "mm[Hg]"
    assert lab("11111-2", 5, "mmol/L")["valueQuantity"]["code"] == "mmol/L"
    assert tags(lab("11111-2", 5, "hands")) == ["unit-unknown"]
    assert "meta" not in lab("11111-2", 5)
    assert harmonised(of("11111-2", valueQuantity={"unit": "mg"}))["valueQuantity"] == {"unit": "mg"}


def test_a_finding_is_added_once_beside_the_sources_own_tags(lab: Lab) -> None:
    own = {"system": "urn:x", "code": "y"}
    found = lab("2345-7", 95, meta={"tag": [own], "versionId": "3"})
    assert found["meta"]["versionId"] == "3"
    assert found["meta"]["tag"][0] == own
    assert found["meta"]["tag"][1]["display"] == WORDS[Finding.UNIT_MISSING]


def test_a_plausibility_doubt_is_flagged_and_converted(lab: Lab) -> None:
    found = lab("29463-7", 700, "lbs")
    assert found["valueQuantity"]["code"] == "kg"
    assert tags(found) == ["unit-suspect"]


def test_a_bound_is_not_weighed_for_plausibility(text: Lab) -> None:
    assert tags(text("2345-7", "<1 mg/dL")) == []


@pytest.mark.parametrize(
    ("loinc", "words", "value", "unit"),
    [
        ("5803-2", "Value=5.0 units=[pH]", "5.0", "[pH]"),
        ("5811-5", "1.015", "1.015", "1"),
        ("5804-0", "2+ (100mg/dL)", "100", "mg/dL"),
        ("2345-7", "5.0 mmol/L", "90.08", "mg/dL"),
        ("8310-5", " 98.6 F ", "37.0", "Cel"),
        ("11111-2", "7.2 ng/mL", "7.2", "ng/mL"),
        ("11111-2", "12 %", "12", "%"),
    ],
)
def test_a_number_in_a_text_becomes_a_quantity_beside_the_text(
    text: Lab, loinc: str, words: str, value: str, unit: str
) -> None:
    found = text(loinc, words)
    assert "valueString" not in found
    assert (found["valueQuantity"]["value"], found["valueQuantity"]["code"]) == (Decimal(value), unit)
    assert found["valueQuantity"]["extension"] == [{"url": SOURCE_VALUE, "valueString": words}]


@pytest.mark.parametrize(
    ("loinc", "words"),
    [
        ("11111-2", "7.2"),
        ("11111-2", "5 C"),
        ("11111-2", "5 days ago"),
        ("11111-2", "2015-06-22"),
        ("5778-6", "YELLOW"),
    ],
)
def test_without_knowing_the_measurement_a_bare_number_stays_text(text: Lab, loinc: str, words: str) -> None:
    assert text(loinc, words) == of(loinc, valueString=words)


@pytest.mark.parametrize(
    ("words", "tag"), [("95", "unit-missing"), ("95 hands", "unit-unknown"), ("95 meq/L", "unit-mismatch")]
)
def test_a_text_that_cannot_be_converted_stays_text_with_a_finding(text: Lab, words: str, tag: str) -> None:
    found = text("2345-7", words)
    assert (found["valueString"], tags(found)) == (words, [tag])


@pytest.mark.parametrize(
    ("words", "step"),
    [
        ("Negative", "negative"),
        ("NEG", "negative"),
        ("Trace", "trace"),
        ("1+", "1+"),
        ("+++", "3+"),
        ("Not detected", "not-detected"),
    ],
)
def test_a_graded_answer_gets_one_ordinal_word(text: Lab, words: str, step: str) -> None:
    found = text("5797-6", words)["valueCodeableConcept"]
    assert (found["coding"][0]["system"], found["coding"][0]["code"], found["text"]) == (ORDINAL, step, words)
    assert found["extension"] == [{"url": SOURCE_VALUE, "valueString": words}]


def test_a_coded_grade_gets_the_same_word_after_its_own_code(harmonised: Run) -> None:
    sent = {"coding": [{"system": SNOMED, "code": "260385009"}], "text": "none"}
    found = harmonised(of("5797-6", valueCodeableConcept=sent))["valueCodeableConcept"]
    assert [coding["code"] for coding in found["coding"]] == ["260385009", "negative"]
    assert found["text"] == "none"


def test_codes_that_mean_different_grades_are_left_alone(harmonised: Run) -> None:
    both = [{"system": SNOMED, "code": "260385009"}, {"system": SNOMED, "code": "10828004"}]
    assert harmonised(of("5797-6", valueCodeableConcept={"coding": both}))["valueCodeableConcept"]["coding"] == both
    words = harmonised(of("5797-6", valueCodeableConcept={"text": "trace"}))["valueCodeableConcept"]
    assert words["coding"][0]["code"] == "trace"


def test_reference_ranges_go_with_their_value(harmonised: Run) -> None:
    bounds = [{"low": amount("3.9", "mmol/L"), "high": {"value": Decimal("6.1")}, "text": "3.9-6.1"}]
    found = harmonised(of("2345-7", valueQuantity=amount("5.0", "mmol/L"), referenceRange=bounds))["referenceRange"][0]
    assert (found["low"]["value"], found["low"]["code"]) == (Decimal("70.26"), "mg/dL")
    assert (found["high"]["value"], found["high"]["code"]) == (Decimal("109.9"), "mg/dL")
    assert found["high"]["extension"] == [{"url": SOURCE_VALUE, "valueQuantity": {"value": Decimal("6.1")}}]
    assert found["text"] == "3.9-6.1"


def test_a_refused_value_keeps_its_ranges_as_sent(harmonised: Run) -> None:
    bounds = [{"low": amount("3.9", "mmol/L")}]
    stated = of("2345-7", valueQuantity=amount("95", "meq/L"), referenceRange=bounds)
    assert harmonised(stated)["referenceRange"] == bounds


def test_components_are_harmonised_one_by_one_and_their_findings_tag_the_whole(harmonised: Run) -> None:
    parts = [
        {"code": {"coding": [{"system": LOINC, "code": "8480-6"}]}, "valueQuantity": {"value": 120, "unit": "mmHg"}},
        {"code": {"coding": [{"system": LOINC, "code": "8462-4"}]}, "valueQuantity": {"value": 80}},
    ]
    found = harmonised(of("85354-9", component=parts))
    assert found["component"][0]["valueQuantity"]["code"] == "mm[Hg]"
    assert found["component"][1] is parts[1]
    assert tags(found) == ["unit-missing"]


def test_a_value_that_is_absent_earns_no_code(harmonised: Run) -> None:
    absent = of("14749-6", dataAbsentReason={"text": "hemolyzed"})
    assert harmonised(absent) == absent
    refused = harmonised(of("14749-6", valueQuantity=amount("5", "meq/L")))
    assert [coding["code"] for coding in refused["code"]["coding"]] == ["14749-6"]


def test_numbers_that_are_none_stay() -> None:
    endless = [Decimal("NaN"), Decimal("Infinity"), Decimal("1E+999999"), Decimal("1E-999999"), Decimal("1" * 60)]
    for odd in ("five", True, None, [1], float("inf"), 10**5000, *endless):
        stated = of("2345-7", valueQuantity={"value": odd, "unit": "mg/dL"})
        assert harmonise(fact(stated)).resource is stated


def test_a_zero_stays_zero(lab: Lab) -> None:
    assert lab("5792-7", 0, "mmol/L")["valueQuantity"]["value"] == 0


def test_a_value_that_names_its_original_already_keeps_that_one(harmonised: Run) -> None:
    original = {"url": SOURCE_VALUE, "valueString": "5.0 mmol/l"}
    sent = {**amount("5.0", "mmol/L"), "extension": [original]}
    assert harmonised(of("2345-7", valueQuantity=sent))["valueQuantity"]["extension"] == [original]


def test_a_long_text_is_no_number(text: Lab) -> None:
    words = "5 mg/dL " + "and so on " * 20
    assert text("2345-7", words)["valueString"] == words


def test_a_unit_that_only_the_text_calls_one_is_refused(text: Lab) -> None:
    assert tags(text("11111-2", "95 hands")) == []
    assert recipe("glucose", "hands", "mg/dL") is None


def test_a_logarithm_of_no_real_size_is_kept_and_flagged(lab: Lab) -> None:
    found = lab("20447-9", "300000", "log10 copies/mL")
    assert (found["valueQuantity"]["value"], tags(found)) == (Decimal(300000), ["unit-suspect"])


def test_a_float_from_a_careless_reader_is_read_by_its_digits(harmonised: Run) -> None:
    assert harmonised(of("2345-7", valueQuantity={"value": 0.95, "unit": "mg/mL"}))["valueQuantity"]["value"] == 95


@pytest.mark.parametrize("unit", ["10*99.10*99.kg", "10*-99.10*-99.kg"])
def test_a_unit_of_no_real_size_is_kept_and_flagged(lab: Lab, unit: str) -> None:
    found = lab("29463-7", "88.123456789", unit)
    assert (found["valueQuantity"]["code"], tags(found)) == (unit, ["unit-mismatch"])


@pytest.mark.parametrize(("value", "unit"), [("1e-18", "ag"), ("999999999999999999", "Yg"), ("0.0000000001", "yg")])
def test_the_smallest_and_largest_numbers_are_kept_or_converted_never_an_error(lab: Lab, value: str, unit: str) -> None:
    assert tags(lab("29463-7", value, unit)) == ["unit-suspect"]
