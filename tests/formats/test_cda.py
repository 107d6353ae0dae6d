"""C-CDA documents of our own people: what each rule of the sync rule book, section 8, asks of the reader."""

import re
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from lxml import etree

from mainstem.formats.cda import document, read
from mainstem.formats.cda.nodes import STATEMENTS
from mainstem.formats.cda.reading import Reading
from mainstem.model.fact import Delivery, Fact
from mainstem.model.json import canonical
from mainstem.model.outcome import Outcome
from mainstem.model.problem import Problem

SAMPLES = Path(__file__).parent / "samples" / "cda"
VISIT = (SAMPLES / "visit.xml").read_text(encoding="utf-8")
NOTHING = (SAMPLES / "nothing.xml").read_text(encoding="utf-8")
SNOMED = "http://snomed.info/sct"
LOINC = "http://loinc.org"


def outcome(text: str | bytes, now: datetime) -> Outcome[Fact]:
    body = text.encode() if isinstance(text, str) else text
    return read(Delivery(source="clinic", name="doc.xml", media="application/cda+xml", body=body, received=now))


def of_type(found: Outcome[Fact], type_: str) -> list[dict[str, Any]]:
    return [fact.resource for fact in found.kept if fact.type == type_]


def by_code(found: Outcome[Fact], type_: str, code: str, element: str = "code") -> dict[str, Any]:
    for resource in of_type(found, type_):
        if code in [item.get("code") for item in resource.get(element, {}).get("coding", [])]:
            return resource
    raise AssertionError(f"no {type_} with {code}")


def section(found: Outcome[Fact], loinc: str) -> dict[str, Any]:
    (composition,) = of_type(found, "Composition")
    return next(item for item in composition["section"] if item["code"]["coding"][0]["code"] == loinc)


def comparable(found: Outcome[Fact]) -> dict[str, bytes]:
    """Facts of the entries: without what each document has for itself."""
    own = {"Composition", "DocumentReference"}
    return {f"{fact.type}/{fact.key}": canonical(fact.resource) for fact in found.kept if fact.type not in own}


@pytest.fixture
def visit(now: datetime) -> Outcome[Fact]:
    return outcome(VISIT, now)


@pytest.fixture
def nothing(now: datetime) -> Outcome[Fact]:
    return outcome(NOTHING, now)


def test_ccda_1_bumped_extensions_and_unknown_templates_yield_the_same_facts(
    visit: Outcome[Fact], now: datetime
) -> None:
    bumped = re.sub(r'(templateId root="[^"]+") extension="[^"]+"', r'\1 extension="2031-01-01"', VISIT)
    assert comparable(outcome(bumped, now)) == comparable(visit)
    unknown = re.sub(
        r'templateId root="2\.16\.840\.1\.113883\.10\.20\.22\.2\.[^"]+"', 'templateId root="2.999.99"', VISIT
    )
    assert comparable(outcome(unknown, now)) == comparable(visit)


def test_ccda_1_without_any_template_the_structure_still_gives_vitals_and_drugs(now: datetime) -> None:
    found = outcome(re.sub(r"<templateId [^>]+/>", "", VISIT), now)
    assert by_code(found, "Observation", "8480-6")["valueQuantity"]["value"] == Decimal(142)
    assert by_code(found, "MedicationStatement", "198189", "medicationCodeableConcept")
    assert by_code(found, "Condition", "59621000")
    assert by_code(found, "AllergyIntolerance", "7980")


@pytest.mark.parametrize(
    ("flavor", "reason"),
    [("NI", "unknown"), ("UNK", "unknown"), ("ASKU", "asked-unknown"), ("NASK", "not-asked"), ("NA", "not-applicable"),
     ("NAV", "temp-unknown"), ("MSK", "masked"), ("OTH", "unsupported"), ("PINF", "positive-infinity")],
)  # fmt: skip
def test_ccda_2_a_null_value_says_why_and_is_never_a_value(flavor: str, reason: str, now: datetime) -> None:
    found = outcome(
        VISIT.replace(
            '<value xsi:type="PQ" value="142" unit="mm[Hg]"/>', f'<value xsi:type="PQ" nullFlavor="{flavor}"/>'
        ),
        now,
    )
    resource = by_code(found, "Observation", "8480-6")
    assert not [name for name in resource if name.startswith("value")]
    assert resource["dataAbsentReason"]["coding"][0]["code"] == reason


