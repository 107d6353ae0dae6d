"""Coverage, care teams, notes and attachments (C-CDA Payers, Care Teams, Note Activity, observationMedia)."""

import base64
import hashlib

from mainstem.formats.cda import keys, tables, times
from mainstem.formats.cda.nodes import attribute, many, one, statements
from mainstem.formats.cda.people import human_names, organization, performers, practitioner
from mainstem.formats.cda.reading import Json, Reading, Section, UnusableError, is_negated
from mainstem.formats.cda.statements import kind_of
from mainstem.formats.cda.times import put
from mainstem.formats.cda.values import concept, identifiers
from mainstem.formats.xml import Node
from mainstem.model.problem import Problem


def coverage(node: Node, section: Section, reading: Reading) -> str | None:
    """Read a Coverage Activity: each policy in it is a Coverage, in the order of its sequence numbers."""
    policies = [child for _, child in statements(node)]
    if not policies:
        reading.settle(node, "container")
        return None
    for child in policies:
        _policy(child, section, reading)
    reading.settle(node, "container")
    return None


def _policy(node: Node, section: Section, reading: Reading) -> None:
    body = reading.base("Coverage", node, "beneficiary")
    body["status"] = "cancelled" if is_negated(node) else "active"
    body["type"] = concept(one(node, "code"), reading.texts)
    payers = [one(item, "assignedEntity") for item in many(node, "performer")]
    named = [one(role, "representedOrganization") for role in payers]
    found = [payer for item in named if (payer := organization(item, reading))]
    found += [who for role in payers if not found and (who := practitioner(role, reading))]
    body["payor"] = found or [{"display": "not stated"}]
    for participant in many(node, "participant"):
        _participant(participant, body, reading)
    reading.absorb(node)
    if not found and body["type"] is None and "subscriberId" not in body:
        reading.fates[node] = "no-information"
        return
    reading.state(node, "coverage", body, section)


def _participant(node: Node, body: Json, reading: Reading) -> None:
    role = one(node, "participantRole")
    if node.get("typeCode") == "COV":
        member = next((item for item in identifiers(role) if item.get("value")), None)
        if member:
            body["subscriberId"] = str(member["value"])
        body["period"] = times.period(one(node, "time"), reading.zone)
        body["relationship"] = concept(one(role, "code"), reading.texts)
    if node.get("typeCode") == "HLD":
        names = human_names(one(role, "playingEntity"), reading.zone)
        holder = " ".join([*names[0].get("given", []), names[0].get("family", "")]).strip() if names else ""
        if holder:
            body["subscriber"] = {"display": holder}


def team(node: Node, section: Section, reading: Reading) -> str | None:
    """Read a Care Team Organizer as a CareTeam."""
    members: list[Json] = []
    for _, child in statements(node):
        members += [{"member": who} for who in performers(child, reading)]
        reading.absorb(child)
    lead = [practitioner(one(item, "participantRole"), reading) for item in many(node, "participant")]
    members += [{"member": who} for who in lead if who]
    if not members:
        reading.settle(node, "container")
        return None
    body = reading.base("CareTeam", node)
    body["status"] = "active" if attribute(one(node, "statusCode"), "code") == "active" else None
    body["name"] = reading.texts(one(node, "code", "originalText"))
    body["category"] = [found] if (found := concept(one(node, "code"), reading.texts)) else []
    body["period"] = times.period(one(node, "effectiveTime"), reading.zone_for(node, section))
    body["participant"] = members
    return reading.state(node, "team", body, section)


def note(node: Node, section: Section, reading: Reading) -> str | None:
    """Read a Note or Comment Activity as a DocumentReference with its text; an act that only holds others is none."""
    text = reading.entry_text(node)
    inner = [child for _, child in statements(node) if kind_of(child, section) != "part"]
    if not text or tables.absence_in(text) or is_negated(node):
        meaning = tables.absence_in(text) or ("none-known" if is_negated(node) else None)
        reading.settle(node, "container" if inner or meaning is None else meaning)
        return None
    body = reading.base("DocumentReference", node)
    body |= {"status": "current", "type": concept(one(node, "code"), reading.texts)}
    put(body, "date", one(node, "author", "time"), reading.zone_for(node, section))
    body["content"] = [{"attachment": attachment("text/plain; charset=utf-8", text.encode())}]
    if "T" not in str(body.get("date", "")):
        body["context"] = {"period": {"start": body.pop("date")}} if body.get("date") else None
    return reading.state(node, "note", body, section)


def attachment(content_type: str, data: bytes) -> Json:
    """Return an Attachment that holds its bytes, with size and hash (FHIR's Attachment.hash is SHA-1)."""
    return {
        "contentType": content_type,
        "data": base64.b64encode(data).decode("ascii"),
        "size": len(data),
        "hash": hash_of(data),
    }


def hash_of(data: bytes) -> str:
    """Return the SHA-1 of bytes in base64, as FHIR's Attachment.hash asks; it identifies, it does not protect."""
    return base64.b64encode(hashlib.sha1(data, usedforsecurity=False).digest()).decode("ascii")


def media(node: Node, section: Section, reading: Reading) -> str | None:
    """Read an observationMedia as a DocumentReference with its bytes (CCDA-14)."""
    content = embedded(one(node, "value"))
    if content is None:
        reading.settle(node, "no-information")
        return None
    body = reading.base("DocumentReference", node) | {"status": "current", "content": [{"attachment": content}]}
    key = keys.derive(reading.patient, "DocumentReference", str(content.get("hash") or content.get("url")))
    del section
    return reading.state_document("DocumentReference", key, body, node)


def embedded(value: Node | None) -> Json | None:
    """Return the Attachment that an ED holds: its bytes, or the address that it refers to.

    Raises:
        UnusableError: UNREADABLE when its base64 is broken.
    """
    if value is None:
        return None
    kind = attribute(value, "mediaType") or "text/plain"
    address = attribute(one(value, "reference"), "value")
    text = value.text or ""
    if not text.strip():
        return {"contentType": kind, "url": address} if address else None
    if attribute(value, "representation") != "B64":
        return attachment(kind, text.encode())
    try:
        return attachment(kind, base64.b64decode("".join(text.split()), validate=True))
    except ValueError:
        raise UnusableError(
            Problem.UNREADABLE, "An embedded file is not valid base64.", "The document sent again with the file whole."
        ) from None
