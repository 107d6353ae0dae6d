from mainstem.fhir.element import getter, part, parts, text
from mainstem.fhir.types import TYPES, name_of, number_of


def test_all_146_concrete_r4_types_are_known_and_no_abstract_one() -> None:
    assert len(TYPES) == 146
    assert not {"Resource", "DomainResource"} & set(TYPES)


def test_numbers_are_positive_unique_and_fixed() -> None:
    assert sorted(each.number for each in TYPES.values()) == list(range(1, 147))
    assert (number_of("Account"), number_of("Patient"), number_of("Observation")) == (1, 103, 96)
    assert name_of(number_of("VisionPrescription")) == "VisionPrescription"


def test_patient_paths_follow_the_compartment_best_first() -> None:
    assert TYPES["Observation"].patient_paths == ("subject",)
    assert TYPES["Coverage"].patient_paths[0] == "beneficiary"
    assert TYPES["Appointment"].patient_paths == ("participant.actor",)
    assert TYPES["Group"].patient_paths == ()


def test_date_paths_are_in_order_of_preference() -> None:
    assert TYPES["Observation"].date_paths == (
        "effectiveDateTime", "effectivePeriod.start", "effectiveInstant", "effectiveTiming.event", "issued",
    )  # fmt: skip


def test_a_type_about_persons_says_where_the_person_stands() -> None:
    for each in TYPES.values():
        assert bool(each.patient_paths) == (each.person in {"always", "maybe"}), each.name


def test_reaching_into_what_is_not_there_or_of_another_kind_gives_nothing() -> None:
    assert (part({"a": 3}, "a"), parts({"a": [1, {"b": 2}]}, "a"), text({"a": {}}, "a")) == ({}, [{"b": 2}], "")
    assert list(getter("a.b")({"a": "text"})) == []
    assert list(getter("a.b")({"a": {"b": None}})) == []


def test_getter_walks_through_lists_in_document_order() -> None:
    appointment = {"participant": [{"actor": {"reference": "Patient/1"}}, {}, {"actor": {"reference": "Location/2"}}]}
    assert [each["reference"] for each in getter("participant.actor")(appointment)] == ["Patient/1", "Location/2"]
    assert list(getter("subject")(appointment)) == []
