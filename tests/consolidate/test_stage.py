"""The stage as a whole: pass-through, references, tags."""

import pytest

from mainstem.consolidate import STAGE, block_of
from mainstem.consolidate.words import name_of
from mainstem.model.fact import Fact
from mainstem.model.ids import Namer
from mainstem.model.names import SOURCE_TAG
from mainstem.model.record import Block
from mainstem.model.reference import Reference

NAMER = Namer(bytes(32))
REFERENCE = Reference(namer=NAMER, readers={})


def test_a_lone_fact_passes_with_its_references_settled() -> None:
    resource = {
        "resourceType": "Observation",
        "id": "1",
        "meta": {"versionId": "3"},
        "subject": {"reference": "Patient/p"},
        "encounter": {"reference": "Encounter/e"},
        "performer": [{"reference": "#c"}, {"reference": "https://else.example/Practitioner/1"}],
        "code": {"coding": [{"system": "http://loinc.org", "code": "3141-9"}]},
    }
    fact = Fact(source="a", type="Observation", key="1", subject="p", order="", path="", resource=resource)
    block = Block(person="P", name=block_of(fact), facts=[fact])
    (entry,) = STAGE.run([block], REFERENCE).kept
    assert block.name == "Observation|weight"
    assert entry.id == NAMER.record("a", "Observation", "1")
    assert entry.resource["subject"] == {"reference": "Patient/P"}
    assert entry.resource["encounter"] == {"reference": f"Encounter/{NAMER.record('a', 'Encounter', 'e')}"}
    assert entry.resource["performer"] == resource["performer"]
    assert entry.resource["meta"] == {"tag": [{"system": SOURCE_TAG, "code": "a"}]}


def test_types_without_rules_pass_one_by_one_even_in_one_block() -> None:
    def told(source: str) -> Fact:
        resource = {"resourceType": "Basic", "id": "1", "code": {"text": "referral"}}
        return Fact(source=source, type="Basic", key="1", subject="p", order="", path="", resource=resource)

    block = Block(person="P", name="any", facts=[told("a"), told("b")])
    entries = STAGE.run([block], REFERENCE).kept
    assert sorted(entry.id for entry in entries) == sorted(NAMER.record(source, "Basic", "1") for source in "ab")


@pytest.mark.parametrize(
    ("concept", "name"),
    [
        (None, "something without a name"),
        ({"coding": [{"system": "urn:x"}]}, "something without a name"),
        ({"coding": [{"code": "7"}]}, "7"),
        ({"coding": [{"code": "7", "display": "Seven"}], "text": "seven"}, "Seven"),
    ],
)
def test_a_concept_is_called_by_its_best_words(concept: object, name: str) -> None:
    assert name_of(concept) == name
