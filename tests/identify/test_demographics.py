from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from folk import NAMER, fact, person
from mainstem.identify import demographics, keys
from mainstem.identify.words import fold
from mainstem.model.person import Demographics


def of(**patient: Any) -> Demographics:  # noqa: ANN401 - any JSON value
    return demographics(fact(**patient), NAMER)


def named(*names: dict[str, Any]) -> Demographics:
    return of(name=list(names))


@pytest.mark.parametrize(
    ("text", "folded"),
    [
        ("Müller", "muller"),
        ("  De  LA Cruz-Peña ", "de la cruz pena"),
        ("O\u2019Neil", "oneil"),
        ("Sørensen", "sorensen"),
        ("Łukasz Đorđe", "lukasz dorde"),
        ("Weiß", "weiss"),
        ("Æsa Œuvre", "aesa oeuvre"),
        ("Jr.", "jr"),
        ("\uff26ULL", "full"),
        ("İpek", "ipek"),
        ("\U0001d608nn", "ann"),
        ("王小明", "王小明"),
    ],
)
def test_names_fold_marks_punctuation_and_special_letters(text: str, folded: str) -> None:
    assert fold(text) == folded


@given(st.text(max_size=12))
@example("\U0001d608")
def test_folding_twice_is_folding_once(text: str) -> None:
    assert fold(fold(text)) == fold(text)


def test_all_names_current_and_previous_take_part() -> None:
    found = named(
        {"family": "Newcomb", "given": ["Jeremy", "V"]},
        {"use": "maiden", "family": "Bates", "given": ["Jeremy Test", "V"], "suffix": ["Jr."]},
    )
    assert found.family == ("bates", "newcomb")
    assert found.first == ("jeremy", "jeremytest")
    assert found.given == ("jeremy", "jeremytest", "test", "v")
    assert found.suffixes == ("jr",)


@pytest.mark.parametrize(
    ("family", "forms"),
    [
        ("van der Berg", ("berg", "vanderberg")),
        ("Mac Donald", ("donald", "macdonald")),
        ("García-López", ("garcia", "garcialopez", "lopez")),
        ("Bates Jr", ("bates",)),
        ("UNKNOWN", ()),
        ("", ()),
    ],
)
def test_particles_stay_in_the_whole_name_but_name_nobody_by_themselves(family: str, forms: tuple[str, ...]) -> None:
    assert named({"family": family, "given": ["A"]}).family == forms


@pytest.mark.parametrize(
    "given_name", [["BABY BOY"], ["Baby", "Girl"], ["Unknown"], ["Infant Girl"], ["Twin A"], ["UNK"], []]
)
def test_placeholder_given_names_say_nothing(given_name: list[str]) -> None:
    found = named({"family": "Smith", "given": given_name})
    assert (found.first, found.given) == ((), ())


@pytest.mark.parametrize(
    ("text", "first", "family", "suffixes"),
    [
        ("Bates, Jeremy V", ("jeremy",), ("bates",), ()),
        ("Jeremy V Bates", ("jeremy",), ("bates",), ()),
        ("Jeremy Bates Jr", ("jeremy",), ("bates",), ("jr",)),
        ("Cher", (), ("cher",), ()),
    ],
)
def test_a_name_given_only_as_text_is_read(
    text: str, first: tuple[str, ...], family: tuple[str, ...], suffixes: tuple[str, ...]
) -> None:
    found = named({"text": text})
    assert (found.first, found.family, found.suffixes) == (first, family, suffixes)


def test_an_anonymous_name_is_left_out() -> None:
    assert named({"use": "anonymous", "family": "Fox", "given": ["A"]}).family == ()


@pytest.mark.parametrize("born", ["1900-01-01", "9999-12-31", "1980", "1980-05", "1980-02-30", "never", ""])
def test_a_placeholder_partial_or_impossible_birth_date_is_none(born: str) -> None:
    assert of(birthDate=born).birth_date == ""


def test_a_birth_date_with_a_time_is_its_day() -> None:
    assert of(birthDate="1980-05-17T10:00:00Z").birth_date == "1980-05-17"


