"""Statements of absence: none known, or nothing said. Never a positive from a negative (CCDA-2, CCDA-3)."""

from collections.abc import Iterable, Iterator
from typing import Any

from msgspec import Struct

from mainstem.formats.cda import narrative, tables
from mainstem.formats.cda.nodes import attribute, many, one, plain
from mainstem.formats.cda.reading import Reading, Section, is_negated, section_text
from mainstem.formats.cda.tables import Absence
from mainstem.formats.cda.values import codings
from mainstem.formats.xml import Node

NEGATED_CODE = "urn:mainstem:negated-code"
"""Extension: what the source negated, in its own code; the resource's code states the absence."""


class Subject(Struct, frozen=True):
    """What a statement is about: the elements that can name it, and the table that knows its empty codes."""

    domain: str
    concepts: tuple[Node | None, ...]
    names: tuple[str, ...] = ()
    alone: bool = False
    """A generic code that stands alone in its section states that there is none (problems)."""


def absence(node: Node, subject: Subject, section: Section, reading: Reading) -> Absence | None:
    """Return what an empty statement says, or None when the statement names something (which may be negated)."""
    found = [code for concept in subject.concepts for code in _codes(concept)]
    markers = [tables.marker(subject.domain, code) for code in found]
    if any(marker is not None and marker.meaning == "none-known" for marker in markers):
        return "none-known"
    said = _said(node, subject, reading)
    generic_words = bool(markers) and markers[0] is not None and any(tables.absence_in(text) for text in said)
    if any(marker is None for marker in markers) and not generic_words:
        return None
    if is_negated(node):
        return _negated(said, generic=bool(markers))
    if found and subject.alone:
        return "none-known"
    return _silent(said, section)


def _negated(said: list[str], *, generic: bool) -> Absence | None:
    meanings = [tables.absence_in(text) for text in said]
    if "no-information" in meanings and "none-known" not in meanings:
        return "no-information"
    return "none-known" if generic or not said or any(meanings) else None


def _silent(said: list[str], section: Section) -> Absence | None:
    meanings = [tables.absence_in(text) for text in said]
    if any(meanings):
        return "none-known" if "none-known" in meanings else "no-information"
    if said:
        return None
    text = section_text(section)
    return (tables.absence_in(narrative.words(text)) if text is not None else None) or "no-information"


def _codes(concept: Node | None) -> Iterator[str]:
    for item in codings(concept):
        yield str(item["code"])


def _said(node: Node, subject: Subject, reading: Reading) -> list[str]:
    texts = [*subject.names, *_displays(subject), reading.texts(one(node, "text"))]
    texts += [reading.texts(one(concept, "originalText")) for concept in subject.concepts if concept is not None]
    return [text for text in texts if text]


def _displays(subject: Subject) -> Iterator[str]:
    """Yield displays that stand beside a null flavour, and those of generic codes only when they speak of absence."""
    for concept in subject.concepts:
        for item in (concept, *many(concept, "translation")) if concept is not None else ():
            display = attribute(item, "displayName") or ""
            generic = tables.marker(subject.domain, attribute(item, "code")) is not None
            if not generic or tables.absence_in(display):
                yield display


def is_alone(section: Section) -> bool:
    """Return whether a section has one entry only."""
    return len(many(section.node, "entry")) == 1


def marker_of(subject: Subject) -> tables.Marker | None:
    """Return the first empty code of a statement: its target states the absence."""
    found = (tables.marker(subject.domain, code) for concept in subject.concepts for code in _codes(concept))
    return next((marker for marker in found if marker is not None), None)


def negated_code(concepts: Iterable[dict[str, Any] | None]) -> list[dict[str, Any]]:
    """Return extensions with what the source negated, in its own words."""
    return [{"url": NEGATED_CODE, "valueCodeableConcept": concept} for concept in concepts if concept]


def named(text: str) -> dict[str, Any]:
    """Return the text element of a CodeableConcept; nothing for no words."""
    return {"text": text} if text else {}


def name_of(node: Node | None) -> str:
    """Return the name element of an entity as text; empty for `NULL` and the like."""
    text = plain(one(node, "name"))
    return "" if text.upper() in {"NULL", "NONE"} else text
