"""CONS-7, 8, 12, 13, 17, 18 for conditions, allergies, immunizations, procedures, encounters and medications."""

import pytest

from consolidate.making import concept, fact, issues, quantity, roles, shown, sources
from mainstem.model.fact import Fact
from mainstem.model.names import CVX, RXNORM

_VERIFIED = "http://terminology.hl7.org/CodeSystem/condition-ver-status"
_CLINICAL = "http://terminology.hl7.org/CodeSystem/condition-clinical"
ICD = "http://hl7.org/fhir/sid/icd-10-cm"


def problem(source: str, code: str | dict[str, object] = "59621000", onset: str = "2015-05-10", **more: object) -> Fact:
    named = concept(code, display="Essential hypertension") if isinstance(code, str) else code
    elements = {"code": named, "onsetDateTime": onset, **more}
    return fact(source, "Condition", **{name: value for name, value in elements.items() if value})


def status(code: str) -> dict[str, object]:
    return concept(code, _CLINICAL)


def drug(source: str, start: str, amount: str = "", type_: str = "MedicationStatement", **more: object) -> Fact:
    when = {"effectivePeriod": {"start": start}} if type_ == "MedicationStatement" else {"authoredOn": start}
    dosage = [{"doseAndRate": [{"doseQuantity": quantity(amount, "{tablet}")}]}] if amount else []
    name = "dosage" if type_ == "MedicationStatement" else "dosageInstruction"
    elements = {
        "status": "active",
        "medicationCodeableConcept": concept("198371", RXNORM, "torsemide 20 MG Oral Tablet"),
        **(when if start else {}),
        **({name: dosage} if dosage else {}),
        **more,
    }
    return fact(source, type_, **elements)


def test_one_problem_of_two_systems_is_one_with_all_codings() -> None:
    both = {"coding": [*concept("59621000")["coding"], *concept("I10", ICD)["coding"]], "text": "High blood pressure"}
    (entry,) = shown([problem("a"), problem("b", code=both, onset="2015-05-10T10:00:00-04:00")])
    assert {coding["code"] for coding in entry.resource["code"]["coding"]} == {"59621000", "I10"}
    assert sources(entry) == ["a", "b"]


def test_a_shared_classification_does_not_join_two_things() -> None:
    def anaemia(source: str, code: str) -> Fact:
        return problem(source, code={"coding": [*concept(code)["coding"], *concept("D50.9", ICD)["coding"]]})

    assert len(shown([anaemia("a", "87522002"), anaemia("b", "724556004")])) == 2
    assert len(shown([anaemia("a", "87522002"), problem("b", code=concept("D50.9", ICD))])) == 1


def test_an_undated_problem_joins_the_only_one_that_fits() -> None:
    assert len(shown([problem("a"), problem("b", onset="")])) == 1
    assert len(shown([problem("a", onset=""), problem("b", onset="")])) == 1
    assert len(shown([problem("a", onset="2015-05"), problem("b"), problem("c", onset="2015")])) == 1


def test_cons_17_two_ended_episodes_leave_an_undated_one_alone() -> None:
    def bronchitis(source: str, onset: str, end: str) -> Fact:
        return problem(source, "10509002", onset, abatementDateTime=end)

    episodes = [bronchitis("a", "2010-01-01", "2010-01-20"), bronchitis("b", "2015-01-01", "2015-01-20")]
    assert len(shown([*episodes, problem("c", "10509002", "")])) == 3
    assert issues(episodes) == []


def test_one_lasting_problem_with_two_onsets_is_shown_as_a_difference() -> None:
    facts = [problem("a"), problem("b"), problem("c", onset="2015-10-05")]
    assert len(shown(facts)) == 2
    (issue,) = issues(facts)
    assert "began: 2015-05-10 (a and b); 2015-10-05 (c)" in issue["detail"]
    assert len(shown([*facts, problem("d", onset="")])) == 2
    visits = [
        problem(name, onset=day, category=[concept("encounter-diagnosis")])
        for name, day in (("a", "2015-05-10"), ("b", "2016-01-01"))
    ]
    assert issues(visits) == []


def test_sources_that_differ_on_a_status_are_one_problem_with_an_issue() -> None:
    facts = [problem("a", clinicalStatus=status("active")), problem("b", clinicalStatus=status("resolved"))]
    (entry,) = shown(facts)
    assert sorted(roles(entry).values()) == ["differs", "same"]
    (issue,) = issues(facts)
    assert "active (a); resolved (b)" in issue["detail"]
    assert [each["reference"] for each in issue["implicated"]] == [f"Condition/{entry.id}"]