def test_ccda_2_other_with_a_translation_is_a_coded_entry(now: datetime) -> None:
    drug = '<code nullFlavor="OTH"><translation code="198189" codeSystem="2.16.840.1.113883.6.88"/></code>'
    found = outcome(re.sub(r'<code code="198189"[^>]+/>', drug, VISIT), now)
    assert by_code(found, "MedicationStatement", "198189", "medicationCodeableConcept")["status"] == "active"


def test_ccda_3_negated_unspecific_allergy_is_the_concept_of_its_absence(nothing: Outcome[Fact]) -> None:
    none = by_code(nothing, "AllergyIntolerance", "409137002")
    assert none["verificationStatus"]["coding"][0]["code"] == "confirmed"
    assert none["extension"][0]["valueCodeableConcept"]["coding"][0]["code"] == "416098002"


def test_ccda_3_negated_specific_statements_are_refuted_or_not_done(nothing: Outcome[Fact]) -> None:
    peanut = by_code(nothing, "AllergyIntolerance", "762952008")
    diabetes = by_code(nothing, "Condition", "73211009")
    assert [item["verificationStatus"]["coding"][0]["code"] for item in (peanut, diabetes)] == ["refuted", "refuted"]
    assert "clinicalStatus" not in diabetes
    assert by_code(nothing, "Procedure", "80146002")["status"] == "not-done"


def test_ccda_3_no_known_problems_is_a_condition_that_says_so(nothing: Outcome[Fact]) -> None:
    found = by_code(nothing, "Condition", "160245001")
    assert "55607006" not in [item["code"] for item in found["code"]["coding"]]


def test_ccda_3_nothing_positive_comes_from_a_negative(nothing: Outcome[Fact]) -> None:
    assert not of_type(nothing, "MedicationStatement") + of_type(nothing, "Immunization") + of_type(nothing, "Device")
    assert len(of_type(nothing, "Condition")) == len(of_type(nothing, "AllergyIntolerance")) == 2
    assert len(of_type(nothing, "Procedure")) == 1


@pytest.mark.parametrize(
    ("loinc", "reason"),
    [("10160-0", "nilknown"), ("11369-6", "nilknown"), ("46264-8", "nilknown"),
     ("30954-2", "unavailable"), ("47420-5", "withheld")],
)  # fmt: skip
def test_ccda_3_none_known_is_not_no_information(loinc: str, reason: str, nothing: Outcome[Fact]) -> None:
    assert section(nothing, loinc)["emptyReason"]["coding"][0]["code"] == reason
    assert "entry" not in section(nothing, loinc)


def test_ccda_3_a_bare_problem_code_alone_means_none_known_and_beside_another_means_nothing(now: datetime) -> None:
    bare = VISIT.replace('code="59621000"', 'code="55607006"').replace(
        '<translation code="I10" codeSystem="2.16.840.1.113883.6.90"/>', ""
    )
    bare = bare.replace('displayName="Essential hypertension"', 'displayName="Problem"')
    (condition,) = of_type(outcome(bare, now), "Condition")
    assert condition["code"]["coding"][0]["code"] == "160245001"
    entry = re.search(r"<entry><act[^>]*><templateId root=\"[^\"]+4\.3\".*?</entry>", bare, re.DOTALL)
    assert entry
    twice = VISIT.replace(
        "<title>Problems</title><text>High blood pressure</text>",
        "<title>Problems</title><text>High blood pressure</text>" + entry.group(),
    )
    assert [item["code"]["coding"][0]["code"] for item in of_type(outcome(twice, now), "Condition")] == ["59621000"]


def test_ccda_3_a_refused_vaccine_stays_not_done_with_its_reason(visit: Outcome[Fact]) -> None:
    vaccine = by_code(visit, "Immunization", "166", "vaccineCode")
    assert vaccine["status"] == "not-done"
    assert vaccine["statusReason"]["coding"][0]["code"] == "PATOBJ"


def test_ccda_4_references_resolve_into_the_narrative(visit: Outcome[Fact]) -> None:
    assert by_code(visit, "AllergyIntolerance", "7980")["code"]["text"] == "Penicillin: hives & swelling"
    dosage = by_code(visit, "MedicationStatement", "198189", "medicationCodeableConcept")["dosage"][0]
    assert dosage["text"] == "Ramipril, one tablet twice a day"


