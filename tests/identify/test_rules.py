from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from folk import NAMER, REFERENCE, person
from mainstem.identify import STAGE, decide
from mainstem.identify.compare import agreements, conflicts
from mainstem.identify.rules import KEY_MEMBERS_MAX, STRENGTHS, candidates
from mainstem.model.person import Demographics, Verdict

ELSEWHERE = {"line": "9 Elm St", "postal": "55111", "city": "Duluth", "phone": "603-555-0177"}
MRN = "http://hospital.nowhere.net/mrn"


def mrn(value: str, code: str = "MR", system: str = MRN) -> dict[str, Any]:
    return {"identifier": [{"system": system, "value": value, "type": {"coding": [{"code": code}]}}]}


def verdict(left: dict[str, Any], right: dict[str, Any]) -> Verdict | None:
    decision = decide(person(key="2", source="a", **left), person(key="3", source="b", **right))
    return decision.verdict if decision else None


@pytest.mark.parametrize(
    "right",
    [
        {},
        {**ELSEWHERE, "phone": "(503) 555 0188"},
        {**ELSEWHERE, "line": "12 Oak St.", "postal": "97006-1111"},
        {**ELSEWHERE, "postal": "97006", "line": ""},
        {**ELSEWHERE, "postal": "97006", "line": "12 Ook Str"},
        {"sex": ""},
        {**ELSEWHERE, "sex": "", "phone": "503-555-0188"},
        {**ELSEWHERE, "sex": "", "postal": "97006", "line": "", "city": "Beaverton"},
        {"given": "Lee", "family": "Ann"},
        {"family": "Leigh-Lee"},
        {"given": "Ann|M"},
        {"born": "1980-05-27"},
        {"born": "1970-05-17"},
    ],
)
def test_records_of_one_person_are_linked(right: dict[str, Any]) -> None:
    assert verdict({}, right) is Verdict.SAME


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ({"family": "Kowalski"}, {"family": "Kowalsky"}),
        ({"born": "1980-05-07"}, {"born": "1980-07-05"}),
        ({**mrn("77"), **ELSEWHERE}, mrn("77")),
        ({**mrn("77"), **ELSEWHERE, "family": "Moss"}, mrn("77")),
        ({**mrn("77"), **ELSEWHERE, "given": "Lee", "family": "Ann"}, mrn("77")),
        ({**mrn("77"), "born": ""}, {**mrn("77"), **ELSEWHERE}),
        (
            {"given": "Rebecca|Robin|Jones", "born": "1980-06-17"},
            {**ELSEWHERE, "given": "Rebecca|Robin|Jones", "city": "Beaverton"},
        ),
    ],
)
def test_a_typing_error_or_a_changed_name_is_linked_when_the_rest_agrees(
    left: dict[str, Any], right: dict[str, Any]
) -> None:
    assert verdict(left, right) is Verdict.SAME


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ({}, ELSEWHERE),
        ({}, {**ELSEWHERE, "postal": "97006", "city": "Beaverton"}),
        ({}, {"sex": "male"}),
        ({}, {"family": "Moss"}),
        ({}, {"born": "1980-06-17", **ELSEWHERE, "phone": "503-555-0188"}),
        ({"given": "Katrin"}, {"given": "Katrina"}),
        (mrn("77"), mrn("78")),
        (
            mrn("234-65-9089", "SS", "http://hl7.org/fhir/sid/us-ssn"),
            mrn("234-65-9088", "SS", "http://hl7.org/fhir/sid/us-ssn"),
        ),
        (mrn("77"), {**mrn("77"), "born": "1962-01-30"}),
        (mrn("77"), {**mrn("77"), "sex": "male"}),
        ({}, {"multipleBirthBoolean": True}),
    ],
)
def test_link_12_a_likely_pair_with_something_missing_or_against_it_waits_for_a_human(
    left: dict[str, Any], right: dict[str, Any]
) -> None:
    assert verdict(left, right) is Verdict.REVIEW


def junior(text: str) -> dict[str, Any]:
    return {"name": [{"given": ["Ann"], "family": "Lee", "suffix": [text]}]}


def test_link_7_father_and_son_of_one_name_are_never_linked() -> None:
    assert verdict(junior("Sr"), junior("Jr.")) is Verdict.REVIEW
    assert verdict({"born": "1955-03-02"}, {"born": "1980-05-17"}) is None
    assert verdict(junior("Jr"), junior("II")) is Verdict.SAME


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Anna", "Eva"),
        ("Marie", "Maria"),
        ("José|Antonio", "José|Luis"),
        ("María José", "María Isabel"),
        ("Jan", "Jana"),
    ],
)
@pytest.mark.parametrize("more", [{}, {"multipleBirthBoolean": True}, {"email": "x"}])
def test_link_7_twins_with_one_name_birth_date_address_and_phone_are_never_linked(
    one: str, other: str, more: dict[str, Any]
) -> None:
    assert verdict({"given": one, **more}, {"given": other, **more}) is not Verdict.SAME


