"""Small words for walking CDA: children by name in the HL7 v3 namespace, clinical statements, null flavours."""

from collections.abc import Iterator

from mainstem.formats.xml import Node

V3 = "{urn:hl7-org:v3}"
SDTC = "{urn:hl7-org:sdtc}"
XSI_TYPE = "{http://www.w3.org/2001/XMLSchema-instance}type"
STATEMENTS = frozenset(
    V3 + name
    for name in (
        "act", "encounter", "observation", "observationMedia", "organizer", "procedure", "regionOfInterest",
        "substanceAdministration", "supply",
    )
)  # fmt: skip
"""Elements of CDA's clinicalStatement choice (CDA R2 §4.3.6)."""
LINKS = (V3 + "entryRelationship", V3 + "component", SDTC + "entryRelationship")


def one(node: Node | None, *names: str) -> Node | None:
    """Return the first descendant along child names of the v3 namespace, or None."""
    for name in names:
        if node is None:
            return None
        node = node.find(V3 + name)
    return node


def many(node: Node | None, *names: str) -> list[Node]:
    """Return all descendants along child names of the v3 namespace."""
    if node is None:
        return []
    return node.findall("/".join(V3 + name for name in names))


def local(node: Node) -> str:
    """Return an element's name without its namespace."""
    return str(node.tag).rpartition("}")[2]


def xsi_type(node: Node) -> str:
    """Return the xsi:type without its prefix; empty when none is written."""
    return (node.get(XSI_TYPE) or "").rpartition(":")[2]


def attribute(node: Node | None, name: str) -> str | None:
    """Return a trimmed attribute; None when it is missing or blank."""
    value = (node.get(name) or "").strip() if node is not None else ""
    return value or None


def plain(node: Node | None) -> str:
    """Return an element's text with white space collapsed."""
    return " ".join(" ".join(node.itertext()).split()) if node is not None else ""


def roots(node: Node) -> list[str]:
    """Return the template roots of an element."""
    return [root for item in many(node, "templateId") if (root := attribute(item, "root"))]


def statements(node: Node) -> Iterator[tuple[Node, Node]]:
    """Yield (link, statement) for the clinical statements directly inside one."""
    for link in node:
        if link.tag in LINKS:
            for inner in link:
                if inner.tag in STATEMENTS:
                    yield link, inner


def is_true(node: Node | None, name: str) -> bool:
    """Return whether a boolean attribute is set."""
    return attribute(node, name) in {"true", "1"}


def negated(node: Node) -> bool:
    """Return whether a statement is negated: by itself or, as some senders write it, by the link that holds it."""
    parent = node.getparent()
    return is_true(node, "negationInd") or (parent is not None and is_true(parent, "negationInd"))