@pytest.mark.parametrize(
    ("value", "digits"),
    [
        ("+1(555)-723-1544", "5557231544"),
        ("tel: 555-723-1544", "5557231544"),
        ("TEL: (555) 723-1544 x12", "5557231544"),
        ("1 555 723 1544 ext. 3", "5557231544"),
        ("+49 30 1234567", "49301234567"),
        ("555-555-5555", None),
        ("000-000-0000", None),
        ("(999) 999-9999", None),
        ("12345", None),
        ("none", None),
    ],
)
def test_phones_become_national_digits_and_placeholders_nothing(value: str, digits: str | None) -> None:
    assert of(telecom=[{"system": "phone", "value": value}]).phones == ((digits,) if digits else ())


def test_emails_are_lower_case_and_placeholders_nothing() -> None:
    telecom = [{"system": "email", "value": each} for each in ("mailto:Ann@Lee.example", "email@email.com", "none")]
    assert of(telecom=[*telecom, {"system": "fax", "value": "555-723-1544"}]).emails == ("ann@lee.example",)


@pytest.mark.parametrize(
    "lines",
    [
        ["1357 Amber Drive"],
        ["1357, Amber Dr."],
        ["1357 AMBER  DR,"],
        ["1357 Amber Dr", "Apartment 4"],
        ["Suite 9", "1357 amber drv"],
    ],
)
def test_addresses_standardise_the_street_and_leave_the_flat_optional(lines: list[str]) -> None:
    assert "1357 amber dr|97006" in of(address=[{"line": lines, "postalCode": "97006-1234"}]).addresses


def test_an_address_without_line_or_postal_code_is_none() -> None:
    found = of(
        address=[
            {"line": ["1 Main St"]},
            {"postalCode": "97006", "city": "BEAVERTON"},
            {"line": ["Homeless"], "postalCode": "97006"},
        ]
    )
    assert (found.addresses, found.postal_codes, found.cities) == ((), ("97006",), ("beaverton",))


@pytest.mark.parametrize("code", ["00000", "99999", "unknown", ""])
def test_placeholder_postal_codes_are_none(code: str) -> None:
    assert of(address=[{"postalCode": code}]).postal_codes == ()


def numbered(system: str, value: str, code: str = "", **more: Any) -> Demographics:  # noqa: ANN401 - any JSON value
    type_ = {"type": {"coding": [{"code": code}]}} if code else {}
    return of(identifier=[{"system": system, "value": value, **type_, **more}])


SSN = "http://hl7.org/fhir/sid/us-ssn"


@pytest.mark.parametrize("system", [SSN, "urn:oid:2.16.840.1.113883.4.1"])
def test_a_national_number_has_one_system_and_no_punctuation(system: str) -> None:
    assert numbered(system, "234-65-9089").identifiers == ((SSN, "234659089"),)


@pytest.mark.parametrize(
    "value",
    [
        "000-00-0000",
        "123-45-6789",
        "999-12-3456",
        "666-12-3456",
        "078-05-1120",
        "T-10120",
        "UNK",
        "111-11-1111",
        "12",
        "",
    ],
)
def test_an_impossible_national_number_is_none(value: str) -> None:
    assert numbered(SSN, value).identifiers == ()


@pytest.mark.parametrize(
    ("system", "value", "code"),
    [
        ("", "123777", "MR"),
        ("mrn", "123777", "MR"),
        ("urn:oid:2.16.840.1.113883.19.5", "123777", "MR"),
        ("urn:oid:1.2.3.44", "123777", ""),
        ("http://example.org/mrn", "123777", "MR"),
        ("http://localhost:8080/mrn", "123777", "MR"),
        ("urn:oid:2.16.840.1.113883.4.6", "1234567893", ""),
        ("http://hospital.nowhere.net/mrn", "UNKNOWN", "MR"),
        ("http://hospital.nowhere.net/mrn", "99999999", "MR"),
        ("http://hospital.nowhere.net/account", "123777", "AN"),
        ("http://insurer.nowhere.net/member", "123777", "MB"),
    ],
)
def test_rid_2_what_no_real_assigner_gave_to_one_person_is_left_out(system: str, value: str, code: str) -> None:
    assert numbered(system, value, code).identifiers == ()