def test_a_refuted_problem_never_groups_with_a_positive_one() -> None:
    facts = [problem("a"), problem("b", verificationStatus=concept("refuted", _VERIFIED))]
    assert len(shown(facts)) == 2
    (issue,) = issues(facts)
    assert issue["code"]["coding"][0]["code"] == "contradicts-negation"


def test_cons_12_problems_without_a_code_never_group_by_date() -> None:
    assert len(shown([problem("a", code={"text": "tired"}), problem("b", code={"text": "tired"})])) == 2
    assert len(shown([problem("a", code={"text": "tired"}), problem("a", code={"text": "Tired"})])) == 2
    assert len(shown([problem("a", code={"text": "tired"}), problem("a", code={"text": "tired"})])) == 1
    unknown = concept("UNK", "http://terminology.hl7.org/CodeSystem/v3-NullFlavor")
    assert len(shown([problem("a", code=unknown), problem("b", code=unknown)])) == 2


def test_entered_in_error_problems_stay_readable_but_never_speak() -> None:
    wrong = problem("a", verificationStatus=concept("entered-in-error", _VERIFIED))
    (entry,) = shown([wrong])
    assert roles(entry) == {"a": "retracted"}
    (joined,) = shown([wrong, problem("b")])
    assert roles(joined) == {"a": "retracted", "b": "same"}
    assert "verificationStatus" not in joined.resource


def test_cons_14_a_withdrawn_copy_says_so() -> None:
    same = {"identifier": [{"system": "urn:a", "value": "7"}]}
    origin = problem("a", verificationStatus=concept("entered-in-error", _VERIFIED), **same)
    (entry,) = shown([origin, problem("b", **same)])
    assert entry.resource["verificationStatus"]["coding"][0]["code"] == "entered-in-error"


def test_cons_18_no_known_allergy_beside_a_specific_one_shows_both_with_a_finding() -> None:
    none = fact("a", "AllergyIntolerance", code=concept("716186003", display="No known allergy"))
    aspirin = fact("b", "AllergyIntolerance", code=concept("1191", RXNORM, "aspirin"), category=["medication"])
    assert len(shown([none, aspirin])) == 2
    (issue,) = issues([none, aspirin])
    assert issue["detail"] == "No known allergy (a) stands beside aspirin (b)."
    food = fact("c", "AllergyIntolerance", code=concept("429625007", display="No known food allergy"))
    assert issues([food, aspirin]) == []


def test_cons_18_none_known_is_one_statement_of_many_sources_and_never_a_positive() -> None:
    facts = [fact(name, "AllergyIntolerance", code=concept("716186003")) for name in "abc"]
    (entry,) = shown(facts)
    assert len(entry.certificate.members) == 3
    resolved = problem("b", clinicalStatus=status("resolved"))
    nothing = fact("a", "Condition", code=concept("160245001"))
    assert issues([nothing, resolved]) == []
    assert len(issues([nothing, problem("b")])) == 1
    assert issues([nothing, problem("b", category=[concept("encounter-diagnosis")])]) == []


def test_cons_7_two_doses_of_one_drug_are_two() -> None:
    assert len(shown([drug("a", "2015-06-23", "1"), drug("b", "2015-06-23", "2")])) == 2
    assert len(shown([drug("a", "2015-06-23", "1"), drug("b", "2015-06-23", "1.0")])) == 1
    twice = [{"text": "twice a day"}]
    assert (
        len(shown([drug("a", "2015-06-23", dosage=twice), drug("b", "2015-06-23", dosage=[{"text": "once a day"}])]))
        == 2
    )


def test_cons_7_a_statement_without_a_dose_joins_only_if_there_is_but_one() -> None:
    bare = drug("c", "2015-06-23")
    assert len(shown([drug("a", "2015-06-23", "1"), bare])) == 1
    assert len(shown([drug("a", "2015-06-23", "1"), drug("b", "2015-06-23", "2"), bare])) == 3
    assert len(shown([bare, drug("a", "2015-06-23")])) == 1


@pytest.mark.parametrize("type_", ["MedicationStatement", "MedicationRequest"])
def test_cons_8_undated_requests_never_merge_and_dated_repeats_do(type_: str) -> None:
    assert len(shown([drug("a", "", "1", type_), drug("b", "", "1", type_)])) == 2
    assert len(shown([drug("a", "", "1", type_), drug("a", "", "1", type_)])) == 2
    assert len(shown([drug("a", "", "1", type_), drug("b", "2015-06-23", "1", type_)])) == 2
    assert len(shown([drug("a", "2015-06-23", "1", type_) for _ in range(3)])) == 1


