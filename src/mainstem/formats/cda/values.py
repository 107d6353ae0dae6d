"""CDA data types as FHIR data types, in the sender's own words: codes, quantities, identifiers (CCDA-2, CCDA-8)."""

import re
from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any
from uuid import UUID

from mainstem.formats.cda import tables
from mainstem.formats.cda.nodes import attribute, many, one, plain, xsi_type
from mainstem.formats.cda.times import ABSENT
from mainstem.formats.xml import Node
from mainstem.model.names import UCUM

Json = dict[str, Any]
Texts = Callable[[Node | None], str]
"""Resolves an ED element, its reference included, to plain text."""

_NUMBER = re.compile(r"[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?", re.ASCII)
_COMPARED = re.compile(r"\s*(<=|>=|<|>)\s*(\S+)\s*", re.ASCII)
_TRANSLATION = "urn:mainstem:translation"
"""Extension on a Quantity: the same measurement in another unit, as the sender wrote it (PQ.translation)."""
_QUALIFIER = "urn:mainstem:qualifier"
"""Extension on a Coding: a CD qualifier (`name = value`) of a post-coordinated code."""


def absent(flavor: str | None) -> Json:
    """Return a data-absent-reason extension for a null flavour; each flavour has its own reason (CCDA-2)."""
    return {"url": ABSENT, "valueCode": tables.target("null-flavor", flavor) or "unknown"}


def flavor(node: Node | None) -> str | None:
    """Return the null flavour of an element, or None."""
    return attribute(node, "nullFlavor")


def coding(node: Node) -> Json | None:
    """Return the Coding that an element states itself; None for a null flavour or a missing code."""
    code = attribute(node, "code")
    if code is None or (flavor(node) is not None and tables.target("null-flavor", code) is not None):
        return None
    result: Json = {}
    if system := tables.system_of(node.get("codeSystem"), node.get("codeSystemName")):
        result["system"] = system
    if version := attribute(node, "codeSystemVersion"):
        result["version"] = version
    result["code"] = " ".join(code.split())
    if display := attribute(node, "displayName"):
        result["display"] = display
    if qualifiers := [found for item in many(node, "qualifier") if (found := _qualifier(item))]:
        result["extension"] = qualifiers
    return result


def _qualifier(node: Node) -> Json | None:
    parts: list[Json] = []
    for name in ("name", "value"):
        inner = one(node, name)
        if inner is not None and (found := coding(inner)):
            parts.append({"url": name, "valueCoding": found})
    return {"url": _QUALIFIER, "extension": parts} if parts else None


def codings(node: Node | None) -> Iterator[Json]:
    """Yield all codings of a CD: its own first, then its translations, to any depth (CCDA-8)."""
    if node is None:
        return
    if found := coding(node):
        yield found
    for inner in many(node, "translation"):
        yield from codings(inner)


def codes(node: Node | None) -> list[str]:
    """Return all codes of a CD, its translations included."""
    return [item["code"] for item in codings(node)]


def concept(node: Node | None, texts: Texts) -> Json | None:
    """Return a CodeableConcept with every coding and the original text; None when nothing is stated."""
    if node is None:
        return None
    result: Json = {}
    unique: list[Json] = []
    for item in codings(node):
        if item not in unique:
            unique.append(item)
    if unique:
        result["coding"] = unique
    text = texts(one(node, "originalText")) or ("" if unique else _display(node))
    if text:
        result["text"] = text
    return result or None


def _display(node: Node) -> str:
    """Return the words beside a null flavour, which some senders use instead of originalText."""
    return attribute(node, "displayName") or next(
        (words for item in many(node, "translation") if (words := attribute(item, "displayName"))), ""
    )


def required_concept(node: Node | None, texts: Texts, fallback: str = "") -> Json:
    """Return a CodeableConcept where FHIR demands one: with the reason of its absence when nothing is stated."""
    found = concept(node, texts)
    if found:
        return found
    return {"text": fallback} if fallback else {"extension": [absent(flavor(node))]}


def number(text: str | None) -> Decimal | None:
    """Return a number with the digits as written; None when the text is not a plain number."""
    cleaned = (text or "").strip()
    return Decimal(cleaned) if _NUMBER.fullmatch(cleaned) else None


