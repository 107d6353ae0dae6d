"""Real documents of many systems about two people: one record of each, by their truth (issue 2, "It must show")."""

import json
import os
import re
from collections import defaultdict
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from consolidate.making import NAMER, PERSON
from mainstem import formats, harmonise
from mainstem.consolidate import STAGE, block_of
from mainstem.model.fact import Delivery, Fact
from mainstem.model.json import encode
from mainstem.model.names import CONFLICT_TAG
from mainstem.model.record import Block, Entry
from mainstem.model.reference import Reference

ROOT = Path(os.environ.get("MAINSTEM_FIXTURES", Path(__file__).parents[3] / "shared" / "fixtures")) / "ccda"
REFERENCE = Reference(namer=NAMER, readers=formats.READERS)
RECEIVED = datetime(2026, 1, 1, tzinfo=UTC)

pytestmark = [
    pytest.mark.fixtures,
    pytest.mark.skipif(not ROOT.exists(), reason="the shared fixtures are not here (MAINSTEM_FIXTURES)"),
]


class Person:
    """All facts of one person's documents, each system a source, and what comes of them."""

    def __init__(self, name: str) -> None:
        self.truth: dict[str, Any] = json.loads((ROOT / name / "truth.json").read_text(), parse_float=Decimal)
        self.facts = _newest([fact for path in sorted((ROOT / name).glob("*/*.xml")) for fact in _read(path)])
        self.entries = _consolidated(self.facts)
        self.home = {member.record: entry for entry in self.entries for member in entry.certificate.members}

    def of(self, type_: str) -> list[Entry]:
        return [entry for entry in self.entries if entry.type == type_]

    def readings(self, code: str) -> list[Entry]:
        return [
            entry for entry in self.of("Observation") if code in _codes(entry) and "valueQuantity" in entry.resource
        ]

    def details(self) -> list[str]:
        return [entry.resource["detail"] for entry in self.of("DetectedIssue")]


@pytest.fixture(scope="module")
def bates() -> Person:
    return Person("bates")


@pytest.fixture(scope="module")
def larson() -> Person:
    return Person("larson")