def test_medications_by_reference_are_one_only_where_the_reference_is() -> None:
    def by(source: str, **more: object) -> Fact:
        period = {"start": "2015-06-23"}
        return fact(source, "MedicationStatement", status="active", effectivePeriod=period, **more)

    contained = [{"resourceType": "Medication", "id": "m", "code": concept("198371", RXNORM)}]
    inside = by("a", contained=contained, medicationReference={"reference": "#m"})
    assert len(shown([inside, by("b", medicationCodeableConcept=concept("198371", RXNORM))])) == 1
    outside = {"medicationReference": {"reference": "Medication/m"}}
    assert len(shown([by("a", **outside), by("a", **outside)])) == 1
    assert len(shown([by("a", **outside), by("b", **outside)])) == 2


def test_a_refused_vaccine_never_groups_with_a_given_one() -> None:
    def vaccine(source: str, state: str, day: str = "2015-06-22") -> Fact:
        code = concept("166", CVX, "influenza, intradermal")
        return fact(
            source, "Immunization", status=state, vaccineCode=code, **({"occurrenceDateTime": day} if day else {})
        )

    facts = [vaccine("a", "not-done"), vaccine("b", "not-done"), vaccine("c", "completed")]
    assert sorted(entry.resource["status"] for entry in shown(facts)) == ["completed", "not-done"]
    (issue,) = issues(facts)
    assert issue["detail"] == "influenza, intradermal is stated by c, denied by a and b."
    assert len(shown([vaccine("a", "completed"), vaccine("b", "completed", "2016-06-22")])) == 2
    assert len(shown([vaccine("a", "completed"), vaccine("b", "completed", "")])) == 2


def test_procedures_and_visits_group_by_code_and_instant_or_day() -> None:
    def done(source: str, at: str) -> Fact:
        return fact(source, "Procedure", status="completed", code=concept("56251003"), performedDateTime=at)

    assert len(shown([done("a", "2015-06-22T08:00:00Z"), done("b", "2015-06-22")])) == 1
    assert len(shown([done("a", "2015-06-22T08:00:00Z"), done("b", "2015-06-22T11:00:00Z")])) == 2

    def visit(source: str, **period: str) -> Fact:
        return fact(
            source,
            "Encounter",
            status="finished",
            type=[concept("99213", "http://www.ama-assn.org/go/cpt")],
            period=period,
        )

    assert len(shown([visit("a", start="2015-07-22", end="2015-07-22"), visit("b", start="2015-07-22")])) == 1
    assert (
        len(shown([visit("a", start="2015-07-22", end="2015-07-25"), visit("b", start="2015-07-22", end="2015-07-29")]))
        == 2
    )


def test_cons_13_reactions_and_categories_of_all_members_are_kept() -> None:
    def allergy(source: str, reaction: str, category: str) -> Fact:
        reactions = [{"manifestation": [concept(reaction)]}]
        return fact(source, "AllergyIntolerance", code=concept("7980", RXNORM), reaction=reactions, category=[category])

    (entry,) = shown([allergy("a", "247472004", "medication"), allergy("b", "39579001", "biologic")])
    assert len(entry.resource["reaction"]) == 2
    assert sorted(entry.resource["category"]) == ["biologic", "medication"]


def test_a_contained_drug_is_known_by_its_own_code() -> None:
    def holding(source: str, code: str) -> Fact:
        contained = [
            {"resourceType": "Medication", "id": "other", "code": concept("1", RXNORM)},
            {"resourceType": "Medication", "id": "drug", "code": concept(code, RXNORM)},
        ]
        elements = {"status": "active", "medicationReference": {"reference": "#drug"}, "contained": contained}
        return fact(source, "MedicationStatement", effectivePeriod={"start": "2020-01-01"}, **elements)

    assert len(shown([holding("a", "198371"), drug("b", "2020-01-01")])) == 1
    assert len(shown([holding("a", "198372"), drug("b", "2020-01-01")])) == 2


def test_doses_that_are_ranges_are_the_same_only_word_for_word() -> None:
    def ranging(source: str, high: str) -> Fact:
        amount = {"low": quantity("1", "{tablet}"), "high": quantity(high, "{tablet}")}
        return drug(source, "2020-01-01", dosage=[{"doseAndRate": [{"doseRange": amount}]}])

    assert len(shown([ranging("a", "2"), ranging("b", "2")])) == 1
    assert len(shown([ranging("a", "2"), ranging("b", "3")])) == 2
