"""C-CDA documents of 58 certified EHRs against the data sheets of their two patients (MAINSTEM_FIXTURES)."""

import json
import os
import re
import zipfile
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from mainstem.formats.cda import document, read
from mainstem.formats.cda.nodes import STATEMENTS
from mainstem.formats.cda.reading import Reading
from mainstem.model.fact import Delivery, Fact
from mainstem.model.outcome import Outcome
from mainstem.model.problem import Problem

FIXTURES = Path(os.environ.get("MAINSTEM_FIXTURES", Path(__file__).parents[2] / ".." / "shared" / "fixtures")) / "ccda"
pytestmark = [
    pytest.mark.fixtures,
    pytest.mark.skipif(not FIXTURES.is_dir(), reason="the shared fixtures are not here (MAINSTEM_FIXTURES)"),
]

SYSTEMS = {
    "http://snomed.info/sct": "SNOMED",
    "http://hl7.org/fhir/sid/icd-10-cm": "ICD10CM",
    "http://hl7.org/fhir/sid/icd-9-cm": "ICD9CM",
    "http://www.nlm.nih.gov/research/umls/rxnorm": "RXNORM",
    "http://hl7.org/fhir/sid/ndc": "NDC",
    "http://hl7.org/fhir/sid/cvx": "CVX",
}
NEGATIVE = {"716186003", "409137002", "429625007", "428607008", "160245001"}
NARRATIVE_ONLY_REFUSALS = ("iPatientCare", "NextTech")
"""EHRs whose entry says `completed` without negation or refusal reason; one of them says `cancelled` in its table."""


def files(patient: str) -> list[Path]:
    return sorted(path for path in (FIXTURES / patient).glob("*/*") if path.suffix.lower() == ".xml")


def delivery(path: Path) -> Delivery:
    now = datetime(2026, 3, 29, tzinfo=UTC)
    return Delivery(source="ehr", name=path.name, media="application/cda+xml", body=path.read_bytes(), received=now)


@cache
def outcomes(patient: str) -> dict[str, Outcome[Fact]]:
    return {str(path.relative_to(FIXTURES / patient)): read(delivery(path)) for path in files(patient)}


