"""Facts, blocks and what comes of them, in few words."""

from collections.abc import Iterable, Sequence
from itertools import count
from typing import Any

from mainstem.consolidate import STAGE, block_of
from mainstem.model.fact import Fact
from mainstem.model.ids import Namer
from mainstem.model.json import decode, encode
from mainstem.model.names import LOINC, SNOMED, UCUM
from mainstem.model.record import Block, Entry
from mainstem.model.reference import Reference

NAMER = Namer(bytes(range(32)))
REFERENCE = Reference(namer=NAMER, readers={})
PERSON = "p-1"
_KEYS = count(1)


def fact(source: str, type_: str, *, key: str = "", order: str = "", **elements: object) -> Fact:
    """Return a fact as a reader would: JSON decoded with decimals."""
    key = key or f"k{next(_KEYS)}"
    resource = decode(encode({"resourceType": type_, "id": key, **elements}))
    return Fact(source=source, type=type_, key=key, subject="pat", order=order, resource=resource, path="")


def quantity(value: str, unit: str) -> dict[str, Any]:
    return {"value": decode(f'{{"v":{value}}}')["v"], "unit": unit, "system": UCUM, "code": unit}


def concept(code: str, system: str = SNOMED, display: str = "") -> dict[str, Any]:
    return {"coding": [{"system": system, "code": code, **({"display": display} if display else {})}]}


def reading(source: str, code: str, value: str, unit: str, at: str = "", **more: object) -> Fact:
    """Return an Observation of a LOINC code; `at` = "" leaves the time out."""
    elements: dict[str, Any] = {
        "status": "final",
        "code": concept(code, LOINC),
        "subject": {"reference": "Patient/pat"},
        "valueQuantity": quantity(value, unit),
    }
    if at:
        elements["effectiveDateTime"] = at
    names = {name: str(more.pop(name)) for name in ("key", "order") if name in more}
    return fact(source, "Observation", **names, **(elements | more))


def pressure(source: str, systolic: str, diastolic: str, at: str) -> Fact:
    component = [
        {"code": concept("8480-6", LOINC), "valueQuantity": quantity(systolic, "mm[Hg]")},
        {"code": concept("8462-4", LOINC), "valueQuantity": quantity(diastolic, "mm[Hg]")},
    ]
    panel = concept("85354-9", LOINC)
    return fact(source, "Observation", status="final", code=panel, effectiveDateTime=at, component=component)


def consolidated(facts: Iterable[Fact]) -> list[Entry]:
    """Return all entries of the facts, each block on its own; the same in reverse order and with doubles (CONS-10)."""
    given = list(facts)
    found = _run(given)
    assert encode(_plain(_run([*given[::-1], *given]))) == encode(_plain(found))
    owned = [entry for entry in found if entry.type != "DetectedIssue"]
    assert all(entry.certificate.members for entry in found)
    records = [member.record for entry in owned for member in entry.certificate.members]
    assert len(records) == len(set(records))
    return found


def shown(facts: Iterable[Fact]) -> list[Entry]:
    return [entry for entry in consolidated(facts) if entry.type != "DetectedIssue"]


def issues(facts: Iterable[Fact]) -> list[dict[str, Any]]:
    return [entry.resource for entry in consolidated(facts) if entry.type == "DetectedIssue"]


def record(of: Fact) -> str:
    return NAMER.record(of.source, of.type, of.key)


def sources(entry: Entry) -> list[str]:
    return sorted(member.source for member in entry.certificate.members)


def roles(entry: Entry) -> dict[str, str]:
    return {member.source: member.role for member in entry.certificate.members}


def _run(facts: Sequence[Fact]) -> list[Entry]:
    names = sorted({block_of(each) for each in facts})
    blocks = [
        Block(person=PERSON, name=name, facts=[each for each in facts if block_of(each) == name]) for name in names
    ]
    return list(STAGE.run(blocks, REFERENCE).kept)


def _plain(entries: Sequence[Entry]) -> list[Any]:
    return [[entry.id, entry.type, entry.block, entry.resource, entry.certificate] for entry in entries]
