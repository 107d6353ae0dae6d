"""A resource of odd shape harms nobody: it passes alone, with its bytes, whatever stands in it (I8)."""

from copy import deepcopy
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from consolidate.making import NAMER, PERSON, REFERENCE, concept, fact, pressure, reading, shown
from mainstem.consolidate import STAGE, block_of
from mainstem.model.fact import Fact
from mainstem.model.names import CVX, RXNORM
from mainstem.model.record import Block

JUNK = st.sampled_from(["x", 7, None, True, [], {}, ["x"], [7], [None], {"a": 1}, [[]], [{}]])
WHOLE = [
    pressure("a", "145", "88", "2020-01-01"),
    reading(
        "a", "29463-7", "88", "kg", "2020-01-01", identifier=[{"system": "urn:x", "value": "1"}], note=[{"text": "n"}]
    ),
    fact(
        "a",
        "Condition",
        code=concept("1"),
        onsetDateTime="2020",
        verificationStatus=concept("confirmed"),
        category=[concept("c")],
    ),
    fact("a", "AllergyIntolerance", code=concept("1"), category=["food"], reaction=[{"manifestation": [concept("2")]}]),
    fact(
        "a",
        "MedicationStatement",
        medicationCodeableConcept=concept("1", RXNORM),
        dosage=[{"text": "one", "doseAndRate": [{}]}],
    ),
    fact("a", "Immunization", vaccineCode=concept("1", CVX), occurrenceDateTime="2020-01-01", status="completed"),
    fact(
        "a",
        "Patient",
        name=[{"family": "L", "given": ["R"]}],
        identifier=[{"system": "s", "value": "1"}],
        contained=[{"id": "1"}],
    ),
    fact("a", "Organization", name="N", address=[{"line": ["1"]}], telecom=[{"system": "phone", "value": "1"}]),
]


def _paths(node: object, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    pairs = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    return [found for name, value in pairs for found in [(*path, name), *_paths(value, (*path, name))]]


@st.composite
def spoiled(draw: st.DrawFn) -> tuple[Fact, Fact]:
    """A whole fact, and the same of another source with one element replaced by junk."""
    whole = draw(st.sampled_from(WHOLE))
    resource = deepcopy(whole.resource)
    paths = [path for path in _paths(resource) if path not in {("resourceType",), ("id",)}]
    *way, last = draw(st.sampled_from(paths))
    node: Any = resource
    for name in way:
        node = node[name]
    node[last] = draw(JUNK)
    odd = Fact(source="b", type=whole.type, key=whole.key, subject="pat", order="", resource=resource, path="")
    return whole, odd


@given(spoiled())
def test_no_shape_stops_the_stage_or_loses_a_fact(pair: tuple[Fact, Fact]) -> None:
    for facts in ([pair[1]], list(pair)):
        block = Block(person=PERSON, name=block_of(pair[0]), facts=facts)
        entries = STAGE.run([block], REFERENCE).kept
        records = sorted(
            member.record for entry in entries if entry.type != "DetectedIssue" for member in entry.certificate.members
        )
        assert records == sorted(NAMER.record(each.source, each.type, each.key) for each in facts)


def test_an_odd_shape_passes_alone_and_unharmed() -> None:
    odd = reading("b", "29463-7", "88", "kg", "2020-01-01", note="not a list")
    entries = shown([reading("a", "29463-7", "88", "kg", "2020-01-01"), odd])
    assert sorted(str(entry.resource.get("note")) for entry in entries) == ["None", "not a list"]
