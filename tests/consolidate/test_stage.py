"""The stage as a whole: pass-through, references, tags."""

from mainstem.consolidate import STAGE, block_of
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