@cache
def truth(patient: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((FIXTURES / patient / "truth.json").read_text(encoding="utf-8"))
    return found


def codes(concept: dict[str, Any] | None) -> set[str]:
    return {item["code"] for item in (concept or {}).get("coding", [])}


def system_codes(concept: dict[str, Any] | None) -> set[str]:
    items = (concept or {}).get("coding", [])
    return {
        f"{SYSTEMS.get(item.get('system'), item.get('system', '').removeprefix('urn:oid:'))}|{item['code']}"
        for item in items
    }


def raw(resource: dict[str, Any]) -> tuple[str | None, str | None]:
    """Return a value as the document wrote it: text and unit."""
    if quantity := resource.get("valueQuantity"):
        return str(quantity["value"]), quantity.get("unit")
    if concept := resource.get("valueCodeableConcept"):
        return next((item["code"] for item in concept.get("coding", [])), concept.get("text")), None
    return resource.get("valueString"), None


def values(found: Outcome[Fact], wanted: set[str]) -> list[tuple[str | None, str | None]]:
    return [
        raw(fact.resource)
        for fact in found.kept
        if fact.type == "Observation" and codes(fact.resource["code"]) & wanted
    ]


@pytest.mark.parametrize("patient", ["bates", "larson"])
def test_every_document_is_read_and_every_statement_accounted_for(patient: str) -> None:
    paths = files(patient)
    assert len(paths) == {"bates": 52, "larson": 27}[patient]
    for path in paths:
        reading = document.opened(delivery(path))
        assert isinstance(reading, Reading), path
        document.fill(delivery(path), reading)
        assert set(reading.root.iter(*STATEMENTS)) <= set(reading.fates), path
        assert {held.problem for held in reading.held} <= {Problem.BAD_REFERENCE}, path


@pytest.mark.parametrize("patient", ["bates", "larson"])
def test_i6_every_path_leads_to_its_value(patient: str) -> None:
    for path in files(patient):
        reading = document.opened(delivery(path))
        assert isinstance(reading, Reading)
        document.fill(delivery(path), reading)
        for fact in reading.facts.values():
            (node,) = reading.root.xpath(fact.path)
            quantity = fact.resource.get("valueQuantity")
            written = [item.get("value") for item in node.findall("{urn:hl7-org:v3}value")]
            assert quantity is None or "comparator" in quantity or str(quantity["value"]) in written


def test_larson_every_coded_cell_is_read_as_sent() -> None:
    cells = [(row, cell) for row in truth("larson")["observations"] for cell in row["cells"]]
    assert len(cells) == truth("larson")["matrix"]["present"] == 516
    missed = []
    for row, cell in cells:
        found = values(outcomes("larson")[cell["doc"]], {row["loinc"], *(row.get("variants") or [])})
        wanted = [(item["raw"], item["raw_unit"]) for item in cell["rows"]]
        if not set(wanted) <= set(found):
            missed.append((row["loinc"], cell["doc"]))
    assert not missed


@pytest.mark.parametrize(
    ("list_", "types", "element"),
    [
        ("problems", {"Condition"}, "code"),
        ("medications", {"MedicationStatement", "MedicationRequest"}, "medicationCodeableConcept"),
        ("allergies", {"AllergyIntolerance"}, "code"),
        ("immunizations", {"Immunization"}, "vaccineCode"),
        ("smoking", {"Observation"}, "valueCodeableConcept"),
    ],
)
def test_larson_every_coded_statement_is_found_and_none_where_the_sheet_says_absent(
    list_: str, types: set[str], element: str
) -> None:
    listed = truth("larson")[list_]
    for item in listed if isinstance(listed, list) else [listed]:
        wanted = {f"{item['system']}|{item['code']}", *item.get("accept", [])}
        for name, found in outcomes("larson").items():
            concepts = [fact.resource.get(element) for fact in found.kept if fact.type in types]
            hit = any(system_codes(concept) & wanted for concept in concepts)
            if name in item["docs"]["text_only"]:
                assert re.search(item["name_regex"], json.dumps(concepts), re.IGNORECASE), (item["name"], name)
            else:
                assert hit == (name not in item["docs"]["absent"]), (item["name"], name)


def test_larson_the_refused_vaccine_is_not_done_wherever_an_entry_says_so() -> None:
    for name, found in outcomes("larson").items():
        statuses = {
            fact.resource["status"]
            for fact in found.kept
            if fact.type == "Immunization" and "166" in codes(fact.resource["vaccineCode"])
        }
        expected = "completed" if name.startswith(NARRATIVE_ONLY_REFUSALS) else "not-done"
        assert statuses == {expected}, name


def test_bates_every_vital_that_a_document_gives_a_value_is_read() -> None:
    empty = "Allscripts TouchWorks/Allscripts TW Jeremy rn.xml"
    cells = identical = 0
    for fact in truth("bates")["facts"]:
        if fact["domain"] != "vitals":
            continue
        for name, found in outcomes("bates").items():
            got = [
                pair for pair in values(found, {fact["code"]["code"], *fact.get("same_as", [])}) if pair[0] is not None
            ]
            assert bool(got) == (name != empty), (fact["id"], name)
            cells += bool(got)
            identical += (str(fact["value"]), fact["unit"]) in got
    assert (cells, identical) == (204, 177)


def positives(found: Outcome[Fact], type_: str, element: str) -> list[dict[str, Any]]:
    """Return statements that something is so: not negated, not a concept of absence, not of a visit or a concern."""
    result = []
    for fact in found.kept:
        resource = fact.resource
        verification = codes(resource.get("verificationStatus"))
        categories = {code for item in resource.get("category", []) if isinstance(item, dict) for code in codes(item)}
        denied = verification & {"refuted"} or resource.get("status") in {"not-done", "not-taken"}
        elsewhere = categories & {"encounter-diagnosis", "health-concern"}
        if fact.type == type_ and not denied and not elsewhere and not codes(resource.get(element)) & NEGATIVE:
            result.append(resource)
    return result


EXTRA_DRUGS = {"Allscripts TouchWorks": {"198193"}, "MedHost": {"310965", "00536344238"}}
EXTRA_PROBLEMS = {
    "Allscripts TouchWorks/Allscripts TW Jeremy rn.xml": {"310366008"},
    "Allscripts TouchWorks/xdr2.xml": {"310366008"},
    "Allscripts Professional/xdr-test1-sample2-jb.xml": {"305058001"},
    "Practice Fusion": {"699134002"},
    "Key Chart": {"102513008"},
    "Sophrona Solutions": {"102513008"},
    "ioPracticeWare": {"102513008"},
}


@pytest.mark.parametrize(
    ("type_", "element", "allowed"),
    [
        ("AllergyIntolerance", "code", {"Allscripts TouchWorks": {"1191"}}),
        ("MedicationStatement", "medicationCodeableConcept", EXTRA_DRUGS),
        ("Immunization", "vaccineCode", {"MedHost": {"141"}}),
        ("Condition", "code", EXTRA_PROBLEMS),
        ("Goal", "description", {"ioPracticeWare": {"9052-2"}}),
        ("DiagnosticReport", "code", {"MedHost": {"100"}}),
    ],
)  # fmt: skip
def test_bates_nothing_positive_beyond_what_documents_state(
    type_: str, element: str, allowed: dict[str, set[str]]
) -> None:
    for name, found in outcomes("bates").items():
        extra = {code for start, wanted in allowed.items() if name.startswith(start) for code in wanted}
        got = positives(found, type_, element)
        assert all(codes(resource.get(element)) & extra for resource in got), (name, got)


def test_bates_every_document_says_something_of_allergies_and_none_says_nothing_known_where_one_is() -> None:
    for name, found in outcomes("bates").items():
        sections = [item for fact in found.kept if fact.type == "Composition" for item in fact.resource["section"]]
        allergies = [item for item in sections if "48765-2" in codes(item.get("code"))]
        assert len(allergies) == 1, name
        assert "entry" in allergies[0] or allergies[0]["emptyReason"]["coding"][0]["code"] in {
            "nilknown",
            "unavailable",
        }, name


@pytest.mark.parametrize("patient", ["bates", "larson"])
def test_reading_twice_gives_the_same_facts_and_one_patient_for_each_document(patient: str) -> None:
    for path in files(patient):
        first, second = read(delivery(path)), outcomes(patient)[str(path.relative_to(FIXTURES / patient))]
        assert [(fact.type, fact.key, fact.path) for fact in first.kept] == [
            (fact.type, fact.key, fact.path) for fact in second.kept
        ]
        assert [fact.type for fact in first.kept].count("Patient") == 1


def _wrapped(text: str) -> str | None:
    text = re.sub(r"<!--.*?-->", "", re.sub(r"<\?xml.*?\?>", "", text), flags=re.DOTALL).strip()
    match = re.match(r"<(?:\w+:)?(\w+)", text)
    kind = match.group(1) if match else ""
    if kind == "ClinicalDocument":
        return text
    wraps = {"section": "{}", "entry": "<section>{}</section>"}
    statement = {"act", "encounter", "observation", "organizer", "procedure", "substanceAdministration", "supply"}
    inner = wraps.get(kind) or ("<section><entry>{}</entry></section>" if kind in statement else None)
    return None if inner is None else SHELL.replace("BODY", inner.replace("{}", text))


SHELL = (
    '<ClinicalDocument xmlns="urn:hl7-org:v3" xmlns:sdtc="urn:hl7-org:sdtc" '
    'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"><id root="2.999.1" extension="x"/>'
    '<effectiveTime value="20200101120000-0500"/><recordTarget><patientRole><id root="2.999.1" extension="7"/>'
    "<patient><name><given>A</given><family>B</family></name></patient></patientRole></recordTarget><component>"
    "<structuredBody><component>BODY</component></structuredBody></component></ClinicalDocument>"
)


def test_examples_every_snippet_is_read_or_refused_with_a_reason() -> None:
    read_, refused = 0, []
    with zipfile.ZipFile(FIXTURES / "examples" / "c-cda-examples.zip") as archive:
        for name in archive.namelist():
            text = _wrapped(archive.read(name).decode("utf-8-sig", "replace")) if name.endswith(".xml") else None
            if text is None:
                continue
            now = datetime(2026, 3, 29, tzinfo=UTC)
            sent = Delivery(source="ehr", name=name, media="application/cda+xml", body=text.encode(), received=now)
            reading = document.opened(sent)
            if not isinstance(reading, Reading):
                refused.append(reading.problem)
                continue
            document.fill(sent, reading)
            read_ += 1
            entries = [node for entry in reading.root.iter("{urn:hl7-org:v3}entry") for node in entry.iter(*STATEMENTS)]
            assert set(entries) <= set(reading.fates), name
    assert read_ == 312
    assert set(refused) == {Problem.UNREADABLE, Problem.UNSUPPORTED}
    assert len(refused) == 11
