"""Keys of records: the same entry in another document of the same source gives the same key (CCDA-13, CCDA-16).

A key is a UUIDv5 of the person, the entry's own id and what the entry is about (its code and time), because senders
copy ids from samples and reuse them. Without an id, what the entry states takes its place.
"""

from collections import defaultdict
from collections.abc import Iterable
from uuid import UUID, uuid5

from msgspec import Struct

from mainstem.formats.cda.nodes import attribute, many, one, plain
from mainstem.formats.cda.times import start_of
from mainstem.formats.cda.values import is_uuid
from mainstem.formats.xml import Node

_NAMESPACE = UUID("6f0f0a52-5d1b-5c9e-9a38-7d1f0e6b2c41")
_SEPARATOR = "\x1f"
_PLACEHOLDERS = frozenset({"unknown", "unk", "none", "null", "na", "n/a", "ni", "test", "0", "123456789", "1234567890"})

_ABOUT_VALUE = frozenset({"problem", "allergy"})
"""Kinds whose `value` says what they are about; for all others it is what was found."""
_TIMELESS = frozenset({"problem", "allergy", "concern", "goal", "family", "coverage", "team"})
"""Kinds that stay the same record when their dates are corrected."""


class Identity(Struct, frozen=True):
    """What an entry is about, as written: the same in every copy of it."""

    code: str
    time: str
    value: str


def derive(*parts: str) -> str:
    """Return a FHIR id (a UUIDv5) from what it names."""
    return str(uuid5(_NAMESPACE, _SEPARATOR.join(parts)))


def usable(node: Node | None) -> tuple[str, str] | None:
    """Return the first id that names one thing: a UUID root, or an OID root with a real extension; case folded."""
    for item in many(node, "id"):
        root, extension = attribute(item, "root"), attribute(item, "extension") or ""
        if root is None or attribute(item, "nullFlavor"):
            continue
        if is_uuid(root):
            return root.lower(), extension
        if extension and not placeholder(extension):
            return root, extension
    return None


def placeholder(extension: str) -> bool:
    """Return whether an id extension is a stand-in such as `000000000`, `999-99-9999` or `unknown`."""
    digits = "".join(char for char in extension.lower() if char.isalnum())
    repeated = len(digits) > 2 and len(set(digits)) == 1  # noqa: PLR2004 - a short one such as 11 may be a real number
    return not digits or repeated or digits in _PLACEHOLDERS


def identity(node: Node, kind: str) -> Identity:
    """Return what a clinical statement is about; times and texts as written."""
    time = "" if kind in _TIMELESS else (start_of(one(node, "effectiveTime")) or "")
    about = [_code(_main_code(node))]
    if kind in _ABOUT_VALUE:
        about += [_code(item) for item in many(node, "value")]
        about += [_entity(item) for item in many(node, "participant", "participantRole", "playingEntity")]
        return Identity("|".join(about[1:] if any(about[1:]) else about), time, "")
    value = "|".join([_content(item) for item in many(node, "value")] + _dose(node))
    return Identity("|".join(about), time, value)


def _main_code(node: Node) -> Node | None:
    product = one(node, "consumable", "manufacturedProduct", "manufacturedMaterial")
    product = product if product is not None else one(node, "product", "manufacturedProduct", "manufacturedMaterial")
    return one(product, "code") if product is not None else one(node, "code")


def _code(node: Node | None) -> str:
    if node is None:
        return ""
    found = next((code for item in (node, *many(node, "translation")) if (code := attribute(item, "code"))), None)
    return found or attribute(node, "displayName") or plain(node)


def _entity(node: Node) -> str:
    return _code(one(node, "code")) or plain(one(node, "name"))


def _content(node: Node) -> str:
    own = [f"{name}={value}" for name, value in sorted(node.attrib.items()) if not name.endswith("type")]
    return ",".join([*own, *(_content(item) for item in node)]) + (node.text or "").strip()


def _dose(node: Node) -> list[str]:
    return [_content(item) for name in ("doseQuantity", "quantity", "routeCode") for item in many(node, name)]


class Reused(Struct, frozen=True):
    """Which ids of a document stand on different content (CCDA-13)."""

    by_value: frozenset[tuple[str, ...]]
    """(root, extension, kind, code, time) that carry more than one value: the value joins the key."""
    flagged: frozenset[tuple[str, ...]]
    """(root, extension, kind) that stand on more than one thing."""


def reused(entries: Iterable[tuple[Node, str]]) -> Reused:
    """Return what is reused among (statement, kind) of a document, whatever their order."""
    values: dict[tuple[str, ...], set[str]] = defaultdict(set)
    things: dict[tuple[str, ...], set[tuple[str, ...]]] = defaultdict(set)
    for node, kind in entries:
        found = usable(node)
        if found is None:
            continue
        this = identity(node, kind)
        values[(*found, kind, this.code, this.time)].add(this.value)
        things[(*found, kind)].add((this.code, this.time, this.value))
    return Reused(
        frozenset(name for name, seen in values.items() if len(seen) > 1),
        frozenset(name for name, seen in things.items() if len(seen) > 1),
    )


def of_entry(node: Node, kind: str, type_: str, scope: tuple[str, str], copied: Reused) -> str:
    """Return the key of a resource made from a clinical statement.

    `scope` is (patient key, section kind): an id is read within its person, content within its section too.
    """
    patient, section = scope
    this, found = identity(node, kind), usable(node)
    if found is None:
        text = plain(one(node, "text")) if not this.code else ""
        return derive(patient, type_, "content", section, this.code, this.time, this.value, text)
    split = (this.value,) if (*found, kind, this.code, this.time) in copied.by_value else ()
    return derive(patient, type_, "id", *found, this.code, this.time, *split)


def of_party(type_: str, found: tuple[str, str] | None, name: str) -> str:
    """Return the key of a practitioner, organization or location: by id and name, since sample ids are shared."""
    folded = " ".join(name.lower().split())
    return derive(type_, *(("id", *found, folded) if found else ("name", folded)))
