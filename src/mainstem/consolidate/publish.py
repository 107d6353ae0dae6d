"""From a group of statements to the one resource that is shown, and the certificate that says how it came to be."""

from collections.abc import Sequence
from typing import Any, cast

from mainstem.consolidate.block import codings
from mainstem.consolidate.gather import Group, Item
from mainstem.consolidate.sameness import Joined, joined_of
from mainstem.consolidate.settle import settled
from mainstem.consolidate.shape import dicts
from mainstem.consolidate.statement import RETRACTED, Statement
from mainstem.consolidate.words import conversions
from mainstem.model.fact import Fact, Resource
from mainstem.model.ids import Namer
from mainstem.model.json import canonical
from mainstem.model.names import CONFLICT_TAG, SOURCE_TAG
from mainstem.model.record import Block, Certificate, Entry, Member, Role

VERSION = 1
"""Of all rules of this room; raised with any change of what comes out."""
_VERIFICATION = {
    "Condition": "http://terminology.hl7.org/CodeSystem/condition-ver-status",
    "AllergyIntolerance": "http://terminology.hl7.org/CodeSystem/allergyintolerance-verification",
}
"""Types that say in `verificationStatus` what others say in `status` (R4)."""
_STORED = frozenset({"versionId", "lastUpdated"})
CONFLICT: dict[str, str] = {"system": CONFLICT_TAG, "code": "differs"}
"""Marks a resource about which sources disagree."""


def single(block: Block, statement: Statement, namer: Namer, rule: str) -> Entry:
    """Return the entry of a statement that stands alone: the bulk case, so without any preparation."""
    fact = statement.fact
    body = settled(fact, block.person, namer)
    body = {**body, "id": statement.record, "meta": _own_meta(fact)}
    return entry(block, body, Certificate(rule=rule, version=VERSION, members=(_alone(statement),)))


def together(block: Block, group: Group, namer: Namer, rule: str, *, differs: bool = False) -> Entry:
    """Return the entry of a group; `differs` marks that another entry contradicts it."""
    if len(group.members) == 1 and not differs and not group.anchor.statement.withdrawn:
        return single(block, group.anchor.statement, namer, rule)
    best = group.best
    others = sorted((item for item in group.members if item is not best), key=lambda item: item.statement.record)
    body = _body(block, best, others, namer)
    if group.retracted:
        body |= _taken_back(body)
    tags = [CONFLICT] if differs else []
    resources = [item.statement.fact.resource for item in (best, *others)]
    body["id"] = group.id
    body["meta"] = meta(resources, [item.source for item in group.members], tags)
    members = sorted((_member(item, best) for item in group.members), key=lambda member: member.record)
    return entry(block, body, Certificate(rule=rule, version=VERSION, members=tuple(members)))


def entry(block: Block, body: Resource, certificate: Certificate) -> Entry:
    """Return the entry around a finished body."""
    return Entry(
        type=body["resourceType"],
        id=body["id"],
        person=block.person,
        block=block.name,
        resource=body,
        certificate=certificate,
    )


def member(statement: Statement, role: Role = "same", note: str = "") -> Member:
    """Return how a statement stands in its certificate; what is taken back is never more than that."""
    fact = statement.fact
    taken_back = f"taken back by {statement.withdrawn}" if statement.withdrawn else note
    return Member(
        record=statement.record,
        source=fact.source,
        type=fact.type,
        key=fact.key,
        order=fact.order,
        role="retracted" if statement.retracted else role,
        note=taken_back,
    )


def meta(resources: Sequence[Resource], sources: Sequence[str], tags: Sequence[dict[str, str]] = ()) -> dict[str, Any]:
    """Return the joint `meta`: the first one's, profiles, labels and tags of all, one tag per source.

    Version and time of update are the store's.
    """
    found: list[dict[str, Any]] = [resource["meta"] for resource in resources if "meta" in resource]
    named = [{"system": SOURCE_TAG, "code": source} for source in sorted(set(sources))]
    if not found:
        return {"tag": [*tags, *named]}
    joint = {name: value for name, value in found[0].items() if name not in _STORED}
    for name in ("profile", "security", "tag"):
        items = distinct([item for each in found for item in each.get(name, ())])
        if items:
            joint[name] = items
    joint["tag"] = distinct([*joint.get("tag", ()), *tags, *named])
    return joint


