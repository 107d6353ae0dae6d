"""Which facts must be brought before one another: outside of its block nothing can state the same thing."""

from hashlib import blake2b
from typing import Any, cast

from mainstem.consolidate.sameness import BLOCKS, FAMILIES
from mainstem.consolidate.shape import dicts, sound
from mainstem.model.fact import Fact, Resource
from mainstem.model.json import canonical
from mainstem.model.names import LOINC

_LOCAL = frozenset({"id", "meta", "text"})
_TELLING = frozenset({"identifier", "telecom", "address", "position"})
"""Without one of these a name alone makes nobody known: two John Smiths stay two (CONS-17)."""


def block_of(fact: Fact) -> str:
    """Return the name of the block of a harmonised fact: codes in clear, identifiers and contents only as hashes."""
    if fact.type == "Patient":
        return fact.type
    ruled = fact.type == "Observation" or fact.type in BLOCKS.whole or fact.type in BLOCKS.identified
    if not ruled or not sound(fact.resource):
        return _by_record(fact)
    if fact.type == "Observation":
        return _by_code(fact)
    if fact.type in BLOCKS.whole:
        return fact.type
    return _by_identifier(fact)


def main_coding(code: object) -> tuple[str, str] | None:
    """Return (system, code) that a CodeableConcept is known by: of a family, else LOINC, else the first one."""
    found = codings(code)
    for system, value in found:
        if system == LOINC and value in FAMILIES:
            return system, value
    for system, value in found:
        if system == LOINC:
            return system, value
    return found[0] if found else None


def codings(code: object) -> list[tuple[str, str]]:
    """Return all (system, code) of a CodeableConcept in its own order; "" for a system that is not stated."""
    if not isinstance(code, dict):
        return []
    items = dicts(cast("dict[str, Any]", code).get("coding"))
    found = [(item.get("system", ""), item.get("code")) for item in items]
    return [(system, value) for system, value in found if isinstance(system, str) and isinstance(value, str)]


def _by_code(fact: Fact) -> str:
    main = main_coding(fact.resource.get("code"))
    if main is None:
        return _by_record(fact)
    family = FAMILIES.get(main[1]) if main[0] == LOINC else None
    return f"Observation|{family.family}" if family else f"Observation|{main[0]}|{main[1]}"


def _by_record(fact: Fact) -> str:
    return f"{fact.type}|{_hash(fact.source, fact.type, fact.key)}"


def _by_identifier(fact: Fact) -> str:
    systems = BLOCKS.identifier_systems.get(fact.type, ())
    identifiers = business_identifiers(fact.resource, systems)
    if identifiers:
        return f"{fact.type}|{_hash('identifier', *identifiers[0])}"
    return f"{fact.type}|{_hash('content', *_content(fact))}"


def business_identifiers(resource: Resource, systems: tuple[str, ...]) -> list[tuple[str, str]]:
    """Return (system, value) of the identifiers that count, the master identifier first, then sorted."""
    master, stated = resource.get("masterIdentifier"), resource.get("identifier")
    own = cast("list[Any]", stated if isinstance(stated, list) else [stated])
    found = [pair for pair in (_pair(item) for item in own) if pair]
    first = _pair(master)
    pairs = ([first] if first else []) + sorted(set(found))
    return [pair for pair in pairs if not systems or pair[0] in systems]


def _pair(identifier: object) -> tuple[str, str] | None:
    if not isinstance(identifier, dict):
        return None
    stated = cast("dict[str, Any]", identifier)
    system, value = stated.get("system"), stated.get("value")
    return (system, value) if isinstance(system, str) and isinstance(value, str) else None


def _content(fact: Fact) -> tuple[str, ...]:
    """Equal content of two sources is one thing only if it tells who or where, and points at nothing of its source."""
    content = {name: value for name, value in fact.resource.items() if name not in _LOCAL}
    if fact.type not in BLOCKS.identifier_systems or not _TELLING & content.keys():
        return (fact.source, fact.key)
    text = canonical(content).decode()
    return (fact.source, text) if '"reference":' in text else (text,)


def _hash(*parts: str) -> str:
    return blake2b("\x1f".join(parts).encode(), digest_size=16).hexdigest()
