"""Ways in which real senders say a thing: each entry is made up, each habit was seen (harmonise rule book, 1.3)."""

from datetime import datetime
from typing import Any

import pytest

from mainstem.formats.cda import read
from mainstem.model.fact import Delivery, Fact
from mainstem.model.outcome import Outcome

T = "2.16.840.1.113883.10.20.22.4"
SCT = 'codeSystem="2.16.840.1.113883.6.96"'
NEGATIVE = 'negationInd="true"'


def outcome(loinc: str, text: str, entries: str, now: datetime) -> Outcome[Fact]:
    body = (
        '<ClinicalDocument xmlns="urn:hl7-org:v3" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">'
        '<id root="2.999.10" extension="d"/><effectiveTime value="20240101"/><recordTarget><patientRole>'
        '<id root="2.999.1" extension="P-5"/></patientRole></recordTarget><component><structuredBody><component>'
        f'<section><code code="{loinc}" codeSystem="2.16.840.1.113883.6.1"/><text>{text}</text>{entries}</section>'
        "</component></structuredBody></component></ClinicalDocument>"
    )
    return read(Delivery(source="s", name="x", media="m", body=body.encode(), received=now))


def of_type(found: Outcome[Fact], *types: str) -> list[dict[str, Any]]:
    return [fact.resource for fact in found.kept if fact.type in types]


def empty_reason(found: Outcome[Fact]) -> str | None:
    (composition,) = of_type(found, "Composition")
    reason = composition["section"][0].get("emptyReason")
    return str(reason["coding"][0]["code"]) if reason else None


def allergy(value: str, substance: str, inner: str = "", link: str = "") -> str:
    entity = f"<participantRole><playingEntity>{substance}</playingEntity></participantRole>"
    return (
        f'<entry><act classCode="ACT" moodCode="EVN"><templateId root="{T}.30"/><statusCode code="active"/>'
        f'<entryRelationship typeCode="SUBJ" {link}><observation classCode="OBS" moodCode="EVN">'
        f'<templateId root="{T}.7"/><code code="ASSERTION"/><value xsi:type="CD" {value} {SCT}/>'
        f'<participant typeCode="CSM">{entity}</participant>{inner}</observation></entryRelationship></act></entry>'
    )


def drug(code: str, attributes: str = "", inner: str = "", template: str = "16", mood: str = "EVN") -> str:
    return (
        f'<entry><substanceAdministration classCode="SBADM" moodCode="{mood}" {attributes}>'
        f'<templateId root="{T}.{template}"/>{inner}<consumable>'
        f"<manufacturedProduct><manufacturedMaterial>{code}</manufacturedMaterial></manufacturedProduct>"
        "</consumable></substanceAdministration></entry>"
    )


def problem(value: str, attributes: str = "") -> str:
    return (
        f'<entry><act classCode="ACT" moodCode="EVN"><templateId root="{T}.3"/><statusCode code="active"/>'
        f'<entryRelationship typeCode="SUBJ"><observation classCode="OBS" moodCode="EVN" {attributes}>'
        f'<templateId root="{T}.4"/>{value}'
        "</observation></entryRelationship></act></entry>"
    )


NO_CODE = '<code nullFlavor="NA"/>'
SITUATION = f'<code nullFlavor="UNK"><translation code="160244002" {SCT}/></code>'
BARE_IN_WORDS = f'<value xsi:type="CD" code="55607006" {SCT} displayName="No Known Problems"/>'
REACTION = (
    '<entryRelationship typeCode="MFST" inversionInd="true"><observation classCode="OBS" moodCode="EVN">'
    f'<templateId root="{T}.9"/><effectiveTime><low value="2019"/></effectiveTime>'
    f'<value xsi:type="CD" code="422587007" {SCT}/></observation></entryRelationship>'
)
SEVERITY = (
    '<entryRelationship typeCode="SUBJ" inversionInd="true"><observation classCode="OBS" moodCode="EVN">'
    f'<code code="SEV"/><value xsi:type="CD" code="24484000" {SCT}/></observation></entryRelationship>'
)


@pytest.mark.parametrize(
    ("text", "entry", "codes"),
    [
        ("No Known Allergies", allergy('code="419199007"', NO_CODE), ["716186003"]),
        ("No Known Drug Allergies", allergy('code="416098002"', NO_CODE), ["409137002"]),
        ("Allergies", allergy('code="416098002"', NO_CODE), []),
        ("Allergies", allergy('nullFlavor="NI"', NO_CODE), []),
        ("", allergy('code="419199007"', NO_CODE, link=NEGATIVE), ["716186003"]),
        ("", allergy('code="420134006"', SITUATION), ["716186003"]),
        ("", allergy('code="416098002"', f'<code code="410942007" {SCT}/>', link=NEGATIVE), ["409137002"]),
        ("", allergy('code="294505008"', NO_CODE), ["294505008"]),
    ],
)  # fmt: skip
def test_ccda_3_allergies_without_a_substance(text: str, entry: str, codes: list[str], now: datetime) -> None:
    found = of_type(outcome("48765-2", text, entry, now), "AllergyIntolerance")
    assert [item["code"]["coding"][0]["code"] for item in found] == codes


def test_an_allergy_to_something_unnamed_with_a_reaction_is_kept(now: datetime) -> None:
    (found,) = of_type(
        outcome("48765-2", "Allergies", allergy('code="416098002"', NO_CODE, REACTION), now), "AllergyIntolerance"
    )
    assert found["reaction"][0]["manifestation"][0]["coding"][0]["code"] == "422587007"
    assert found["reaction"][0]["onset"] == "2019"


