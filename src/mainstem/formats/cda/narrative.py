"""Section narrative: references into it resolved to text, and the whole made safe XHTML (CCDA-4)."""

from html import escape

from mainstem.formats.cda.nodes import attribute, local
from mainstem.formats.xml import Node

LONGEST_TEXT = 20_000
"""A code's text longer than this is cut: it points at a whole table, which the section keeps in full."""

_ELEMENTS = {
    "paragraph": "p", "content": "span", "br": "br", "list": "ul", "item": "li", "table": "table", "thead": "thead",
    "tbody": "tbody", "tfoot": "tfoot", "tr": "tr", "th": "th", "td": "td", "caption": "p", "sub": "sub", "sup": "sup",
    "col": "col", "colgroup": "colgroup", "footnote": "span", "footnoteRef": "span", "linkHtml": "a",
}  # fmt: skip
_EMPTY = frozenset({"br", "col"})
_CELL = frozenset({"td", "th"})
_SAFE_LINKS = ("http://", "https://", "#", "mailto:", "tel:")


def anchors(root: Node) -> dict[str, Node]:
    """Return every element of a document that narrative references can name, by its ID."""
    found: dict[str, Node] = {}
    for node in root.iter():
        name = node.get("ID") or node.get("id")
        if name:
            found.setdefault(name, node)
    return found


def words(node: Node) -> str:
    """Return the text of a narrative element on one line, cells and lines divided by a blank."""
    return " ".join(" ".join(node.itertext()).split())[:LONGEST_TEXT]


def xhtml(text: Node | None) -> str | None:
    """Return `<div xmlns=…>` with the narrative as XHTML: known elements only, no script, no handlers, no style.

    Unknown elements give way to their text (FHIR R4 §2.4.0, narrative rules).
    """
    if text is None or not (words(text) or len(text)):
        return None
    return f'<div xmlns="http://www.w3.org/1999/xhtml">{_inner(text)}</div>'


def _inner(node: Node) -> str:
    parts = [escape(node.text or "", quote=False)]
    for child in node:
        parts.append(_element(child))
        parts.append(escape(child.tail or "", quote=False))
    return "".join(parts)


def _element(node: Node) -> str:
    name = _ELEMENTS.get(local(node))
    if name is None:
        return _inner(node)
    if local(node) == "caption" and _within(node, "table"):
        name = "caption"
    if local(node) == "list" and node.get("listType") == "ordered":
        name = "ol"
    if name in _EMPTY:
        return f"<{name}/>"
    return f"<{name}{_attributes(node, name)}>{_inner(node)}</{name}>"


def _within(node: Node, name: str) -> bool:
    parent = node.getparent()
    return parent is not None and local(parent) == name


def _attributes(node: Node, name: str) -> str:
    kept: list[tuple[str, str]] = []
    if anchor := node.get("ID"):
        kept.append(("id", anchor))
    if name in _CELL:
        kept += [(span, value) for span in ("colspan", "rowspan") if (value := node.get(span) or "").isdigit()]
    link = attribute(node, "href")
    if name == "a" and link and link.lower().startswith(_SAFE_LINKS):
        kept.append(("href", link))
    return "".join(f' {key}="{escape(value)}"' for key, value in kept)