def test_a_medical_record_number_in_use_is_the_only_one_and_an_old_one_is_not() -> None:
    system = "http://hospital.nowhere.net/mrn"
    assert numbered(system, "A-77", "MR").assigned == ((system, "A77"),)
    assert numbered(system, "A-77", "MR", use="old").assigned == ()
    assert numbered(system, "A-77", "MR", period={"end": "2020"}).assigned == ()
    assert numbered(system, "A-77").assigned == ()
    assert numbered(system, "A-77").identifiers == ((system, "A77"),)


@pytest.mark.parametrize(
    ("patient", "multiple"),
    [
        ({"multipleBirthBoolean": True}, True),
        ({"multipleBirthInteger": 2}, True),
        ({"multipleBirthBoolean": False}, False),
        ({}, False),
    ],
)
def test_multiple_birth_is_read_in_both_forms(patient: dict[str, Any], multiple: bool) -> None:  # noqa: FBT001 - a case
    assert of(**patient).multiple_birth is multiple


def test_unknown_sex_is_not_stated() -> None:
    assert [of(gender=each).sex for each in ("male", "other", "unknown", "M")] == ["male", "other", "", ""]


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-2, 2) | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["value", "system", "given", "line"]), inner)
    ),
    max_leaves=8,
)


@given(st.dictionaries(st.sampled_from(["name", "telecom", "address", "identifier", "birthDate", "gender"]), _JSON))
def test_any_json_in_a_patient_gives_demographics_and_keys(patient: dict[str, Any]) -> None:
    keys(of(**patient), NAMER)


# keys ----------------------------------------------------------------------------------------------------------------


def share(left: Demographics, right: Demographics) -> bool:
    return not set(keys(left, NAMER)).isdisjoint(keys(right, NAMER))


def alone(**more: str) -> dict[str, str]:
    """Return elements in which nobody else agrees."""
    return {
        "line": f"{more['key']} X Road",
        "postal": f"1{more['key']}234",
        "city": "Elsewhere",
        "phone": f"70955501{more['key']}9",
        **more,
    }


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ({}, {"born": "1980-06-01"}),
        ({"given": "Lee", "family": "Ann"}, {}),
        ({}, {"given": "Beth"}),
        ({}, {"family": "Moss"}),
        ({"postal": "55111", "born": "1980-05-17", "given": "A"}, {"postal": "55111", "given": "B", "family": "Moss"}),
        ({"phone": "6035550177"}, {"phone": "6035550177", "given": "X", "family": "Y", "born": "1950-01-02"}),
        (
            {"line": "9 Elm St", "postal": "55111"},
            {"line": "9 Elm Street", "postal": "55111", "given": "X", "family": "Y", "born": ""},
        ),
        ({"postal": "55111", "born": ""}, {"postal": "55111", "born": "1981-01-01"}),
    ],
)
def test_each_blocking_key_of_the_rule_book_finds_its_pair(left: dict[str, str], right: dict[str, str]) -> None:
    assert share(person(**alone(key="2", **left)), person(**alone(key="3", **right)))


def test_the_last_digits_without_a_birth_date_need_a_name() -> None:
    number = [{"system": SSN, "value": "234-65-9089"}]
    assert keys(of(identifier=number), NAMER) != []
    assert len(keys(of(identifier=number, birthDate="1980-05-17"), NAMER)) == 2


def test_the_last_digits_of_a_national_number_find_a_pair() -> None:
    number = [{"system": SSN, "value": "234-65-9089"}]
    other = [{"system": SSN, "value": "334-65-9089"}]
    assert share(
        person(**alone(key="2"), identifier=number), person(**alone(key="3", given="Al", born=""), identifier=other)
    )
    assert share(
        person(**alone(key="2"), identifier=number),
        person(**alone(key="3", family="Moss", given="B"), identifier=other),
    )


def test_strangers_share_no_key() -> None:
    assert not share(person(**alone(key="2")), person(**alone(key="3", given="Beth", family="Moss", born="1971-02-03")))


def test_keys_are_blind_sorted_and_unique() -> None:
    found = keys(person(), NAMER)
    assert found == sorted(set(found))
    assert len(found) >= 8
    assert not set(found) & set(keys(person(), type(NAMER)(b"u" * 32)))
