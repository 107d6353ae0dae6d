"""Codes, statuses, interpretations and doses: what is added beside the source's words, and what is not."""

from collections.abc import Callable
from decimal import Decimal

import pytest

from mainstem.model.fact import Resource
from mainstem.model.names import LOINC, SNOMED, SOURCE_VALUE, UCUM

Run = Callable[[Resource], Resource]
R4 = "http://terminology.hl7.org/CodeSystem/v3-ObservationInterpretation"


def coded(*pairs: tuple[str, str], **elements: object) -> Resource:
    coding = [{"system": system, "code": code, "display": f"{code}!"} for system, code in pairs]
    return {"resourceType": "Observation", "id": "o1", "status": "final", "code": {"coding": coding}, **elements}


def codes(resource: Resource) -> list[tuple[str, str]]:
    return [(each["system"], each["code"]) for each in resource["code"]["coding"]]


def test_a_known_loinc_code_comes_first_and_the_sources_own_stay(harmonised: Run) -> None:
    found = harmonised(coded(("urn:local", "GLU"), (LOINC, "11111-2"), (LOINC, "2345-7")))
    assert codes(found) == [(LOINC, "2345-7"), ("urn:local", "GLU"), (LOINC, "11111-2")]
    assert [each["display"] for each in found["code"]["coding"]] == ["2345-7!", "GLU!", "11111-2!"]


def test_a_system_under_another_name_gets_its_uri_beside(harmonised: Run) -> None:
    found = harmonised(coded(("urn:oid:2.16.840.1.113883.6.1", "2345-7"), valueQuantity={"value": 5, "unit": "mmol/L"}))
    assert codes(found) == [(LOINC, "2345-7"), ("urn:oid:2.16.840.1.113883.6.1", "2345-7")]
    assert found["valueQuantity"]["code"] == "mg/dL", "the unit follows the code under either name"


def test_an_equivalent_code_is_added_only_where_a_source_says_so(harmonised: Run) -> None:
    assert codes(harmonised(coded((SNOMED, "27113001"))))[0] == (LOINC, "29463-7")
    assert codes(harmonised(coded((LOINC, "3141-9")))) == [(LOINC, "3141-9")], "measured weight is not re-coded"


def test_a_local_code_without_a_map_stays_as_it_is(harmonised: Run) -> None:
    stated = coded(("urn:local", "X1"), valueString="fine")
    assert harmonised(stated) is stated


def test_two_names_of_one_code_add_it_once(harmonised: Run) -> None:
    found = harmonised(coded(("LN", "2345-7"), ("urn:oid:2.16.840.1.113883.6.1", "2345-7")))
    assert codes(found).count((LOINC, "2345-7")) == 1


@pytest.mark.parametrize("system", ["http://hl7.org/fhir/v2/0078", "http://terminology.hl7.org/CodeSystem/v2-0078"])
def test_interpretations_of_v2_get_the_r4_system(harmonised: Run, system: str) -> None:
    sent = [{"coding": [{"system": system, "code": "H"}]}, {"text": " LOW "}, {"text": "odd"}]
    found = harmonised(coded((LOINC, "2345-7"), interpretation=sent))["interpretation"]
    assert [each["code"] for each in found[0]["coding"]] == ["H", "H"]
    assert found[0]["coding"][0]["system"] == R4
    assert found[1] == {"text": " LOW ", "coding": [{"system": R4, "code": "L"}]}
    assert found[2] == {"text": "odd"}


@pytest.mark.parametrize(
    ("type_", "sent", "meant"),
    [
        ("Observation", "Final", "final"),
        ("Immunization", "NOT DONE", "not-done"),
        ("Procedure", "not_done", "not-done"),
    ],
)
def test_a_status_is_spelled_as_r4_spells_it_and_kept_as_sent(
    harmonised: Run, type_: str, sent: str, meant: str
) -> None:
    found = harmonised({"resourceType": type_, "id": "o1", "status": sent, "_status": {"id": "s"}})
    assert found["status"] == meant
    assert found["_status"] == {"id": "s", "extension": [{"url": SOURCE_VALUE, "valueString": sent}]}


@pytest.mark.parametrize("status", ["final", "done", 7, None, "entered-in-error"])
def test_a_status_that_is_right_or_unknown_stays(harmonised: Run, status: object) -> None:
    stated = {"resourceType": "Observation", "id": "o1", "status": status}
    assert harmonised(stated) is stated
    odd = {"resourceType": "Observation", "id": "o1", "status": "Final", "_status": "no object"}
    assert harmonised(odd) is odd


def dosed(**dose: object) -> Resource:
    rate = {"doseQuantity": {"value": Decimal(50), **dose}}
    dosage = {"doseAndRate": [rate]}
    return {"resourceType": "MedicationRequest", "id": "o1", "status": "active", "dosageInstruction": [dosage]}


def test_a_dose_is_respelled_and_never_converted(harmonised: Run) -> None:
    found = harmonised(dosed(unit="mcg"))["dosageInstruction"][0]["doseAndRate"][0]["doseQuantity"]
    assert (found["value"], found["code"], found["system"]) == (Decimal(50), "ug", UCUM)
    assert found["extension"] == [{"url": SOURCE_VALUE, "valueQuantity": {"value": Decimal(50), "unit": "mcg"}}]


@pytest.mark.parametrize("unit", ["tablet", "units", "gr", "{tbl}/", "puff"])
def test_a_dose_in_words_stays(harmonised: Run, unit: str) -> None:
    stated = dosed(unit=unit)
    assert harmonised(stated) is stated


def test_doses_stand_in_objects_and_lists(harmonised: Run) -> None:
    given = {"resourceType": "MedicationAdministration", "id": "o1", "status": "completed"}
    found = harmonised({**given, "dosage": {"dose": {"value": 1, "unit": "gm"}}})
    assert found["dosage"]["dose"]["code"] == "g"
    shot = {
        "resourceType": "Immunization",
        "id": "o1",
        "status": "completed",
        "doseQuantity": {"value": 1, "unit": "cc"},
    }
    assert harmonised(shot)["doseQuantity"]["code"] == "mL"
    plain = {**given, "dosage": "as needed"}
    assert harmonised(plain) is plain


def test_other_types_are_not_touched(harmonised: Run) -> None:
    for type_ in ("Patient", "Condition", "AllergyIntolerance", "DocumentReference"):
        stated = {
            "resourceType": type_,
            "id": "o1",
            "status": "Final",
            "code": {"coding": [{"system": "LN", "code": "1"}]},
        }
        assert harmonised(stated) is stated
