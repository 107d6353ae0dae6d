"""Laws that every stage obeys by itself, found by discovery: a new stage is judged without a new test."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mainstem import consolidate, formats, harmonise, identify, insight
from mainstem.fhir import index
from mainstem.model.fact import Delivery, Fact
from mainstem.model.ids import Namer
from mainstem.model.json import canonical
from mainstem.model.outcome import Outcome, Stage
from mainstem.model.record import Block
from mainstem.model.reference import Reference
from mainstem.pipeline import PARSE, STAGES
from properties import worlds

NAMER = Namer(b"n" * 32)
REFERENCE = Reference(namer=NAMER, readers=formats.READERS)
every_stage = pytest.mark.parametrize("stage", STAGES, ids=lambda stage: stage.name)


def inputs(stage: Stage[Any, Any, Reference], sent: list[Delivery]) -> list[Any]:
    """Return what this stage gets when these deliveries flow through those before it."""
    if stage is PARSE:
        return sent
    facts = list(PARSE.run(sent, REFERENCE).kept)
    if stage is harmonise.STAGE:
        return facts
    ready = list(harmonise.STAGE.run(facts, REFERENCE).kept)
    if stage is identify.STAGE:
        return [identify.demographics(fact, NAMER) for fact in ready if fact.type == "Patient"]
    blocks = blocks_of(ready)
    if stage is consolidate.STAGE:
        return blocks
    entries = list(consolidate.STAGE.run(blocks, REFERENCE).kept)
    if stage is index.STAGE:
        return entries
    assert stage is insight.STAGE, f"say here what {stage.name} gets"
    groups: dict[tuple[str, str], list[Any]] = defaultdict(list)
    for entry in entries:
        if entry.block in insight.BLOCKS and entry.type == "Observation":
            groups[entry.person, entry.block].append(entry)
    return [insight.Series(person=p, block=b, entries=each) for (p, b), each in groups.items()]


def blocks_of(facts: Sequence[Any]) -> list[Block]:
    newest: dict[tuple[str, str, str], Any] = {}
    for fact in facts:
        name = (fact.source, fact.type, fact.key)
        if name not in newest or (newest[name].order, said(newest[name])) < (fact.order, said(fact)):
            newest[name] = fact
    groups: dict[tuple[str, str], list[Any]] = defaultdict(list)
    for fact in newest.values():
        subject = fact.key if fact.type == "Patient" else fact.subject
        groups[NAMER.derived("person", subject) if subject else "", consolidate.block_of(fact)].append(fact)
    return [Block(person=person, name=name, facts=each) for (person, name), each in groups.items()]


def said(fact: Fact) -> bytes:
    return canonical(fact.resource)


def outcome(stage: Stage[Any, Any, Reference], batch: Sequence[Any]) -> Counter[str]:
    made: Outcome[Any] = stage.run(batch, REFERENCE)
    return Counter(repr(each) for each in (*made.kept, *made.held))


@every_stage
@given(sent=worlds.deliveries())
def test_i1_a_stage_run_again_says_the_same(stage: Stage[Any, Any, Reference], sent: list[Delivery]) -> None:
    batch = inputs(stage, sent)
    assert outcome(stage, batch) == outcome(stage, batch)


@every_stage
@given(sent=worlds.deliveries(), data=st.data())
def test_i2_a_stage_does_not_see_the_order_of_its_batch(
    stage: Stage[Any, Any, Reference], sent: list[Delivery], data: st.DataObject
) -> None:
    batch = inputs(stage, sent)
    assert outcome(stage, data.draw(st.permutations(batch))) == outcome(stage, batch)


@every_stage
@given(sent=worlds.deliveries(), data=st.data())
def test_i2_a_stage_may_be_partitioned_by_its_key(
    stage: Stage[Any, Any, Reference], sent: list[Delivery], data: st.DataObject
) -> None:
    """Blocks and series are whole items, so they too may be split anywhere; people who are compared may not."""
    batch = inputs(stage, sent)
    if stage is identify.STAGE:
        return
    cut = data.draw(st.integers(0, len(batch)))
    assert outcome(stage, batch[:cut]) + outcome(stage, batch[cut:]) == outcome(stage, batch)


@given(sent=worlds.deliveries())
def test_i8_stages_per_item_keep_or_hold_each_item(sent: list[Delivery]) -> None:
    for stage in (harmonise.STAGE, index.STAGE):
        batch = inputs(stage, sent)
        made = stage.run(batch, REFERENCE)
        assert len(made.kept) + len(made.held) == len(batch)


@given(sent=worlds.deliveries())
def test_i8_each_fact_stands_in_one_resource(sent: list[Delivery]) -> None:
    blocks = inputs(consolidate.STAGE, sent)
    entries = consolidate.STAGE.run(blocks, REFERENCE).kept
    stands = Counter(m.record for entry in entries for m in entry.certificate.members if m.type == entry.type)
    wanted = {NAMER.record(f.source, f.type, f.key) for block in blocks for f in block.facts}
    assert stands == Counter(wanted)


@given(sent=worlds.deliveries())
def test_i6_each_entry_names_what_it_was_made_from(sent: list[Delivery]) -> None:
    blocks = inputs(consolidate.STAGE, sent)
    known = {NAMER.record(f.source, f.type, f.key) for block in blocks for f in block.facts}
    for entry in consolidate.STAGE.run(blocks, REFERENCE).kept:
        assert entry.certificate.members
        assert {member.record for member in entry.certificate.members} <= known
