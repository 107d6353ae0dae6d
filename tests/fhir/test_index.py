"""The index stage: tokens, clinical dates, categories, labels."""

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mainstem.fhir import tokens
from mainstem.fhir.index import STAGE, Indexed, dates_of
from mainstem.fhir.paths import BadPathError, collect
from mainstem.fhir.search_parameters import PARAMETERS
from mainstem.fhir.types import TYPES
from mainstem.model.ids import Namer, number
from mainstem.model.record import Certificate, Entry
from mainstem.model.reference import Reference
from mainstem.trust.categories import CATEGORIES, LABELS, categories, labels

NAMER = Namer(b"k" * 32)
REFERENCE = Reference(namer=NAMER, readers={})
PERSON = NAMER.derived("person", "one")
YEAR_END = datetime(2025, 1, 1, tzinfo=UTC)
OTHER = NAMER.record("a", "Encounter", "1")


def indexed(resource: dict[str, Any], person: str = PERSON) -> Indexed:
    entry = Entry(
        type=resource["resourceType"],
        id=NAMER.derived("test"),
        person=person,
        block="b",
        resource=resource,
        certificate=Certificate(rule="r", version=1, members=()),
    )
    return STAGE.run([entry], REFERENCE).kept[0]


OBSERVATION: dict[str, Any] = {
    "resourceType": "Observation",
    "status": "final",
    "category": [{"coding": [{"system": "http://c", "code": "laboratory"}]}],
    "code": {"coding": [{"system": "http://loinc.org", "code": "2823-3"}, {"code": "K"}], "text": "Potassium"},
    "subject": {"reference": f"Patient/{PERSON}"},
    "encounter": {"reference": f"Encounter/{OTHER}"},
    "effectiveDateTime": "2024-05-06",
}


def test_a_coding_is_found_by_system_and_code_by_code_and_by_system() -> None:
    tok = indexed(OBSERVATION).tok
    for form in ("http://loinc.org|2823-3", "2823-3", "http://loinc.org|", "|K", "K"):
        assert NAMER.token("Observation", "code", form) in tok
    assert NAMER.token("Observation", "code", "http://loinc.org|K") not in tok


def test_tokens_are_sorted_and_distinct() -> None:
    tok = indexed(OBSERVATION).tok
    assert tok == sorted(set(tok))


def test_a_value_within_one_person_is_one_token() -> None:
    token = NAMER.token("Observation", "code", "2823-3")
    assert tokens.scoped(token, number(PERSON)) in indexed(OBSERVATION).tok
    assert tokens.scoped(token, number(OTHER)) not in indexed(OBSERVATION).tok


def test_each_reference_to_a_record_has_a_ref_token_and_the_person_has_none() -> None:
    tok = indexed(OBSERVATION).tok
    assert NAMER.token("ref", OTHER) in tok
    assert NAMER.token("Observation", "encounter", OTHER) in tok
    assert NAMER.token("ref", PERSON) not in tok


@pytest.mark.parametrize(
    ("resource", "lo", "hi"),
    [
        ({"effectiveDateTime": "2024-05-06"}, datetime(2024, 5, 6, tzinfo=UTC), datetime(2024, 5, 7, tzinfo=UTC)),
        (
            {"effectivePeriod": {"start": "2024-05-06T10:00:00Z"}},
            datetime(2024, 5, 6, 10, tzinfo=UTC),
            datetime(9999, 12, 31, tzinfo=UTC),
        ),
        ({"effectiveDateTime": "?", "issued": "2024"}, datetime(2024, 1, 1, tzinfo=UTC), YEAR_END),
        ({"effectiveDateTime": "nonsense"}, None, None),
    ],
)  # fmt: skip
def test_the_clinical_date_is_the_first_that_can_be_read(resource: dict[str, Any], lo: datetime, hi: datetime) -> None:
    assert dates_of({"resourceType": "Observation", **resource}) == (lo, hi)


@pytest.mark.parametrize(
    ("text", "expected"),
    [("O'Brien", "obrien"), ("Müller", "muller"), ("Straße", "strasse"), ("Łukasz", "lukasz"), ("Søren K.", "sorenk")],
)
def test_names_are_compared_without_case_accents_and_punctuation(text: str, expected: str) -> None:
    assert tokens.normalised(text) == expected