def test_ccda_4_an_unresolved_reference_is_held_and_its_entry_is_read(now: datetime) -> None:
    found = outcome(VISIT.replace('reference value="#al1"', 'reference value="#gone1"'), now)
    (held,) = found.held
    assert held.problem is Problem.BAD_REFERENCE
    assert etree.fromstring(VISIT.encode()).xpath(held.path)[0].get("value") == "#al1"
    assert by_code(found, "AllergyIntolerance", "7980")


def test_ccda_4_narrative_only_sections_stay_as_safe_text(visit: Outcome[Fact]) -> None:
    div = section(visit, "51848-0")["text"]["div"]
    assert "Walk daily." in div
    assert "onclick" not in div
    assert "javascript" not in div
    assert etree.fromstring(div).tag == "{http://www.w3.org/1999/xhtml}div"


@pytest.mark.parametrize("text", [VISIT, NOTHING])
def test_ccda_4_every_clinical_statement_is_a_fact_a_part_or_said_to_be_empty(text: str, now: datetime) -> None:
    delivery = Delivery(source="clinic", name="x", media="application/cda+xml", body=text.encode(), received=now)
    reading = document.opened(delivery)
    assert isinstance(reading, Reading)
    document.fill(delivery, reading)
    statements = set(reading.root.iter(*STATEMENTS))
    assert statements
    assert statements <= set(reading.fates)


@pytest.mark.parametrize(
    ("problem_time", "concern", "status"),
    [
        ('<low value="20150301"/>', "active", "active"),
        ('<low value="20150301"/><high value="20160301"/>', "active", "resolved"),
        ('<low value="20150301"/><high nullFlavor="UNK"/>', "active", "active"),
        ('<low value="20150301"/><high nullFlavor="UNK"/>', "completed", "inactive"),
        ('<low value="20150301"/>', "suspended", "inactive"),
    ],
)
def test_ccda_5_clinical_status_from_times_and_concern(
    problem_time: str, concern: str, status: str, now: datetime
) -> None:
    text = VISIT.replace(
        '<statusCode code="active"/><effectiveTime><low value="20150301"/></effectiveTime>',
        f'<statusCode code="{concern}"/><effectiveTime><low value="20150301"/></effectiveTime>',
    ).replace(
        '<statusCode code="completed"/><effectiveTime><low value="20150301"/></effectiveTime>',
        f'<statusCode code="completed"/><effectiveTime>{problem_time}</effectiveTime>',
    )
    assert by_code(outcome(text, now), "Condition", "59621000")["clinicalStatus"]["coding"][0]["code"] == status


def test_ccda_5_a_status_observation_outranks_times(now: datetime) -> None:
    stated = (
        '<entryRelationship typeCode="REFR"><observation classCode="OBS" moodCode="EVN"><code code="33999-4"/>'
        f'<value xsi:type="CD" code="277022003" codeSystem="{SNOMED}"/></observation></entryRelationship>'
    )
    text = VISIT.replace(
        '<translation code="I10" codeSystem="2.16.840.1.113883.6.90"/></value>',
        '<translation code="I10" codeSystem="2.16.840.1.113883.6.90"/></value>' + stated,
    )
    condition = by_code(outcome(text, now), "Condition", "59621000")
    assert condition["clinicalStatus"]["coding"][0]["code"] == "remission"


@pytest.mark.parametrize(("end", "status"), [("20991231", "active"), ("20240101", "completed")])
def test_ccda_5_a_completed_prescription_that_runs_on_is_active(end: str, status: str, now: datetime) -> None:
    text = VISIT.replace(
        '<statusCode code="active"/>\n        <effectiveTime xsi:type="IVL_TS"><low value="20230110"/>',
        '<statusCode code="completed"/>\n        '
        f'<effectiveTime xsi:type="IVL_TS"><low value="20230110"/><high value="{end}"/>',
    )
    found = by_code(outcome(text, now), "MedicationStatement", "198189", "medicationCodeableConcept")
    assert found["status"] == status


