"""One document being read: what it has stated, what is held, and what became of every clinical statement in it."""

import re
from typing import Any, Literal

from msgspec import Struct

from mainstem.formats.cda import keys, narrative, tables, times
from mainstem.formats.cda.nodes import STATEMENTS, attribute, local, many, negated, one, plain, roots
from mainstem.formats.cda.times import NO_ZONE, Zone
from mainstem.formats.cda.values import identifiers
from mainstem.formats.xml import Node, path_of
from mainstem.model.fact import Fact, Held, Resource
from mainstem.model.names import RULE
from mainstem.model.problem import Problem

Fate = Literal["fact", "repeat", "part", "container", "none-known", "no-information", "held"]
"""What became of a clinical statement; together they cover every one of a document (CCDA-4, conservation)."""
Json = dict[str, Any]

_ENTRY_OF = "urn:mainstem:entry-of"
"""Extension: the resource within whose entry this one stood, where FHIR has no element for the link."""
_PLACE_OF_ENCOUNTER = {
    "MedicationStatement": "context", "MedicationDispense": "context", "Condition": "encounter",
    "Observation": "encounter", "AllergyIntolerance": "encounter", "Procedure": "encounter",
    "Immunization": "encounter", "DiagnosticReport": "encounter", "MedicationRequest": "encounter",
    "ServiceRequest": "encounter",
}  # fmt: skip


_LITERAL = re.compile(r"[^#].*\s.*|[A-Za-z]+", re.DOTALL)
"""What senders write into a reference instead of pointing at it: `YELLOW`, `No Known Procedures`."""


class UnusableError(Exception):
    """An entry that cannot become a fact; `words` say why without quoting it."""

    def __init__(self, problem: Problem, words: str, release: str) -> None:
        super().__init__(words)
        self.problem = problem
        self.words = words
        self.release = release


class Section(Struct, frozen=True):
    """A section: what it holds, where it stands, and the offset that its times may borrow."""

    node: Node
    kind: str
    loinc: str
    zone: Zone


