"""Blocks: coarse enough to meet, narrow otherwise, and without personal data in clear; what has no rule passes."""

import pytest

from consolidate.making import concept, fact, reading, shown, sources
from mainstem.consolidate import block_of
from mainstem.model.names import LOINC

NPI = "http://hl7.org/fhir/sid/us-npi"


def test_codes_of_one_family_share_a_block() -> None:
    names = {block_of(reading("a", code, "1", "kg")) for code in ("29463-7", "3141-9", "3142-7")}
    assert names == {"Observation|weight"}
    pressure = {block_of(reading("a", code, "1", "mm[Hg]")) for code in ("85354-9", "55284-4", "8480-6", "8462-4")}
    assert pressure == {"Observation|blood-pressure"}


def test_other_codes_have_their_own_block_by_loinc_if_there_is_one() -> None:
    local = {"coding": [{"system": "urn:local", "code": "K"}, {"system": LOINC, "code": "2823-3"}]}
    assert block_of(fact("a", "Observation", code=local)) == "Observation|http://loinc.org|2823-3"
    assert block_of(fact("a", "Observation", code=concept("K", "urn:local"))) == "Observation|urn:local|K"
    assert block_of(fact("a", "Observation", code={"text": "K"})) != block_of(
        fact("a", "Observation", code={"text": "K"})
    )


@pytest.mark.parametrize(
    "type_", ["Condition", "AllergyIntolerance", "Immunization", "Procedure", "Encounter", "Patient"]
)
def test_claims_of_a_type_share_a_block(type_: str) -> None:
    assert block_of(fact("a", type_)) == block_of(fact("b", type_)) == type_


def test_an_identifier_is_never_in_clear() -> None:
    doctor = fact("a", "Practitioner", identifier=[{"system": NPI, "value": "1234567893"}], key="secret-key")
    assert "1234567893" not in block_of(doctor)
    assert "secret-key" not in block_of(fact("a", "Basic", key="secret-key"))


def test_a_registry_number_joins_and_a_local_one_does_not() -> None:
    def doctor(source: str, system: str, **more: object) -> object:
        return fact(source, "Practitioner", identifier=[{"system": system, "value": "1"}], **more)

    (entry,) = shown([doctor("a", NPI, name=[{"family": "Davis"}]), doctor("b", NPI, telecom=[{"value": "5"}])])
    assert sources(entry) == ["a", "b"]
    assert entry.resource["name"] == [{"family": "Davis"}]
    assert len(shown([doctor("a", "urn:a"), doctor("b", "urn:b")])) == 2


def test_equal_content_joins_only_if_it_tells_who() -> None:
    def place(source: str, **more: object) -> object:
        return fact(source, "Organization", name="Neighborhood Physicians Practice", **more)

    assert len(shown([place("a"), place("b")])) == 2
    address = [{"line": ["2472 Rocky Place"], "city": "Beaverton"}]
    assert len(shown([place("a", address=address), place("b", address=address)])) == 1
    part = {"reference": "Organization/1"}
    assert len(shown([place("a", address=address, partOf=part), place("b", address=address, partOf=part)])) == 2


def test_one_document_of_two_systems_is_one_and_its_versions_are_two() -> None:
    def document(source: str, date: str) -> object:
        identifier = {"system": "urn:oid:1.2", "value": "d"}
        return fact(source, "DocumentReference", masterIdentifier=identifier, date=date, status="current", content=[])

    assert len(shown([document("a", "2020-01-01"), document("b", "2020-01-01")])) == 1
    assert len(shown([document("a", "2020-01-01"), document("b", "2020-01-02")])) == 2
    bare = {"status": "current", "content": []}
    assert len(shown([fact("a", "DocumentReference", **bare), fact("b", "DocumentReference", **bare)])) == 2


def test_a_type_without_a_rule_passes_unharmed() -> None:
    goal = fact(
        "a", "Goal", description={"text": "walk"}, lifecycleStatus="active", subject={"reference": "Patient/pat"}
    )
    twin = fact(
        "b", "Goal", description={"text": "walk"}, lifecycleStatus="active", subject={"reference": "Patient/pat"}
    )
    entries = shown([goal, twin])
    assert len(entries) == 2
    assert all(entry.resource["description"] == {"text": "walk"} for entry in entries)
    assert {entry.certificate.rule for entry in entries} == {"record"}
