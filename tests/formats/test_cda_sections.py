"""A discharge summary of one of our own people: each section gives its resources (C-CDA on FHIR)."""

import base64
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from mainstem.formats.cda import document, read
from mainstem.formats.cda.nodes import STATEMENTS
from mainstem.formats.cda.reading import Reading
from mainstem.model.fact import Delivery, Fact
from mainstem.model.outcome import Outcome
from mainstem.model.problem import Problem

SAMPLES = Path(__file__).parent / "samples" / "cda"
BODY = (SAMPLES / "hospital.xml").read_bytes()


def sent(body: bytes, now: datetime) -> Delivery:
    return Delivery(source="ward", name="stay.xml", media="application/cda+xml", body=body, received=now)


@pytest.fixture
def stay(now: datetime) -> Outcome[Fact]:
    return read(sent(BODY, now))


def of_type(found: Outcome[Fact], type_: str) -> list[dict[str, Any]]:
    return [fact.resource for fact in found.kept if fact.type == type_]


def only(found: Outcome[Fact], type_: str) -> dict[str, Any]:
    (resource,) = of_type(found, type_)
    return resource


def code_of(concept: dict[str, Any]) -> str:
    return str(concept["coding"][0]["code"])


def value(found: Outcome[Fact], code: str) -> dict[str, Any]:
    (resource,) = [item for item in of_type(found, "Observation") if code_of(item["code"]) == code]
    return {name: item for name, item in resource.items() if name.startswith(("value", "component", "referenceRange"))}


def test_conservation_every_statement_has_a_fate_and_the_broken_picture_is_held(now: datetime) -> None:
    reading = document.opened(sent(BODY, now))
    assert isinstance(reading, Reading)
    document.fill(sent(BODY, now), reading)
    assert set(reading.root.iter(*STATEMENTS)) <= set(reading.fates)
    (held,) = reading.held
    assert held.problem is Problem.UNREADABLE
    assert reading.root.xpath(held.path)[0].tag.endswith("observationMedia")


@pytest.mark.parametrize("name", ["visit.xml", "nothing.xml", "hospital.xml"])
def test_resources_have_no_empty_parts_and_no_dangling_references(name: str, now: datetime) -> None:
    found = read(sent((SAMPLES / name).read_bytes(), now))
    known = {f"{fact.type}/{fact.key}" for fact in found.kept}

    def check(item: Any) -> None:  # noqa: ANN401 - any JSON value
        assert item not in ([], {}, "", None)
        if isinstance(item, dict):
            assert item.get("reference", next(iter(known))) in known
            for inner in item.values():
                check(inner)
        elif isinstance(item, list):
            for inner in item:
                check(inner)

    for fact in found.kept:
        check(fact.resource)


def test_a_discharge_medication_with_reason_sig_notes_order_and_dispense(stay: Outcome[Fact]) -> None:
    drug = only(stay, "MedicationStatement")
    assert drug["medicationCodeableConcept"]["text"] == "Apixaban 5 mg"
    assert drug["category"]["coding"][0]["code"] == "community"
    assert code_of(drug["reasonCode"][0]) == "49436004"
    assert drug["dosage"][0]["text"] == "1 tablet twice daily"
    assert drug["dosage"][0]["patientInstruction"] == "Take with water."
    assert drug["note"] == [{"text": "Watch for bleeding."}]
    orders = of_type(stay, "MedicationRequest")
    (order,) = [item for item in orders if "dispenseRequest" in item]
    assert drug["basedOn"] == [{"reference": f"MedicationRequest/{order['id']}"}]
    assert order["dispenseRequest"] == {"numberOfRepeatsAllowed": 2, "quantity": {"value": Decimal(60)}}
    assert code_of(order["medicationCodeableConcept"]) == "1364435"
    dispensed = only(stay, "MedicationDispense")
    assert dispensed["quantity"]["value"] == 60
    assert dispensed["extension"][0]["valueReference"]["reference"] == f"MedicationStatement/{drug['id']}"