class Reading:
    """Collects what a document states. One per document; the pure `read` builds it, fills it and lets it go."""

    def __init__(self, root: Node, source: str, order: str) -> None:
        self.root = root
        self.source = source
        self.order = order
        self.patient = ""
        self.facts: dict[str, Fact] = {}
        self.held: list[Held] = []
        self.fates: dict[Node, Fate] = {}
        self.references: dict[Node, str] = {}
        self.copied = keys.Reused(frozenset(), frozenset())
        self.encounters: dict[tuple[str, str], str] = {}
        self._anchors = narrative.anchors(root)
        self._lost: set[str] = set()
        self.zone = _document_zone(root)

    # what the document's words are

    def texts(self, node: Node | None) -> str:
        """Return an ED element as text: its own words, else those that its reference names in the narrative."""
        if node is None:
            return ""
        reference = one(node, "reference")
        own = plain(node)
        target = attribute(reference, "value")
        if own or target is None or reference is None:
            return own
        anchor = self._anchors.get(target.removeprefix("#"))
        if anchor is not None:
            return narrative.words(anchor)
        if _LITERAL.fullmatch(target):
            return target
        if not target.lower().startswith(("http:", "https:")):
            self._dangling(reference, target)
        return ""

    def _dangling(self, reference: Node, target: str) -> None:
        if target in self._lost:
            return
        self._lost.add(target)
        self.held.append(
            Held(
                problem=Problem.BAD_REFERENCE,
                words="A reference into the narrative names an ID that the document does not have.",
                release="A document from the source in which the ID exists; the entry itself was read.",
                path=path_of(reference),
            )
        )

    def entry_text(self, node: Node) -> str:
        """Return what an entry says of itself in words: its text, else the original text of its code or value."""
        for found in (one(node, "text"), one(node, "code", "originalText"), one(node, "value", "originalText")):
            if words := self.texts(found):
                return words
        return ""

    # what it states

    def state(self, node: Node, kind: str, body: Resource, section: Section) -> str:
        """Add a fact about the patient from a clinical statement; return its reference `Type/key`.

        `body` needs its resourceType only. The same record stated twice in a document is one fact; what the second
        statement says beyond the first is added to it.
        """
        type_ = str(body["resourceType"])
        key = keys.of_entry(node, kind, type_, (self.patient, section.kind), self.copied)
        return self._add(type_, key, self._tagged(node, kind, body), node)

    def state_document(self, type_: str, key: str, body: Resource, node: Node) -> str:
        """Add a fact that the document as a whole states under a key of its own."""
        return self._add(type_, key, {"resourceType": type_, **body}, node)

    def state_party(self, body: Resource, key: str, node: Node) -> str:
        """Add a fact about no patient (practitioner, organization, location); return its reference."""
        return self._add(str(body["resourceType"]), key, body, node, about_patient=False)

    def _tagged(self, node: Node, kind: str, body: Resource) -> Resource:
        found = keys.usable(node)
        if found is None or (*found, kind) not in self.copied.flagged:
            return body
        tag = {"system": RULE, "code": "id-reused", "display": "The source uses this entry's id for different content"}
        return {**body, "meta": {"tag": [tag]}}

    def _add(self, type_: str, key: str, body: Resource, node: Node, *, about_patient: bool = True) -> str:
        reference = f"{type_}/{key}"
        self.references.setdefault(node, reference)
        clean = {name: value for name, value in body.items() if value not in ([], {}, "", None)}
        resource: Resource = {"resourceType": type_, "id": key, **clean}
        earlier = self.facts.get(reference)
        if earlier is not None:
            self.facts[reference] = _joined(earlier, resource)
            self.settle(node, "repeat")
            return reference
        self.facts[reference] = Fact(
            source=self.source, type=type_, key=key, subject=self.patient if about_patient else None,
            order=self.order, resource=resource, path=path_of(node),
        )  # fmt: skip
        self.settle(node, "fact")
        return reference

    def amend(self, reference: str, changes: Resource) -> None:
        """Add elements to a fact of this document that it does not have yet."""
        fact = self.facts[reference]
        self.facts[reference] = _joined(fact, {**fact.resource, **changes})

    def link(self, child: str, parent: str) -> None:
        """Say on a nested resource within whose entry it stood."""
        fact = self.facts[child]
        if parent == child or any(item["url"] == _ENTRY_OF for item in fact.resource.get("extension", [])):
            return
        extension = [*fact.resource.get("extension", []), {"url": _ENTRY_OF, "valueReference": {"reference": parent}}]
        self.facts[child] = _with(fact, {**fact.resource, "extension": extension})

    def around(self, node: Node) -> str | None:
        """Return the reference of the nearest statement around this one that became a fact."""
        return next((found for above in node.iterancestors() if (found := self.references.get(above))), None)

    def base(self, type_: str, node: Node, subject: str = "subject") -> Json:
        """Return the start of a resource: type, identifiers, and whom it is about."""
        return {
            "resourceType": type_,
            "identifier": identifiers(node),
            subject: {"reference": f"Patient/{self.patient}"},
        }

    def place_of_encounter(self, type_: str) -> str | None:
        """Return the element in which a type names its encounter."""
        return _PLACE_OF_ENCOUNTER.get(type_)

    def encounter_at(self, node: Node) -> Json | None:
        """Return a reference to the visit that an element points at by id: resolved here, or by its identifier."""
        found = keys.usable(node)
        if found is None:
            return None
        if found in self.encounters:
            return {"reference": self.encounters[found]}
        return {"type": "Encounter", "identifier": identifiers(node)[0]}

    # what became of each statement

    def settle(self, node: Node, fate: Fate) -> None:
        """Note what became of a clinical statement; the first word stands, except that a fact outranks a part."""
        if node.tag in STATEMENTS and self.fates.get(node) in {None, "part"}:
            self.fates[node] = fate

    def absorb(self, node: Node) -> None:
        """Note that a statement and all within it became part of another one's fact."""
        for inner in node.iter(*STATEMENTS):
            self.settle(inner, "part")

    def hold(self, node: Node, error: UnusableError) -> None:
        """Hold an entry that cannot be used, and let the rest go on."""
        self.held.append(Held(problem=error.problem, words=error.words, release=error.release, path=path_of(node)))
        for inner in node.iter(*STATEMENTS):
            self.settle(inner, "held")

    def zone_for(self, node: Node, section: Section) -> Zone:
        """Return the offset that times of an entry may borrow: its own, its section's, its document's (CCDA-7)."""
        own = times.first_offset(node)
        return Zone(offset=own, origin="entry") if own else section.zone


def _document_zone(root: Node) -> Zone:
    own = one(root, "effectiveTime")
    offset = (times.first_offset(own) if own is not None else None) or times.first_offset(root)
    return Zone(offset=offset, origin="document") if offset else NO_ZONE


def section_of(node: Node, document: Zone) -> Section:
    """Return what a section element holds (CCDA-1): by template, by LOINC code, or `other`."""
    code = attribute(one(node, "code"), "code")
    known = tables.section_kind(roots(node), code)
    offset = times.first_offset(node)
    zone = Zone(offset=offset, origin="section") if offset else document
    return Section(node, known.kind if known else "other", code or (known.loinc if known else ""), zone)


def is_negated(node: Node) -> bool:
    """Return whether a statement, the link to it, or the concern around it is negated (CCDA-3)."""
    if negated(node):
        return True
    parent = node.getparent()
    above = parent.getparent() if parent is not None else None
    return above is not None and local(above) == "act" and negated(above)


def _with(fact: Fact, resource: Resource) -> Fact:
    return Fact(
        source=fact.source, type=fact.type, key=fact.key, subject=fact.subject, order=fact.order,
        resource=resource, path=fact.path,
    )  # fmt: skip


def _joined(fact: Fact, later: Resource) -> Fact:
    """Add what a second statement of one record says beyond the first; categories are united."""
    merged = {**later, **fact.resource}
    for name in ("category", "identifier"):
        if name in later and isinstance(later[name], list):
            first = list(fact.resource.get(name, []))
            merged[name] = first + [item for item in later[name] if item not in first]
    return _with(fact, merged)


def section_text(section: Section) -> Node | None:
    """Return the narrative of a section."""
    found = many(section.node, "text")
    return found[0] if found else None