def test_a_name_is_found_by_each_prefix_of_the_whole_and_of_each_word() -> None:
    tok = indexed({"resourceType": "Patient", "name": [{"family": "van Müller"}]}).tok
    for prefix in ("v", "vanm", "mul", "muller", "vanmuller"):
        assert NAMER.token("Patient", "family", f"^{prefix}") in tok
    assert NAMER.token("Patient", "family", "=van Müller") in tok
    assert NAMER.token("Patient", "family", "^ller") not in tok


def test_a_birth_date_is_found_by_day_month_and_year() -> None:
    tok = indexed({"resourceType": "Patient", "birthDate": "1950-02-03"}).tok
    for form in ("1950", "1950-02", "1950-02-03"):
        assert NAMER.token("Patient", "birthdate", form) in tok


def test_telecom_where_keeps_only_the_named_system() -> None:
    telecom = [{"system": "phone", "value": "555"}, {"system": "email", "value": "a@b"}]
    tok = indexed({"resourceType": "Patient", "telecom": telecom}).tok
    assert NAMER.token("Patient", "phone", "555") in tok
    assert NAMER.token("Patient", "phone", "a@b") not in tok


def test_booleans_and_choices_are_tokens() -> None:
    tok = indexed({"resourceType": "Patient", "active": True, "deceasedBoolean": False}).tok
    assert NAMER.token("Patient", "active", "true") in tok
    assert NAMER.token("Patient", "deceased", "false") in tok


def test_every_parameter_has_a_path_that_compiles_and_a_type_that_exists() -> None:
    for type_, parameters in PARAMETERS.items():
        assert type_ in TYPES
        for parameter in parameters.values():
            if parameter.kind == "union":
                assert all(parameters[name].kind == "token" for name in parameter.paths)
            else:
                assert parameter.paths
                assert [collect(path)({}) for path in parameter.paths] == [[]] * len(parameter.paths)


def test_every_date_parameter_is_among_the_clinical_dates_of_its_type() -> None:
    for type_, parameters in PARAMETERS.items():
        roots = {path.split(".")[0] for path in TYPES[type_].date_paths}
        for parameter in parameters.values():
            if parameter.kind == "date":
                stem = parameter.paths[0].split(".")[0].removesuffix("[x]")
                assert any(root.startswith(stem) for root in roots), parameter


def test_a_path_outside_the_subset_is_refused() -> None:
    with pytest.raises(BadPathError):
        collect("name.first()")


def test_an_observation_without_a_known_category_is_other() -> None:
    assert categories({"resourceType": "Observation"}, personal=True) == CATEGORIES["other"]
    assert categories(OBSERVATION, personal=True) == CATEGORIES["results"]


def test_what_is_about_a_person_is_never_public() -> None:
    assert categories({"resourceType": "Location"}, personal=False) == CATEGORIES["public"]
    assert categories({"resourceType": "Location"}, personal=True) == CATEGORIES["other"]
    assert categories({"resourceType": "Group"}, personal=False) == CATEGORIES["other"]


def test_an_unknown_sensitivity_mark_fails_closed() -> None:
    system = "http://terminology.hl7.org/CodeSystem/v3-"
    security = [{"system": f"{system}Confidentiality", "code": "N"}, {"system": f"{system}ActCode", "code": "HIV"}]
    assert labels({"resourceType": "Patient", "meta": {"security": security}}) == LABELS["hiv"]
    assert labels({"resourceType": "Patient", "meta": {"security": [{"code": "?"}]}}) == LABELS["unknown"]
    assert labels({"resourceType": "Patient"}) == 0


@given(st.text(min_size=1, max_size=40))
def test_a_name_is_found_by_its_own_beginning(text: str) -> None:
    whole = tokens.normalised(text)
    prefix = whole[: tokens.PREFIX_MAX]
    found = tokens.words(NAMER.key, "Patient", "name", text)
    assert not prefix or NAMER.token("Patient", "name", f"^{prefix}") in found