def source_of(system: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", system.lower())


def _read(path: Path) -> list[Fact]:
    media, body = "application/cda+xml", path.read_bytes()
    delivery = Delivery(source=source_of(path.parent.name), name=path.name, media=media, body=body, received=RECEIVED)
    return list(harmonise.STAGE.run(formats.READERS[media](delivery).kept, REFERENCE).kept)


def _newest(facts: list[Fact]) -> list[Fact]:
    found: dict[tuple[str, str, str], Fact] = {}
    for fact in facts:
        name = (fact.source, fact.type, fact.key)
        if name not in found or fact.order >= found[name].order:
            found[name] = fact
    return list(found.values())


def _consolidated(facts: list[Fact]) -> list[Entry]:
    blocks: dict[tuple[bool, str], list[Fact]] = defaultdict(list)
    for fact in facts:
        blocks[fact.subject is not None, block_of(fact)].append(fact)
    given = [Block(person=PERSON if own else "", name=name, facts=each) for (own, name), each in sorted(blocks.items())]
    return list(STAGE.run(given, REFERENCE).kept)


def _codes(entry: Entry) -> set[str]:
    return {coding.get("code", "") for coding in entry.resource["code"].get("coding", ())}


def _day(entry: Entry) -> str:
    resource = entry.resource
    return str(resource.get("effectiveDateTime") or resource.get("effectivePeriod", {}).get("start", ""))[:10]


def _sources(entry: Entry) -> set[str]:
    return {member.source for member in entry.certificate.members}


@pytest.mark.parametrize("name", ["bates", "larson"])
def test_i2_cons_13_real_blocks_are_order_free_and_lose_nothing(name: str, request: pytest.FixtureRequest) -> None:
    person: Person = request.getfixturevalue(name)
    again = _consolidated([*person.facts[::-1], *person.facts[:200]])
    assert encode([entry.resource for entry in again]) == encode([entry.resource for entry in person.entries])
    owned = [entry for entry in person.entries if entry.type != "DetectedIssue"]
    records = sorted(member.record for entry in owned for member in entry.certificate.members)
    assert records == sorted(NAMER.record(fact.source, fact.type, fact.key) for fact in person.facts)


@pytest.mark.parametrize(("name", "sources"), [("bates", 40), ("larson", 16)])
def test_one_patient_who_names_all_sources(name: str, sources: int, request: pytest.FixtureRequest) -> None:
    person: Person = request.getfixturevalue(name)
    (patient,) = person.of("Patient")
    assert len(_sources(patient)) >= sources
    assert patient.resource["name"][0]["family"] == name.capitalize()


def test_bates_one_height_a_day_and_its_conversions_belong_to_it(bates: Person) -> None:
    days = [_day(entry) for entry in bates.readings("8302-2")]
    assert len(days) == len(set(days))
    (height,) = [entry for entry in bates.readings("8302-2") if _day(entry) == "2015-07-22"]
    assert len(_sources(height)) >= 25
    assert "intellichart" in _sources(height)


def test_bates_the_pound_value_under_kg_is_flagged_not_merged(bates: Person) -> None:
    (heavy,) = [entry for entry in bates.readings("29463-7") if entry.resource["valueQuantity"]["value"] > 150]
    assert _sources(heavy) == {"henry-schein"}
    assert any(tag["system"] == CONFLICT_TAG for tag in heavy.resource["meta"]["tag"])
    assert any("194 kg" in detail and "[lb_av]" in detail for detail in bates.details())


def test_bates_pounds_and_kilograms_of_one_document_are_one_weighing(bates: Person) -> None:
    homes = [entry for entry in bates.readings("29463-7") if "successehs" in _sources(entry)]
    assert len(homes) == 1


def test_bates_nothing_known_stays_one_statement_beside_the_extras(bates: Person) -> None:
    allergies = bates.of("AllergyIntolerance")
    positive = [entry for entry in allergies if "1191" in _codes(entry)]
    assert [_sources(entry) for entry in positive] == [{"allscripts-touchworks"}]
    assert len(allergies) <= 4
    assert any("stands beside" in detail for detail in bates.details())


def test_larson_every_stated_cell_stands_in_a_reading_of_its_value(larson: Person) -> None:
    """A cell's source and day lead to a reading that says its value within 1 %, whoever else says so."""
    missing: list[str] = []
    for truth in larson.truth["observations"]:
        if truth["kind"] != "quantity":
            continue
        entries = [each for code in (truth["loinc"], *truth.get("variants", ())) for each in larson.readings(code)]
        for cluster in truth["clusters"]:
            if not cluster["truth_value"]:
                continue
            day = f"{cluster['date'][:4]}-{cluster['date'][4:6]}-{cluster['date'][6:8]}"
            for document in cluster["docs"]:
                source = source_of(document.split("/")[0])
                near = [each for each in entries if source in _sources(each) and _within_a_day(_day(each), day)]
                if not any(_equal(each, cluster["value"]) for each in near):
                    missing.append(f"{truth['loinc']} {day} {source}")
    assert missing == []


def _within_a_day(left: str, right: str) -> bool:
    return abs((datetime.fromisoformat(left) - datetime.fromisoformat(right)).days) <= 1 if left else False


def _equal(entry: Entry, value: int | Decimal) -> bool:
    return abs(entry.resource["valueQuantity"]["value"] - Decimal(value)) <= Decimal(value) / 100


def test_larson_a_reading_is_one_per_value_and_stated_time(larson: Person) -> None:
    """No two entries of one code, value, unit and day but those that state different times of day."""
    seen: dict[tuple[str, str, str], list[str]] = defaultdict(list)
    for truth in larson.truth["observations"]:
        for entry in larson.readings(truth["loinc"]):
            at = str(entry.resource.get("effectiveDateTime", ""))
            value = entry.resource["valueQuantity"]
            told = f"{value['value'].normalize():f} {value.get('code', value.get('unit', ''))}"
            seen[truth["loinc"], at[:10], told].append(at)
    doubled = {key: times for key, times in seen.items() if len(times) != len(set(times))}
    untimed = {key: times for key, times in seen.items() if len(times) > 1 and any("T" not in each for each in times)}
    assert doubled == {}
    assert untimed == {}


def test_larson_an_altered_value_is_a_conflict_of_its_day(larson: Person) -> None:
    assert any(
        "10 ng/mL" in detail and "10.2 ng/mL (carefluence and modulemd-wise)" in detail for detail in larson.details()
    )
    assert any("birth date: 1970-05-01" in detail and "1970-06-01" in detail for detail in larson.details())


def test_larson_six_problems_stand_together_across_systems(larson: Person) -> None:
    for problem in larson.truth["problems"]:
        entries = [entry for entry in larson.of("Condition") if problem["code"] in _codes(entry)]
        assert max(len(_sources(entry)) for entry in entries) >= 11, problem["name"]
        assert len(entries) <= 4, problem["name"]


def test_larson_the_refused_vaccine_stays_refused(larson: Person) -> None:
    refused = [
        entry
        for entry in larson.of("Immunization")
        if "166" in {c["code"] for c in entry.resource["vaccineCode"]["coding"]}
    ]
    assert {entry.resource["status"] for entry in refused} == {"not-done", "completed"}
    by_role = {fact.key: fact.resource["status"] for fact in larson.facts if fact.type == "Immunization"}
    for entry in refused:
        assert {by_role[member.key] for member in entry.certificate.members} == {entry.resource["status"]}


def test_larson_drugs_of_equal_code_start_and_dose_are_one(larson: Person) -> None:
    (torsemide,) = [
        entry
        for entry in larson.of("MedicationStatement")
        if {"carefluence", "healthgrid"} <= _sources(entry)
        and "198371" in {c["code"] for c in entry.resource["medicationCodeableConcept"]["coding"]}
    ]
    assert len(_sources(torsemide)) >= 5
