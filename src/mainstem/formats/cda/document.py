"""The way of one document: parsed safely, its patient named, each entry read, held or counted as empty (CCDA-1…16)."""

from collections.abc import Iterator, Mapping
from types import MappingProxyType

from mainstem.formats.cda import (
    administration,
    allergies,
    composition,
    conditions,
    encounters,
    family,
    immunizations,
    keys,
    medications,
    observations,
    patient,
    plans,
    procedures,
    times,
)  # fmt: skip
from mainstem.formats.cda.composition import Entries
from mainstem.formats.cda.nodes import STATEMENTS, V3, attribute, many, one
from mainstem.formats.cda.reading import Reading, Section, UnusableError, section_of
from mainstem.formats.cda.statements import Converter, convert, kind_of
from mainstem.formats.xml import Node, RefusedError, parse
from mainstem.model.fact import Delivery, Fact, Held
from mainstem.model.outcome import Outcome
from mainstem.model.problem import Problem

_RELEASE = {
    Problem.UNREADABLE: "The document sent again, whole and well-formed.",
    Problem.UNSAFE: "The document sent again without a DOCTYPE.",
    Problem.TOO_LARGE: "The document split, or sent without its embedded files.",
    Problem.UNKNOWN_FORMAT: "A CDA R2 ClinicalDocument.",
    Problem.UNSUPPORTED: "A CDA R2 ClinicalDocument in the namespace urn:hl7-org:v3.",
    Problem.NO_PATIENT: "The document sent again with a recordTarget that has an id or a name.",
}


def _part(node: Node, section: Section, reading: Reading) -> None:
    """Take a statement that only qualifies another one, and stands here without it."""
    del section
    reading.settle(node, "container")


READERS: Mapping[str, Converter] = MappingProxyType(
    {
        "concern": conditions.concern,
        "wrapper": _part,
        "directives": _part,
        "part": _part,
        "entry-reference": _part,
        "problem": conditions.problem,
        "allergy": allergies.allergy,
        "medication": medications.medication,
        "planned-medication": medications.planned_medication,
        "supply-order": medications.supply_order,
        "dispense": medications.dispense,
        "immunization": immunizations.immunization,
        "procedure": procedures.procedure,
        "device-supply": procedures.device_supply,
        "results": observations.results,
        "panel": observations.panel,
        "observation": observations.observation,
        "encounter": encounters.encounter,
        "planned-encounter": plans.planned_encounter,
        "order": plans.order,
        "instruction": plans.instruction,
        "goal": plans.goal,
        "coverage": administration.coverage,
        "team": administration.team,
        "comment": administration.note,
        "note": administration.note,
        "media": administration.media,
        "family": family.family,
    }
)
"""One reader for each kind of statement that `templates.csv` and `structure.csv` name."""


def read(delivery: Delivery) -> Outcome[Fact]:
    """Read one C-CDA document.

    A document that cannot be read is held as a whole; an entry that cannot be used is held with its XPath and the
    rest goes on.
    """
    reading = opened(delivery)
    if isinstance(reading, Held):
        return Outcome([], [reading])
    fill(delivery, reading)
    return Outcome(list(reading.facts.values()), reading.held)


def opened(delivery: Delivery) -> Reading | Held:
    """Return a document that is ready to be read, or why it is held."""
    try:
        root = parse(delivery.body)
    except RefusedError as error:
        return _held(error.problem, error.words)
    if root.tag != V3 + "ClinicalDocument":
        known = str(root.tag).endswith("ClinicalDocument") or str(root.tag).startswith(V3)
        problem = Problem.UNSUPPORTED if known else Problem.UNKNOWN_FORMAT
        return _held(problem, "The XML is not a CDA R2 ClinicalDocument.")
    person = patient.key_of(root)
    if person is None:
        return _held(
            Problem.NO_PATIENT, "The document's recordTarget names nobody: it has neither a real id nor a name."
        )
    version = attribute(one(root, "versionNumber"), "value") or ""
    order = times.sortable(attribute(one(root, "effectiveTime"), "value") or "", version)
    reading = Reading(root, delivery.source, order)
    reading.patient = person
    return reading


def _held(problem: Problem, words: str) -> Held:
    return Held(problem=problem, words=words, release=_RELEASE[problem])


def fill(delivery: Delivery, reading: Reading) -> None:
    """State everything that a document says."""
    sections = [section_of(node, reading.zone) for node in reading.root.iter(V3 + "section")]
    tops = [(section, node) for section in sections for node in _entries(section)]
    reading.copied = keys.reused(_kinds(sections))
    patient.patient(reading)
    entries: Entries = {}
    for section, node in sorted(tops, key=lambda top: top[0].kind != "encounters"):
        entries.setdefault(section.node, []).extend(convert(node, section, reading, READERS))
    visit = encounters.encompassing(reading)
    composition.care_team(reading)
    document = composition.composition(reading, entries, visit)
    try:
        composition.document_reference(delivery, reading, document)
    except UnusableError as error:
        reading.hold(reading.root, error)


def _entries(section: Section) -> Iterator[Node]:
    for entry in many(section.node, "entry"):
        for node in entry:
            if node.tag in STATEMENTS:
                yield node


def _kinds(sections: list[Section]) -> Iterator[tuple[Node, str]]:
    """Yield every statement of the document with its kind, for the ids that stand on different content."""
    for section in sections:
        for entry in many(section.node, "entry"):
            for node in entry.iter(*STATEMENTS):
                yield node, kind_of(node, section)
