"""From a group of statements to the one resource that is shown, and the certificate that says how it came to be."""

import re
from collections.abc import Callable, Sequence
from typing import Any

from mainstem.consolidate.statement import Statement
from mainstem.fhir.references import rewrite
from mainstem.model.fact import Fact, Resource
from mainstem.model.ids import Namer
from mainstem.model.names import SOURCE_TAG
from mainstem.model.record import Block, Certificate, Entry, Member, Role

_RELATIVE = re.compile(r"([A-Z][A-Za-z]+)/([A-Za-z0-9.-]{1,64})(?:/_history/[A-Za-z0-9.-]{1,64})?", re.ASCII)


def settled(fact: Fact, person: str, namer: Namer) -> Resource:
    """Return the fact's resource with its source's references turned into public ones (REF-1, REF-2).

    The fact's own patient becomes the person; contained, absolute and conditional references stay as they are.
    """
    return rewrite(fact.resource, _changer(fact, person, namer))


def _changer(fact: Fact, person: str, namer: Namer) -> Callable[[str], str]:
    def change(reference: str) -> str:
        match = _RELATIVE.fullmatch(reference)
        if match is None:
            return reference
        type_, key = match.groups()
        if type_ == "Patient" and key == fact.subject and person:
            return f"Patient/{person}"
        return f"{type_}/{namer.record(fact.source, type_, key)}"

    return change


def single(block: Block, statement: Statement, namer: Namer, rule: str, version: int) -> Entry:
    """Return the entry of a statement that stands alone: the bulk case."""
    fact = statement.fact
    body = {
        **settled(fact, block.person, namer),
        "id": statement.record,
        "meta": meta([fact.resource], [fact.source]),
    }
    certificate = Certificate(rule=rule, version=version, members=(member(statement),))
    return Entry(
        type=fact.type,
        id=statement.record,
        person=block.person,
        block=block.name,
        resource=body,
        certificate=certificate,
    )


def member(statement: Statement, role: Role = "same", note: str = "") -> Member:
    """Return how a statement stands in its certificate."""
    fact = statement.fact
    return Member(
        record=statement.record,
        source=fact.source,
        type=fact.type,
        key=fact.key,
        order=fact.order,
        role="retracted" if statement.retracted else role,
        note=note,
    )


def meta(resources: Sequence[Resource], sources: Sequence[str]) -> dict[str, Any]:
    """Return the joint `meta`: profiles, labels and tags of all, one tag per source; versions belong to the store."""
    joint: dict[str, Any] = {}
    tags: list[Any] = []
    for resource in resources:
        for name, value in resource.get("meta", {}).items():
            if name in {"profile", "security"}:
                joint.setdefault(name, []).extend(item for item in value if item not in joint.get(name, ()))
            elif name == "tag":
                tags.extend(item for item in value if item not in tags)
    joint["tag"] = tags + [{"system": SOURCE_TAG, "code": source} for source in sorted(set(sources))]
    return joint
