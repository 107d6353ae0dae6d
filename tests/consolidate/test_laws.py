"""Laws over generated blocks (I1, I2, CONS-10, 13, 17): order, doubles, nothing lost, nothing far apart joined."""

from datetime import datetime, timedelta
from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consolidate.making import NAMER, PERSON, REFERENCE, concept, fact, quantity
from mainstem.consolidate import STAGE, block_of, observation
from mainstem.consolidate.statement import statements
from mainstem.model.fact import Fact
from mainstem.model.json import encode
from mainstem.model.names import LOINC, SNOMED
from mainstem.model.record import Block, Entry

SOURCES = st.sampled_from(["a", "b", "c", "d"])
TIMES = st.sampled_from(
    [
        "", "2020", "2020-01", "2020-01-01", "2020-01-02", "2020-01-01T08:00:00Z", "2020-01-01T08:00:30Z",
        "2020-01-01T08:01:10Z", "2020-01-01T20:00:00Z", "2020-01-01T23:59:40-05:00", "2020-01-02T05:00:20Z",
        "2020-01-01T00:00:00Z",
    ]
)  # fmt: skip
VALUES = st.sampled_from(["88", "88.0", "88.4", "89.2", "90", "194", "0"])
STATUSES = st.sampled_from(["final", "final", "corrected", "preliminary", "entered-in-error"])
MINUTE = timedelta(seconds=60)


@st.composite
def weights(draw: st.DrawFn) -> Fact:
    at, identifier = draw(TIMES), draw(st.sampled_from(["", "1", "2"]))
    more: dict[str, object] = {"effectiveDateTime": at} if at else {}
    if identifier:
        more["identifier"] = [{"system": "urn:lab", "value": identifier}]
    if draw(st.integers(0, 9)) == 0:
        more["meta"] = {"tag": [{"system": "urn:mainstem:gone", "code": "deleted"}]}
    code = concept(draw(st.sampled_from(["29463-7", "3141-9"])), LOINC)
    value = quantity(draw(VALUES), draw(st.sampled_from(["kg", "kg", "kg", "g"])))
    key = f"k{draw(st.integers(0, 30))}"
    return fact(draw(SOURCES), "Observation", key=key, status=draw(STATUSES), code=code, valueQuantity=value, **more)


@st.composite
def pressures(draw: st.DrawFn) -> Fact:
    at = draw(TIMES)
    values = {"8480-6": draw(st.sampled_from(["145", "118"])), "8462-4": draw(st.sampled_from(["88", "76"]))}
    kept = draw(st.sampled_from([("8480-6",), ("8462-4",), ("8480-6", "8462-4")]))
    elements: dict[str, object] = {"effectiveDateTime": at} if at else {}
    if len(kept) == 1:
        elements |= {"code": concept(kept[0], LOINC), "valueQuantity": quantity(values[kept[0]], "mm[Hg]")}
    else:
        parts = [{"code": concept(code, LOINC), "valueQuantity": quantity(values[code], "mm[Hg]")} for code in kept]
        elements |= {"code": concept("85354-9", LOINC), "component": parts}
    key = f"k{draw(st.integers(0, 30))}"
    return fact(draw(SOURCES), "Observation", key=key, status=draw(STATUSES), **elements)


@st.composite
def claims(draw: st.DrawFn) -> Fact:
    """Conditions and medications with codes that overlap, doses that may be missing, and denials."""
    at = draw(TIMES)
    pool = [{"system": system, "code": code} for system in (SNOMED, "urn:icd") for code in ("1", "2")]
    code = {
        "coding": draw(st.lists(st.sampled_from(pool), max_size=3, unique_by=str)),
        "text": draw(st.sampled_from("xy")),
    }
    key = f"k{draw(st.integers(0, 30))}"
    if draw(st.booleans()):
        verified = concept(draw(st.sampled_from(["confirmed", "refuted", "entered-in-error"])))
        more: dict[str, object] = {"onsetDateTime": at} if at else {}
        return fact(draw(SOURCES), "Condition", key=key, code=code, verificationStatus=verified, **more)
    dosage = [{"text": draw(st.sampled_from(["one", "two"]))}] * draw(st.integers(0, 1))
    more = {"effectiveDateTime": at} if at else {}
    return fact(draw(SOURCES), "MedicationStatement", key=key, medicationCodeableConcept=code, dosage=dosage, **more)


FACTS = st.one_of(st.lists(weights(), max_size=14), st.lists(pressures(), max_size=14), st.lists(claims(), max_size=14))


def consolidated(facts: list[Fact]) -> list[Entry]:
    names = sorted({block_of(each) for each in facts})
    blocks = [
        Block(person=PERSON, name=name, facts=[each for each in facts if block_of(each) == name]) for name in names
    ]
    return list(STAGE.run(blocks, REFERENCE).kept)


def plain(entries: list[Entry]) -> bytes:
    return encode([[each.id, each.type, each.block, each.resource, each.certificate] for each in entries])


def records(entries: list[Entry]) -> list[str]:
    """Records that stand in an entry; an issue only cites them."""
    owned = [entry for entry in entries if entry.type != "DetectedIssue"]
    return [member.record for entry in owned for member in entry.certificate.members]