def test_ccda_9_one_stay_known_by_two_ids_and_the_same_times_is_one(stay: Outcome[Fact]) -> None:
    (encounter,) = [item for item in of_type(stay, "Encounter") if item["status"] != "planned"]
    assert encounter["status"] == "finished"
    assert {item["value"] for item in encounter["identifier"]} == {"other", "S9"}
    assert encounter["hospitalization"]["dischargeDisposition"]["coding"][0]["code"] == "01"
    assert encounter["location"][0]["location"]["display"] == "Ward 3"
    diagnosis = next(item for item in of_type(stay, "Condition") if code_of(item["code"]) == "49436004")
    assert code_of(diagnosis["category"][0]) == "encounter-diagnosis"
    assert diagnosis["extension"][0]["valueReference"]["reference"] == f"Encounter/{encounter['id']}"


def test_a_procedure_and_its_device(stay: Outcome[Fact]) -> None:
    procedure = only(stay, "Procedure")
    pacemaker = next(item for item in of_type(stay, "Device") if "udiCarrier" in item)
    assert procedure["performedPeriod"]["end"] == "2024-06-12T10:30:00+02:00"
    assert procedure["focalDevice"][0]["manipulated"]["reference"] == f"Device/{pacemaker['id']}"
    assert pacemaker["udiCarrier"][0]["carrierHRF"] == "(01)00643169001763"
    assert pacemaker["manufacturer"] == "Heartworks"
    assert procedure["performer"][0]["actor"]["display"] == "Eeva Koski"


def test_a_supplied_device_is_in_use_by_the_person(stay: Outcome[Fact]) -> None:
    use = only(stay, "DeviceUseStatement")
    frame = next(item for item in of_type(stay, "Device") if "udiCarrier" not in item)
    assert use["device"]["reference"] == f"Device/{frame['id']}"
    assert code_of(frame["type"]) == "266731002"


def test_the_plan_is_planned_and_never_done(stay: Outcome[Fact]) -> None:
    order = next(item for item in of_type(stay, "ServiceRequest") if code_of(item["code"]) == "73761001")
    assert (order["status"], order["intent"], order["occurrenceDateTime"]) == ("active", "order", "2024-09-01")
    visit = next(item for item in of_type(stay, "Encounter") if item["status"] == "planned")
    assert visit["reasonCode"][0]["text"] == "Check the wound"
    planned = next(item for item in of_type(stay, "MedicationRequest") if item["intent"] == "plan")
    assert code_of(planned["medicationCodeableConcept"]) == "313782"
    advice = next(item for item in of_type(stay, "ServiceRequest") if "patientInstruction" in item)
    assert advice["patientInstruction"] == "Weigh yourself each morning."
    assert len(of_type(stay, "ServiceRequest")) == 2


def test_a_goal_keeps_its_target_and_its_time(stay: Outcome[Fact]) -> None:
    goal = only(stay, "Goal")
    assert goal["target"][0]["detailQuantity"]["value"] == 64
    assert goal["startDate"] == "2024-12-31"
    assert goal["_startDate"]["extension"][0]["valueDateTime"] == "2024-12-31T12:00:00+02:00"


def test_family_history_holds_what_the_relative_had_and_not_what_was_denied(stay: Outcome[Fact]) -> None:
    father = only(stay, "FamilyMemberHistory")
    assert [code_of(item["code"]) for item in father["condition"]] == ["22298006"]
    assert father["condition"][0]["onsetAge"]["value"] == 57
    assert (father["bornDate"], father["deceasedBoolean"], code_of(father["sex"])) == ("1920", True, "male")


def test_coverage_names_payer_and_member(stay: Outcome[Fact]) -> None:
    coverage = only(stay, "Coverage")
    assert coverage["payor"][0]["display"] == "Northern Fund"
    assert coverage["subscriberId"] == "M-77"
    assert coverage["period"] == {"start": "2020-01-01"}


def test_a_health_concern_in_words_only(stay: Outcome[Fact]) -> None:
    concern = next(item for item in of_type(stay, "Condition") if item["code"].get("text") == "Fear of falling")
    assert code_of(concern["category"][0]) == "health-concern"