def test_link_7_newborns_without_a_name_and_people_of_one_household_are_never_linked() -> None:
    assert verdict({"given": "Baby Boy"}, {"given": "Baby Boy"}) is None
    assert verdict({}, {"given": "Bob", "sex": "male", "born": "1978-01-09"}) is None


@pytest.mark.parametrize("system", ["mrn", "", "urn:oid:2.16.840.1.113883.19.5", "http://example.org/mrn"])
def test_rid_2_equal_numbers_of_no_real_assigner_mean_nothing(system: str) -> None:
    left = {**mrn("77", system=system), "born": "", "given": "Ann"}
    assert verdict(left, {**left, **ELSEWHERE}) is None


def test_rid_2_a_shared_number_with_another_name_links_nobody() -> None:
    right = {**mrn("77"), **ELSEWHERE, "given": "Bob", "family": "Moss", "born": "1962-01-30", "sex": "male"}
    assert verdict(mrn("77"), right) is None


@pytest.mark.parametrize("code", ["AN", "MB", "SN", "VN"])
def test_link_7_a_shared_account_or_policy_number_is_no_evidence(code: str) -> None:
    right = {**mrn("77", code), **ELSEWHERE, "born": ""}
    assert verdict(mrn("77", code), right) is None


def test_link_11_a_decision_says_its_rule_and_evidence_without_the_values() -> None:
    decision = decide(person(key="2"), person(key="3", sex="male"))
    assert decision is not None
    assert decision.left < decision.right
    assert decision.rule in STRENGTHS
    assert "birth date agrees" in decision.evidence
    assert "sexes differ" in decision.evidence
    assert not any(value in " ".join(decision.evidence).lower() for value in ("lee", "1980", "oak", "503"))


_PEOPLE = st.builds(
    person,
    given=st.sampled_from(["Ann", "Anna", "Lee", "Ann|Marie", "Baby Girl", "A"]),
    family=st.sampled_from(["Lee", "Ann", "Lee Jr", "Moss", ""]),
    born=st.sampled_from(["1980-05-17", "1980-05-18", "1980-06-17", "1951-01-02", ""]),
    sex=st.sampled_from(["female", "male", ""]),
    line=st.sampled_from(["12 Oak Street", "9 Elm St"]),
    postal=st.sampled_from(["97006", "55111"]),
    phone=st.sampled_from(["503-555-0188", "603-555-0177", ""]),
    key=st.integers(0, 99).map(str),
    identifier=st.sampled_from([[], mrn("77")["identifier"], mrn("78")["identifier"], mrn("79", "AN")["identifier"]]),
    multipleBirthBoolean=st.booleans(),
)


@given(_PEOPLE, _PEOPLE)
def test_rules_are_symmetric(one: Demographics, other: Demographics) -> None:
    assert agreements(one, other) == agreements(other, one)
    assert conflicts(one, other) == conflicts(other, one)
    assert decide(one, other) == decide(other, one)


@given(_PEOPLE)
def test_a_record_never_conflicts_with_itself(one: Demographics) -> None:
    assert conflicts(one, one) == frozenset()


@given(st.lists(_PEOPLE, max_size=8, unique_by=lambda each: each.record), st.randoms(use_true_random=False))
def test_i2_the_stage_decides_the_same_in_any_order(people: list[Demographics], rng: Any) -> None:  # noqa: ANN401 - hypothesis' Random
    mixed = list(people)
    rng.shuffle(mixed)
    assert STAGE.run(people, REFERENCE).kept == STAGE.run(mixed, REFERENCE).kept


def test_a_key_shared_by_too_many_proposes_nobody() -> None:
    crowd = [person(given=f"G{n}", family=f"F{n}", born=f"19{n % 90 + 10}-01-0{n % 9 + 1}", line=f"{n} X St",
                    postal=f"{10000 + n}", key=str(n)) for n in range(KEY_MEMBERS_MAX + 1)]  # fmt: skip
    assert candidates(crowd, NAMER) == []
    assert len(candidates(crowd[:-1], NAMER)) == KEY_MEMBERS_MAX * (KEY_MEMBERS_MAX - 1) // 2