def test_ccda_5_an_encounter_with_a_single_time_is_finished(visit: Outcome[Fact]) -> None:
    (encounter,) = of_type(visit, "Encounter")
    assert encounter["status"] == "finished"


def test_ccda_7_dates_stay_dates_and_a_borrowed_offset_is_marked(visit: Outcome[Fact]) -> None:
    assert by_code(visit, "Observation", "29463-7")["effectiveDateTime"] == "2024-03-12"
    systolic = by_code(visit, "Observation", "8480-6")
    assert systolic["effectiveDateTime"] == "2024-03-12T09:05:00+01:00"
    (mark,) = systolic["_effectiveDateTime"]["extension"]
    assert mark == {"url": "urn:mainstem:offset-inferred", "valueCode": "document"}
    assert "_effectiveDateTime" not in by_code(visit, "Observation", "2823-3")


def test_ccda_7_an_impossible_date_is_kept_as_text_and_the_entry_goes_on(now: datetime) -> None:
    found = outcome(VISIT.replace('<effectiveTime value="20231105"/>', '<effectiveTime value="200130311"/>'), now)
    vaccine = by_code(found, "Immunization", "166", "vaccineCode")
    assert "occurrenceDateTime" not in vaccine
    assert vaccine["_occurrenceDateTime"]["extension"][1]["valueString"] == "200130311"


def test_ccda_8_all_codings_and_the_original_text_are_kept(visit: Outcome[Fact]) -> None:
    code = by_code(visit, "AllergyIntolerance", "7980")["code"]
    assert [(item["system"], item["code"]) for item in code["coding"]] == [
        ("http://www.nlm.nih.gov/research/umls/rxnorm", "7980"),
        ("urn:oid:2.999.40", "PENI"),
    ]


def test_ccda_9_header_and_section_state_one_encounter(visit: Outcome[Fact]) -> None:
    (encounter,) = of_type(visit, "Encounter")
    assert encounter["type"][0]["coding"][0]["code"] == "99213"
    assert encounter["location"][0]["location"]["display"] == "Room 2"
    (composition,) = of_type(visit, "Composition")
    assert composition["encounter"]["reference"] == f"Encounter/{encounter['id']}"


def test_ccda_10_the_entry_author_is_not_the_document_author(visit: Outcome[Fact]) -> None:
    assert by_code(visit, "Observation", "2823-3")["performer"][0]["display"] == "Lena Ott"
    (composition,) = of_type(visit, "Composition")
    assert composition["author"][0]["display"] == "Dr. Jonas Reuter"
    assert "performer" not in by_code(visit, "Observation", "8480-6")


def test_ccda_11_a_changed_state_updates_the_fact_and_absence_deletes_nothing(
    visit: Outcome[Fact], now: datetime
) -> None:
    later = VISIT.replace('extension="visit-1"', 'extension="visit-2"').replace(
        '<statusCode code="active"/><effectiveTime><low value="20150301"/></effectiveTime>',
        '<statusCode code="active"/><effectiveTime><low value="20150301"/><high value="20240401"/></effectiveTime>',
    )
    before, after = by_code(visit, "Condition", "59621000"), by_code(outcome(later, now), "Condition", "59621000")
    assert before["id"] == after["id"]
    assert after["clinicalStatus"]["coding"][0]["code"] == "resolved"


def test_ccda_12_a_replacement_names_the_document_it_replaces_and_sorts_after_it(
    visit: Outcome[Fact], now: datetime
) -> None:
    parent = '<parentDocument><id root="2.999.10" extension="visit-1"/></parentDocument>'
    related = f'<relatedDocument typeCode="RPLC">{parent}</relatedDocument>'
    second = VISIT.replace('extension="visit-1"', 'extension="visit-1b"').replace(
        'versionNumber value="1"', 'versionNumber value="2"'
    )
    second = second.replace("<componentOf>", related + "<componentOf>")
    found = outcome(second, now)
    (first,), (composition,) = of_type(visit, "Composition"), of_type(found, "Composition")
    assert composition["relatesTo"] == [
        {"code": "replaces", "targetReference": {"reference": f"Composition/{first['id']}"}}
    ]
    assert found.kept[0].order > visit.kept[0].order
    assert composition["identifier"] == first["identifier"]