def test_an_assessment_scale_names_its_answers_and_a_denied_finding_has_no_value(stay: Outcome[Fact]) -> None:
    scale = next(item for item in of_type(stay, "Observation") if code_of(item["code"]) == "72106-8")
    answer = next(item for item in of_type(stay, "Observation") if code_of(item["code"]) == "52491-8")
    assert scale["valueInteger"] == 27
    assert scale["hasMember"] == [{"reference": f"Observation/{answer['id']}"}]
    assert answer["valueBoolean"] is True
    denied = next(item for item in of_type(stay, "Observation") if code_of(item["code"]) == "288599007")
    assert "valueCodeableConcept" not in denied
    assert code_of(denied["extension"][0]["valueCodeableConcept"]) == "48167000"
    assert denied["status"] == "cancelled"


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("RTO", {"valueRatio": {"numerator": {"value": Decimal(1)}, "denominator": {"value": Decimal(80)}}}),
        ("TS", {"valueDateTime": "2024-06-01"}),
        ("IVT", {"valuePeriod": {"start": "2024-06-01", "end": "2024-06-03"}}),
        ("ED", {"valueString": "YELLOW"}),
        ("TXT", {"valueString": "see note mg"}),
    ],
)
def test_every_kind_of_value(code: str, expected: dict[str, Any], stay: Outcome[Fact]) -> None:
    assert value(stay, code) == expected


def test_ranges_comparators_several_values_and_untyped_ones(stay: Outcome[Fact]) -> None:
    assert value(stay, "RNG")["valueRange"]["high"]["value"] == 2
    assert value(stay, "LOW")["valueQuantity"]["comparator"] == ">="
    assert value(stay, "BARE")["valueQuantity"]["unit"] == "g"
    two = value(stay, "TWO")
    assert two["valueString"] == "A"
    assert two["component"][0]["valueString"] == "B"
    assert two["referenceRange"] == [{"text": "A to C"}]
    report = only(stay, "DiagnosticReport")
    assert report["effectivePeriod"] == {"start": "2024-06-11", "end": "2024-06-12"}
    assert len(report["result"]) == 9


def test_ccda_14_media_and_notes_keep_their_bytes(stay: Outcome[Fact]) -> None:
    attachments = [item["content"][0]["attachment"] for item in of_type(stay, "DocumentReference")]
    picture = next(item for item in attachments if item["contentType"] == "image/png")
    assert base64.b64decode(picture["data"]) == b"hello"
    assert (picture["size"], picture["hash"]) == (5, "qvTGHdzF6KLavt4PO0gs2a6pQ00=")
    note = next(item for item in attachments if item["contentType"].startswith("text/plain"))
    assert base64.b64decode(note["data"]).decode() == "Walked on day two."
    whole = next(item for item in attachments if item["contentType"] == "text/xml")
    assert whole["size"] == len(BODY)


def test_ccda_14_a_document_that_is_a_file_keeps_the_file(now: datetime) -> None:
    text = BODY.decode()
    head, _, rest = text.partition("<structuredBody>")
    tail = rest.partition("</structuredBody>")[2]
    file = '<nonXMLBody><text mediaType="application/pdf" representation="B64">JVBERi0=</text></nonXMLBody>'
    found = read(sent((head + file + tail).encode(), now))
    document_ = only(found, "DocumentReference")
    assert base64.b64decode(document_["content"][1]["attachment"]["data"]) == b"%PDF-"
    broken = read(sent((head + file.replace("JVBERi0=", "!") + tail).encode(), now))
    assert [held.problem for held in broken.held] == [Problem.UNREADABLE]
    assert of_type(broken, "Composition")


def test_care_teams_of_the_section_and_of_the_header(stay: Outcome[Fact]) -> None:
    teams = of_type(stay, "CareTeam")
    assert {item["participant"][0]["member"]["display"] for item in teams} == {"Eeva Koski", "Olli Salo"}


def test_the_header_person_and_the_device_author(stay: Outcome[Fact]) -> None:
    patient = only(stay, "Patient")
    assert patient["birthDate"] == "1947-11-03"
    assert patient["_birthDate"]["extension"][0]["valueDateTime"] == "1947-11-03T06:30:00+02:00"
    assert patient["deceasedBoolean"] is False
    assert patient["contact"][0]["name"]["given"] == ["Aino"]
    assert patient["generalPractitioner"][0]["display"] == "Olli Salo"
    race, ethnicity = patient["extension"]
    assert [item["url"] for item in race["extension"]] == ["ombCategory", "detailed", "text"]
    assert ethnicity["extension"][0]["_valueString"]["extension"][0]["valueCode"] == "not-applicable"
    composition = only(stay, "Composition")
    assert composition["author"] == [{"display": "WardWriter"}]
    assert composition["attester"][0]["party"]["display"] == "Olli Salo"
    assert composition["event"][0]["period"] == {"start": "2024-06-10", "end": "2024-06-20"}