def quantity(node: Node | None) -> Json | None:
    """Return a Quantity from a PQ, INT, REAL or MO; None when it holds no number.

    A PQ unit is UCUM by its type, so `code` repeats it as sent; `<5` becomes a comparator. A null PQ with a
    translation is read from that (PQR, often with a unit in words).
    """
    if node is None:
        return None
    value, comparator = _compared(node.get("value"))
    if value is None:
        return _translated(node)
    result: Json = {"value": value}
    if comparator:
        result["comparator"] = comparator
    if unit := attribute(node, "unit") or attribute(node, "currency"):
        result |= {"unit": unit, "system": UCUM, "code": unit} if node.get("unit") else {"unit": unit}
    others = [
        {"url": _TRANSLATION, "valueQuantity": other} for item in many(node, "translation") if (other := _pqr(item))
    ]
    if others:
        result["extension"] = others
    return result


def _compared(text: str | None) -> tuple[Decimal | None, str | None]:
    match = _COMPARED.fullmatch(text or "")
    return (number(match.group(2)), match.group(1)) if match else (number(text), None)


def _translated(node: Node) -> Json | None:
    return next((found for item in many(node, "translation") if (found := _pqr(item))), None)


def _pqr(node: Node) -> Json | None:
    value = number(node.get("value"))
    if value is None:
        return None
    result: Json = {"value": value}
    if unit := plain(one(node, "originalText")) or attribute(node, "displayName") or attribute(node, "code"):
        result["unit"] = unit
    if (code := attribute(node, "code")) and (system := tables.system_of(node.get("codeSystem"))):
        result |= {"system": system, "code": code}
    return result


def interval(node: Node) -> tuple[str, Json] | None:
    """Return (`Range` or `Quantity`, value) from an IVL_PQ: one open end is a comparator (CDA R2 data types)."""
    low, high = quantity(one(node, "low")), quantity(one(node, "high"))
    if low and high:
        return "Range", {"low": low, "high": high}
    if low:
        return "Quantity", {**low, "comparator": low.get("comparator") or (">" if _open(node, "low") else ">=")}
    if high:
        return "Quantity", {**high, "comparator": high.get("comparator") or ("<" if _open(node, "high") else "<=")}
    found = quantity(one(node, "center")) or quantity(node)
    return ("Quantity", found) if found else None


def _open(node: Node, end: str) -> bool:
    return attribute(one(node, end), "inclusive") == "false"


def dose(node: Node | None) -> Json:
    """Return dose elements from an IVL_PQ doseQuantity: `doseQuantity` or `doseRange`; empty when none is stated."""
    if node is None:
        return {}
    found = interval(node)
    if found is None:
        return {}
    kind, value = found
    return {"doseRange": value} if kind == "Range" else {"doseQuantity": value}


def is_uuid(text: str) -> bool:
    """Return whether an id root is a UUID."""
    try:
        UUID(text)
    except ValueError:
        return False
    return "-" in text


def identifier(node: Node) -> Json | None:
    """Return an Identifier from an II (C-CDA on FHIR, id to identifier); None for a null flavour without a root."""
    root, extension = attribute(node, "root"), attribute(node, "extension")
    if root is None:
        return {"value": extension} if extension and not flavor(node) else None
    if flavor(node) and extension is None:
        return None
    if extension is None:
        prefix = "urn:uuid:" if is_uuid(root) else "urn:oid:"
        return {"system": "urn:ietf:rfc:3986", "value": prefix + (root.lower() if is_uuid(root) else root)}
    result: Json = {"system": tables.system_of(root), "value": extension}
    if assigner := attribute(node, "assigningAuthorityName"):
        result["assigner"] = {"display": assigner}
    return result


def identifiers(node: Node | None) -> list[Json]:
    """Return all Identifiers of an element, each once."""
    result: list[Json] = []
    for item in many(node, "id"):
        found = identifier(item)
        if found and found not in result:
            result.append(found)
    return result


def typed(node: Node) -> str:
    """Return the xsi:type of a value, or the one that its attributes speak of when the sender left it out."""
    written = xsi_type(node)
    if written:
        return written
    if node.get("code") is not None or many(node, "translation"):
        return "CD"
    if node.get("value") is not None:
        return "PQ" if number(node.get("value")) is not None else "ST"
    return "IVL_PQ" if one(node, "low") is not None or one(node, "high") is not None else "ST"