def test_ccda_13_ids_are_the_same_twice_and_valid(visit: Outcome[Fact], now: datetime) -> None:
    again = outcome(VISIT, now)
    assert [(fact.key, canonical(fact.resource)) for fact in again.kept] == [
        (fact.key, canonical(fact.resource)) for fact in visit.kept
    ]
    assert all(
        re.fullmatch(r"[A-Za-z0-9.-]{1,64}", fact.key) and fact.resource["id"] == fact.key for fact in visit.kept
    )
    assert len({(fact.type, fact.key) for fact in visit.kept}) == len(visit.kept)


def test_ccda_13_a_uuid_root_in_another_case_is_the_same_id(now: datetime) -> None:
    small = VISIT.replace('id root="2.999.30" extension="S1"', 'id root="0b1f6d2e-7f4c-4b52-9a63-2f1f0f7a9c01"')
    large = small.replace("0b1f6d2e-7f4c-4b52-9a63-2f1f0f7a9c01", "0B1F6D2E-7F4C-4B52-9A63-2F1F0F7A9C01")
    assert (
        by_code(outcome(small, now), "Observation", "72166-2")["id"]
        == by_code(outcome(large, now), "Observation", "72166-2")["id"]
    )


def test_ccda_13_an_id_on_different_content_gives_two_facts_and_a_flag(visit: Outcome[Fact]) -> None:
    systolic, diastolic = by_code(visit, "Observation", "8480-6"), by_code(visit, "Observation", "8462-4")
    assert systolic["identifier"] == diastolic["identifier"]
    assert systolic["id"] != diastolic["id"]
    assert systolic["meta"]["tag"][0]["code"] == "id-reused"
    assert "meta" not in by_code(visit, "Observation", "2823-3")


def test_ccda_13_two_values_under_one_id_code_and_time_are_split_in_any_order(now: datetime) -> None:
    pattern = r'<component><observation [^>]+><templateId [^>]+/><id root="2\.999\.30" extension="R1k"/>.*?</component>'
    match = re.search(pattern, VISIT, re.DOTALL)
    assert match
    other = match.group().replace('value="4.10"', 'value="4.60"')
    one, two = (
        outcome(VISIT.replace(match.group(), text), now) for text in (match.group() + other, other + match.group())
    )
    keys = [
        {
            fact.key: fact.resource["valueQuantity"]["value"]
            for fact in found.kept
            if fact.type == "Observation" and "2823-3" in str(fact.resource["code"])
        }
        for found in (one, two)
    ]
    assert keys[0] == keys[1]
    assert sorted(keys[0].values()) == [Decimal("4.10"), Decimal("4.60")]


def test_ccda_16_one_stay_in_ten_documents_gives_each_fact_one_key(visit: Outcome[Fact], now: datetime) -> None:
    keys = set(comparable(visit))
    for number in range(2, 12):
        text = VISIT.replace('extension="visit-1"', f'extension="visit-{number}"')
        found = outcome(text.replace("20240312093000+0100", f"202403{11 + number}093000+0100"), now)
        assert set(comparable(found)) == keys


def test_i6_the_path_of_a_fact_leads_back_to_what_it_says(visit: Outcome[Fact]) -> None:
    root = etree.fromstring(VISIT.encode())
    values = {"PQ": 0}
    for fact in visit.kept:
        (node,) = root.xpath(fact.path)
        quantity = fact.resource.get("valueQuantity")
        if fact.type == "Observation" and quantity and "comparator" not in quantity:
            value = node.find("{urn:hl7-org:v3}value")
            assert value.get("value") == str(quantity["value"])
            assert value.get("unit") == quantity["unit"]
            values["PQ"] += 1
    assert values["PQ"] == 4


def test_i6_a_fact_of_a_document_with_comments_and_prefixes_is_found_again(now: datetime) -> None:
    text = (
        re.sub(r"(</?)(?=[A-Za-z])", r"\1cda:", VISIT)
        .replace("xmlns=", "xmlns:cda=")
        .replace("<cda:title>", "<!-- note --><cda:title>")
    )
    found = outcome(text, now)
    root = etree.fromstring(text.encode())
    potassium = next(
        fact for fact in found.kept if fact.type == "Observation" and "2823-3" in str(fact.resource["code"])
    )
    assert root.xpath(potassium.path)[0].find("{urn:hl7-org:v3}value").get("value") == "4.10"