def _own_meta(fact: Fact) -> dict[str, Any]:
    """Return what `meta` gives for one fact, without its preparations."""
    tag = {"system": SOURCE_TAG, "code": fact.source}
    stated = fact.resource.get("meta")
    if not stated or not isinstance(stated, dict):
        return {"tag": [tag]}
    held = cast("dict[str, Any]", stated)
    own = {name: value for name, value in held.items() if name not in _STORED}
    own["tag"] = [*(item for item in dicts(held.get("tag")) if item != tag), tag]
    return own


def distinct(items: Sequence[Any]) -> list[Any]:
    """Return items without repetition, in order; two concepts of equal codes are one, whatever they are called."""
    found: dict[object, Any] = {}
    for item in items:
        found.setdefault(_likeness(item), item)
    return list(found.values())


def _likeness(item: object) -> object:
    named = codings(item)
    if named and cast("dict[str, Any]", item).keys() <= {"coding", "text"}:
        return frozenset(named)
    return canonical(cast("Any", item))


def _alone(statement: Statement) -> Member:
    note = conversions(statement.fact.resource) if statement.fact.type == "Observation" else ""
    return member(statement, "converted" if note else "same", note)


def _member(item: Item, best: Item) -> Member:
    statement = item.statement
    converted = conversions(statement.fact.resource) if statement.fact.type == "Observation" else ""
    differing = [f"{name}: {words}" for name, words in item.reported.items() if words != best.reported.get(name, words)]
    rounded = f"stated as {item.figure}" if item.kind == best.kind and item.figure != best.figure else ""
    notes = [converted, "" if converted else rounded, *differing]
    role: Role = "differs" if differing else "converted" if converted else "same"
    return member(statement, role, "; ".join(filter(None, notes)))


def _body(block: Block, best: Item, others: Sequence[Item], namer: Namer) -> Resource:
    """Return the best body with what the others add (CONS-13); what is taken back adds nothing."""
    body = dict(settled(best.statement.fact, block.person, namer))
    adding = [item for item in others if item.statement.retracted == best.statement.retracted]
    resources = [(item, settled(item.statement.fact, block.person, namer)) for item in adding]
    alike = [resource for item, resource in resources if item.kind == best.kind]
    policy = joined_of(best.statement.fact.type)
    _unite(body, [resource for _, resource in resources], policy)
    _fill(body, alike, policy)
    for name in policy.codes:
        if isinstance(body.get(name), dict):
            body[name] = _all_codings(body[name], [each.get(name) for each in alike])
    _time(body, best, resources, policy)
    return body


def _unite(body: Resource, resources: Sequence[Resource], policy: Joined) -> None:
    for name in policy.union:
        items = [item for each in resources for item in each.get(name, ()) if not _contained(item)]
        if items:
            body[name] = distinct([*body.get(name, ()), *items])


def _fill(body: Resource, resources: Sequence[Resource], policy: Joined) -> None:
    for name in policy.fill:
        given = next((each[name] for each in resources if name in each and not _contained(each[name])), None)
        if given is not None:
            body.setdefault(name, given)


def _time(body: Resource, best: Item, resources: Sequence[tuple[Item, Resource]], policy: Joined) -> None:
    """A panel that is only dated takes the instant of its timed parts."""
    finer = [pair for pair in resources if pair[0].when.grain == "timed"]
    if best.when.grain == "timed" or not finer or not policy.time:
        return
    _, timed = min(finer, key=lambda pair: pair[0].order)
    for name in policy.time:
        body.pop(name, None)
        if name in timed:
            body[name] = timed[name]


def _all_codings(concept: dict[str, Any], others: Sequence[Any]) -> dict[str, Any]:
    found: dict[tuple[str, str], Any] = {}
    concepts: list[Any] = [concept, *others]
    for each in concepts:
        for coding in each.get("coding", ()) if each else ():
            found.setdefault((coding.get("system", ""), coding.get("code", "")), coding)
    return {**concept, "coding": list(found.values())} if found else concept


def _contained(item: object) -> bool:
    return b'"reference":"#' in canonical(item)


def _taken_back(body: Resource) -> dict[str, Any]:
    system = _VERIFICATION.get(body["resourceType"])
    if system is None:
        return {"status": RETRACTED}
    return {"verificationStatus": {"coding": [{"system": system, "code": RETRACTED}]}}