def unique(facts: list[Fact]) -> list[Fact]:
    """One version per record, as a block has."""
    return list({(each.source, each.type, each.key): each for each in facts}.values())


def deleted(each: Fact) -> bool:
    return "meta" in each.resource


@given(FACTS, st.randoms(use_true_random=False))
def test_i2_any_order_and_doubles_give_the_same_bytes(facts: list[Fact], shuffler: object) -> None:
    shuffled = [*facts, *facts[::2]]
    shuffler.shuffle(shuffled)  # type: ignore[attr-defined]  # hypothesis gives a random.Random
    assert plain(consolidated(shuffled)) == plain(consolidated(facts))


@given(FACTS)
def test_cons_13_every_record_is_in_exactly_one_certificate(facts: list[Fact]) -> None:
    once = unique(facts)
    stated = sorted(NAMER.record(each.source, each.type, each.key) for each in once if not deleted(each))
    entries = consolidated(once)
    assert sorted(records(entries)) == stated
    ids = [entry.id for entry in entries]
    assert len(ids) == len(set(ids))
    for entry in entries:
        members = [member.record for member in entry.certificate.members]
        assert members == sorted(members)
        assert entry.type == "DetectedIssue" or entry.id == members[0]


@given(FACTS)
def test_facts_are_never_changed_in_place(facts: list[Fact]) -> None:
    before = encode([each.resource for each in facts])
    consolidated(facts)
    assert encode([each.resource for each in facts]) == before


@given(st.lists(weights(), max_size=14))
def test_cons_17_nothing_clearly_apart_is_joined(facts: list[Fact]) -> None:
    once = {NAMER.record(each.source, each.type, each.key): each for each in facts}
    for entry in (each for each in consolidated(list(once.values())) if each.type == "Observation"):
        members = [once[member.record].resource for member in entry.certificate.members if member.role != "retracted"]
        instants = [
            datetime.fromisoformat(each["effectiveDateTime"])
            for each in members
            if "T" in each.get("effectiveDateTime", "") and "T00:00:00" not in each["effectiveDateTime"]
        ]
        assert all(abs(left - right) <= 2 * MINUTE for left, right in combinations(instants, 2))
        numbers = [each["valueQuantity"]["value"] for each in members]
        assert all(abs(left - right) * 50 <= max(left, right) for left, right in combinations(numbers, 2))
        assert len({each["valueQuantity"]["code"] for each in members}) <= 1


@given(st.lists(weights(), max_size=14))
def test_cons_1_nothing_retracted_is_shown_as_active(facts: list[Fact]) -> None:
    for entry in consolidated(unique(facts)):
        roles = {member.role for member in entry.certificate.members}
        if entry.type == "Observation":
            assert (entry.resource["status"] == "entered-in-error") == (roles == {"retracted"})


@given(FACTS)
def test_i1_the_published_bodies_come_out_the_same_again(facts: list[Fact]) -> None:
    """Consolidating each entry alone changes nothing more: no rule feeds on its own output."""
    for entry in consolidated(facts):
        again = fact(
            "a", entry.type, key="k", **{name: value for name, value in entry.resource.items() if name != "id"}
        )
        (repeated,) = consolidated([again])
        for name in ("code", "valueQuantity", "component", "status", "effectiveDateTime", "onsetDateTime"):
            assert repeated.resource.get(name) == again.resource.get(name)


@given(FACTS)
def test_every_issue_names_entries_that_exist_and_are_tagged(facts: list[Fact]) -> None:
    entries = consolidated(facts)
    tagged = {
        f"{each.type}/{each.id}"
        for each in entries
        if {"differs"} & {tag["code"] for tag in each.resource["meta"]["tag"]}
    }
    named = {
        each["reference"] for entry in entries if entry.type == "DetectedIssue" for each in entry.resource["implicated"]
    }
    assert named == tagged


def _timed_glucose(at: str, value: str, key: int, source: str) -> Fact:
    code = concept("2339-0", LOINC)
    return fact(
        source, "Observation", key=f"k{key}", status="final", code=code, effectiveDateTime=at,
        valueQuantity=quantity(value, "mg/dL"),
    )  # fmt: skip


GLUCOSE = st.builds(_timed_glucose, TIMES.filter(bool), VALUES, st.integers(0, 30), SOURCES)


@given(st.one_of(st.lists(GLUCOSE, min_size=2, max_size=6), st.lists(pressures(), min_size=2, max_size=6)))
def test_the_short_way_of_readings_far_apart_gives_what_the_long_way_gives(facts: list[Fact]) -> None:
    short = plain(consolidated(facts))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(observation, "far_apart", lambda *_: False)
        assert plain(consolidated(facts)) == short


def test_the_short_way_is_taken_where_it_may_be() -> None:
    facts = [_timed_glucose(f"2020-01-01T0{hour}:30:00Z", "90", hour, "a") for hour in (1, 4, 7)]
    assert observation.far_apart(block_of(facts[0]), statements(facts, NAMER))
    assert not observation.far_apart("Observation|weight", statements(facts, NAMER))