def test_an_allergy_in_words_keeps_its_name_and_its_severity(now: datetime) -> None:
    entry = allergy('code="414285001"', "<code nullFlavor='OTH'/><name>Lupin flour</name>", SEVERITY)
    (found,) = of_type(outcome("48765-2", "Lupin", entry, now), "AllergyIntolerance")
    assert found["code"]["text"] == "Lupin flour"
    assert found["category"] == ["food"]
    assert found["reaction"][0]["severity"] == "severe"


@pytest.mark.parametrize(
    ("text", "entry", "reason"),
    [
        ("No Known Medications", drug(NO_CODE), "nilknown"),
        ("Medications excluded/not available", drug(NO_CODE), "unavailable"),
        ("None", drug(NO_CODE), "unavailable"),
        ("List", drug('<code nullFlavor="UNK" displayName="No current long-term medications"/>'), "nilknown"),
        ("List", drug(NO_CODE, inner='<code code="182849000"/>'), "nilknown"),
        ("List", drug(f'<code code="787481004" {SCT}/>'), "nilknown"),
        ("List", drug(NO_CODE, NEGATIVE, "<text>Medications not documented</text>"), "unavailable"),
        ("List", drug(NO_CODE, NEGATIVE), "nilknown"),
    ],
)
def test_ccda_3_no_medication_comes_from_none(text: str, entry: str, reason: str, now: datetime) -> None:
    found = outcome("10160-0", text, entry, now)
    assert not of_type(found, "MedicationStatement", "MedicationRequest")
    assert empty_reason(found) == reason


def test_ccda_3_a_negated_drug_with_a_name_is_not_taken(now: datetime) -> None:
    entry = drug('<code code="1191" codeSystem="2.16.840.1.113883.6.88"/>', NEGATIVE)
    (found,) = of_type(outcome("10160-0", "No aspirin", entry, now), "MedicationStatement")
    assert found["status"] == "not-taken"


def test_a_drug_in_words_only_is_a_drug(now: datetime) -> None:
    (found,) = of_type(outcome("10160-0", "x", drug(f"{NO_CODE}<name>Herbal tea</name>"), now), "MedicationStatement")
    assert found["medicationCodeableConcept"] == {"text": "Herbal tea"}
    assert found["status"] == "unknown"


@pytest.mark.parametrize(
    ("text", "entry", "expected"),
    [
        ("x", problem(f'<value xsi:type="CD" code="160245001" {SCT}/>'), ["160245001"]),
        ("x", problem(BARE_IN_WORDS) * 2, ["160245001"]),
        ("x", problem('<value xsi:type="CD" nullFlavor="UNK"/>', NEGATIVE), ["160245001"]),
        ("No problems known", problem('<value xsi:type="CD" nullFlavor="UNK"/>'), ["160245001"]),
        ("x", problem('<value xsi:type="CD" nullFlavor="UNK"/>'), []),
    ],
)  # fmt: skip
def test_ccda_3_problems_that_name_nothing(text: str, entry: str, expected: list[str], now: datetime) -> None:
    found = of_type(outcome("11450-4", text, entry, now), "Condition")
    assert [item["code"]["coding"][0]["code"] for item in found] == expected


def test_a_problem_in_words_under_a_general_code_is_not_lost(now: datetime) -> None:
    value = f'<value xsi:type="CD" code="55607006" {SCT}><originalText>Broken heart syndrome</originalText></value>'
    other = f'<value xsi:type="CD" code="38341003" {SCT}/>'
    found = of_type(outcome("11450-4", "x", problem(value) + problem(other), now), "Condition")
    assert [item["code"].get("text") for item in found] == ["Broken heart syndrome", None]


REFUSED = (
    f'<entryRelationship typeCode="RSON"><observation classCode="OBS" moodCode="EVN"><templateId root="{T}.53"/>'
    '<code nullFlavor="NI" displayName="DECLINED"/></observation></entryRelationship>'
)
VACCINE = '<code code="140" codeSystem="2.16.840.1.113883.12.292"/>'


def test_a_refusal_reason_alone_makes_a_vaccine_not_done(now: datetime) -> None:
    entry = drug(VACCINE, inner='<statusCode code="completed"/>', template="52").replace(
        "</consumable>", "</consumable>" + REFUSED
    )
    (found,) = of_type(outcome("11369-6", "x", entry, now), "Immunization")
    assert (found["status"], found["statusReason"]) == ("not-done", {"text": "DECLINED"})


def test_a_vaccine_that_is_only_intended_was_not_given(now: datetime) -> None:
    found = outcome("11369-6", "x", drug(VACCINE, template="52", mood="INT"), now)
    assert not of_type(found, "Immunization")
    assert of_type(found, "MedicationRequest")[0]["intent"] == "plan"


def test_a_smoking_status_under_assertion_gets_the_code_of_its_template(now: datetime) -> None:
    entry = (
        f'<entry><observation classCode="OBS" moodCode="EVN"><templateId root="{T}.78"/>'
        '<code code="ASSERTION" codeSystem="2.16.840.1.113883.5.4"/>'
        f'<value xsi:type="CD" code="77176002" {SCT}/></observation></entry>'
    )
    (found,) = of_type(outcome("29762-2", "x", entry, now), "Observation")
    assert [item["code"] for item in found["code"]["coding"]] == ["72166-2", "ASSERTION"]


def test_a_result_that_says_not_available_is_a_result_and_a_status_that_says_so_is_none(now: datetime) -> None:
    entry = (
        '<entry><observation classCode="OBS" moodCode="EVN"><code code="5778-6" codeSystem="2.16.840.1.113883.6.1"/>'
        '<value xsi:type="ST">Not available</value></observation></entry>'
    )
    (result,) = of_type(outcome("30954-2", "x", entry, now), "Observation")
    assert result["valueString"] == "Not available"
    assert not of_type(outcome("10190-7", "x", entry, now), "Observation")
