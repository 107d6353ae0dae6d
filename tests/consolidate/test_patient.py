"""One Patient per person: survivorship, nothing lost, disagreements shown."""

from consolidate.making import PERSON, concept, consolidated, fact, issues, roles, shown
from mainstem.model.fact import Fact
from mainstem.model.names import CONFLICT_TAG, SOURCE_TAG


def patient(source: str, **elements: object) -> Fact:
    known = {
        "birthDate": "1970-05-01",
        "gender": "female",
        "name": [{"use": "official", "family": "Larson", "given": ["Rebecca"]}],
    }
    return fact(source, "Patient", **(known | elements))


def test_the_person_has_one_patient_with_the_persons_id() -> None:
    (entry,) = consolidated([patient("a"), patient("b")])
    assert entry.id == entry.resource["id"] == PERSON
    assert len(entry.resource["name"]) == 1
    assert [tag["code"] for tag in entry.resource["meta"]["tag"] if tag["system"] == SOURCE_TAG] == ["a", "b"]


def test_what_most_sources_state_leads_and_the_rest_stays() -> None:
    names = [{"use": "official", "family": "Newcomb", "given": ["Rebecca"]}]
    facts = [
        patient("a"),
        patient("b"),
        patient("c", name=names),
        patient("d", name=[{"use": "maiden", "family": "Robin"}]),
    ]
    (entry,) = shown(facts)
    assert entry.resource["name"][0] == {"use": "official", "family": "Larson", "given": ["Rebecca"]}
    assert {(name.get("use"), name["family"]) for name in entry.resource["name"][1:]} == {
        (None, "Newcomb"),
        ("maiden", "Robin"),
    }


def test_identifiers_contacts_and_addresses_are_united() -> None:
    first = patient(
        "a", identifier=[{"system": "urn:a", "value": "1"}], telecom=[{"system": "phone", "value": "+1 555-777-1234"}],
        address=[{"line": ["1357 Amber Dr"], "city": "Beaverton", "postalCode": "97006"}],
    )  # fmt: skip
    second = patient(
        "b", identifier=[{"system": "urn:b", "value": "1", "assigner": {"display": "B"}}],
        telecom=[{"system": "phone", "value": "+1(555)777-1234"}, {"system": "email", "value": "R@x.org"}],
        address=[{"line": ["1357 AMBER DR."], "city": "Beaverton", "postalCode": "97006"}],
    )  # fmt: skip
    (entry,) = shown([first, second])
    assert [identifier["assigner"]["display"] for identifier in entry.resource["identifier"]] in (
        ["a", "B"],
        ["B", "a"],
    )
    assert len(entry.resource["telecom"]) == 2
    assert len(entry.resource["address"]) == 1


def test_a_birth_date_that_differs_is_shown_not_chosen_silently() -> None:
    facts = [patient("a"), patient("b"), patient("c", birthDate="1970-06-01", gender="male")]
    (entry,) = shown(facts)
    assert entry.resource["birthDate"] == "1970-05-01"
    assert {"system": CONFLICT_TAG, "code": "differs"} in entry.resource["meta"]["tag"]
    assert roles(entry) == {"a": "same", "b": "same", "c": "differs"}
    (issue,) = issues(facts)
    assert "the birth date: 1970-05-01 (a and b); 1970-06-01 (c)" in issue["detail"]
    assert "the sex: female (a and b); male (c)" in issue["detail"]
    assert issue["implicated"] == [{"reference": f"Patient/{PERSON}"}]


def test_single_elements_extensions_and_choices_come_from_the_best_supported() -> None:
    race = [{"url": "urn:race", "valueCode": "w"}]
    facts = [
        patient("a", maritalStatus=concept("M"), deceasedBoolean=True, extension=race),
        patient("b", maritalStatus=concept("M"), deceasedDateTime="2020-01-01", extension=race),
        patient(
            "c",
            maritalStatus=concept("S"),
            deceasedDateTime="2020-01-01",
            extension=[{"url": "urn:race", "valueCode": "x"}],
        ),
    ]
    (entry,) = shown(facts)
    assert entry.resource["maritalStatus"] == concept("M")
    assert "deceasedBoolean" not in entry.resource
    assert entry.resource["extension"] == race


def test_contained_resources_of_two_sources_do_not_collide() -> None:
    def with_doctor(source: str) -> Fact:
        doctor = [{"resourceType": "Practitioner", "id": "1", "name": [{"family": source}]}]
        return patient(source, contained=doctor, generalPractitioner=[{"reference": "#1"}])

    (entry,) = shown([with_doctor("a"), with_doctor("b")])
    doctors = {item["id"]: item["name"][0]["family"] for item in entry.resource["contained"]}
    assert sorted(doctors[each["reference"][1:]] for each in entry.resource["generalPractitioner"]) == ["a", "b"]
    (alone,) = shown([with_doctor("a")])
    assert alone.resource["generalPractitioner"] == [{"reference": "#1"}]


def test_links_between_records_of_the_same_person_are_not_shown() -> None:
    (entry,) = shown([patient("a", link=[{"other": {"reference": "Patient/x"}, "type": "replaced-by"}])])
    assert "link" not in entry.resource


def test_identifiers_without_a_system_are_one_only_when_they_are_written_alike() -> None:
    number = {"value": "12", "assigner": {"display": "Harbour"}}
    (entry,) = shown([patient("a", identifier=[number]), patient("b", identifier=[number, {"value": "12"}])])
    assert sorted(each["assigner"]["display"] for each in entry.resource["identifier"]) == ["Harbour", "b"]


def test_a_contained_thing_without_an_id_is_pointed_at_by_nobody() -> None:
    (entry,) = shown([patient("a", contained=[{"resourceType": "Practitioner"}])])
    assert "contained" not in entry.resource
