"""Which reader a clinical statement belongs to: by template, by section, by structure; nothing is dropped (CCDA-1)."""

from collections.abc import Callable, Mapping

from mainstem.formats.cda import tables
from mainstem.formats.cda.nodes import STATEMENTS, attribute, local, many, one, roots, statements
from mainstem.formats.cda.people import author_of
from mainstem.formats.cda.reading import Json, Reading, Section, UnusableError
from mainstem.formats.cda.times import put
from mainstem.formats.cda.values import concept
from mainstem.formats.xml import Node

Converter = Callable[[Node, Section, Reading], str | None]
"""Reads one statement; returns the reference of its fact, or None when it is empty, a container or a part."""

ENTRY_STATUS = "urn:mainstem:entry-status"
"""Extension: a status observation of an entry (C-CDA R1), in the sender's code."""


def kind_of(node: Node, section: Section) -> str:
    """Return the kind of a statement (CCDA-1: template whatever its extension, else section, else structure)."""
    known = next((kind for root in roots(node) if (kind := tables.template_kind(root))), None)
    return known or tables.structural_kind(section.kind, local(node), attribute(node, "moodCode") or "")


def convert(node: Node, section: Section, reading: Reading, readers: Mapping[str, Converter]) -> list[str]:
    """Read a statement and all within it; return the references of the facts that stand for it.

    What its reader leaves over is read on its own and says within whose entry it stood.
    """
    kind = kind_of(node, section)
    try:
        reference = readers[kind](node, section, reading)
    except UnusableError as error:
        reading.hold(node, error)
        return []
    inner: list[str] = []
    for child in node.iter(*STATEMENTS):
        if child not in reading.fates:
            inner += convert(child, section, reading, readers)
            _link(child, reading)
    return inner if reference is None else [reference]


def _link(node: Node, reading: Reading) -> None:
    own, above = reading.references.get(node), reading.around(node)
    if own and above:
        reading.link(own, above)


def contained(node: Node, kinds: set[str], section: Section) -> list[Node]:
    """Return the statements directly inside one that are of the given kinds."""
    return [child for _, child in statements(node) if kind_of(child, section) in kinds]


def comments(node: Node, reading: Reading) -> list[Json]:
    """Return annotations from comment activities (LOINC 48767-8) and absorb them."""
    result: list[Json] = []
    for _, child in statements(node):
        if tables.template_kind(next(iter(roots(child)), None)) != "comment":
            continue
        text = reading.entry_text(child)
        reading.absorb(child)
        if text:
            result.append({"text": text})
    return result


def encounter_of(node: Node, type_: str, reading: Reading) -> Json:
    """Return the encounter element of a resource from a nested encounter that only points at one, and absorb it."""
    place = reading.place_of_encounter(type_)
    result: Json = {}
    for _, child in statements(node):
        if local(child) != "encounter" or one(child, "code") is not None or roots(child):
            continue
        reading.absorb(child)
        target = reading.encounter_at(child)
        if target and place:
            result[place] = target
    return result


def recorded(node: Node, body: Json, names: tuple[str | None, str | None], section: Section, reading: Reading) -> None:
    """Set who recorded an entry and when, in the elements that its type has for them (CCDA-10)."""
    who, when = author_of(node, reading)
    person, time = names
    if person and who and who.get("reference", "").startswith("Practitioner/"):
        body[person] = who
    if time and when is not None:
        put(body, time, when, reading.zone_for(node, section))


def observation_value(node: Node, values: str, marks: str, reading: Reading) -> str | None:
    """Return the mapped value of a nested qualifier observation (status, severity, criticality), and absorb it.

    `values` names the concept map of its value, `marks` the table of codes that make it such an observation.
    """
    found: str | None = None
    for _, child in statements(node):
        if tables.target(marks, attribute(one(child, "code"), "code")) is None:
            continue
        reading.absorb(child)
        mapped = (tables.target(values, code) for code in _value_codes(one(child, "value")))
        found = found or next((target for target in mapped if target), None)
    return found


def entry_status(node: Node, reading: Reading) -> list[Json]:
    """Return extensions from status observations inside an entry, where FHIR's own status says something else."""
    result: list[Json] = []
    for _, child in statements(node):
        if tables.target("status-observation", attribute(one(child, "code"), "code")) and child not in reading.fates:
            found = concept(one(child, "value"), reading.texts)
            reading.absorb(child)
            result += [{"url": ENTRY_STATUS, "valueCodeableConcept": found}] if found else []
    return result


def _value_codes(value: Node | None) -> list[str]:
    own = [attribute(item, "code") for item in (value, *many(value, "translation")) if item is not None]
    return [code for code in own if code]
