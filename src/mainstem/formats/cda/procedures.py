"""Procedures done and not done, and the devices in or on the person (C-CDA on FHIR, procedures)."""

from mainstem.formats.cda import keys, tables, times
from mainstem.formats.cda.absence import Subject, absence, name_of
from mainstem.formats.cda.medications import reasons
from mainstem.formats.cda.nodes import attribute, local, many, one, plain
from mainstem.formats.cda.people import locations, organization, performers
from mainstem.formats.cda.plans import order
from mainstem.formats.cda.reading import Json, Reading, Section, is_negated
from mainstem.formats.cda.statements import comments, contained, encounter_of, recorded
from mainstem.formats.cda.times import put
from mainstem.formats.cda.values import concept, identifiers, quantity, required_concept
from mainstem.formats.xml import Node

_UDI_ROOT = "2.16.840.1.113883.3.3719"
"""OID of the FDA: a device id under it is a UDI carrier."""
_FDA = "http://hl7.org/fhir/NamingSystem/fda-udi"


def procedure(node: Node, section: Section, reading: Reading) -> str | None:
    """Read a Procedure Activity (procedure, act or observation) as a Procedure, and its devices as Devices."""
    if attribute(node, "moodCode") not in {None, "EVN"}:
        return order(node, section, reading)
    code = one(node, "code")
    value = one(node, "value") if local(node) == "observation" else None
    empty = absence(node, Subject("procedures", (code,)), section, reading)
    positive = (value is not None and concept(value, reading.texts)) or _devices_named(node)
    if empty and (is_negated(node) or not positive):
        reading.absorb(node)
        reading.fates[node] = empty
        return None
    body = reading.base("Procedure", node)
    written = tables.target("procedure-status", attribute(one(node, "statusCode"), "code"))
    body["status"] = "not-done" if is_negated(node) else written or "completed"
    body["code"] = required_concept(code, reading.texts, reading.entry_text(node))
    if value is not None:
        body["outcome"] = concept(value, reading.texts)
    _performed(node, body, section, reading)
    sites = [found for item in many(node, "targetSiteCode") if (found := concept(item, reading.texts))]
    body["bodySite"] = sites
    body["performer"] = [{"actor": who} for who in performers(node, reading)]
    body["location"] = next(iter(locations(node, reading)), None)
    body["reasonCode"] = reasons(node, reading)
    body["note"] = comments(node, reading)
    body |= encounter_of(node, "Procedure", reading)
    recorded(node, body, ("recorder", None), section, reading)
    devices = _devices(node, reading, worn=section.kind == "devices")
    body["focalDevice"] = [{"manipulated": device} for device in devices]
    return reading.state(node, "procedure", body, section)


def _performed(node: Node, body: Json, section: Section, reading: Reading) -> None:
    zone = reading.zone_for(node, section)
    time = one(node, "effectiveTime")
    if times.start_of(time) is None:
        return
    if attribute(time, "value") or attribute(one(time, "center"), "value"):
        put(body, "performedDateTime", time, zone)
    else:
        body["performedPeriod"] = times.period(time, zone)


def _devices_named(node: Node) -> bool:
    return any(_device_words(role) for role in _device_roles(node))


def _device_roles(node: Node) -> list[Node]:
    return [
        role
        for item in many(node, "participant")
        if item.get("typeCode") in {"DEV", "PRD"} and (role := one(item, "participantRole")) is not None
    ]


def _device_words(role: Node) -> bool:
    device = one(role, "playingDevice")
    named = concept(one(device, "code"), plain) or plain(one(device, "manufacturerModelName"))
    return bool(named or name_of(device) or any(item.get("root") == _UDI_ROOT for item in many(role, "id")))


def _devices(node: Node, reading: Reading, *, worn: bool) -> list[Json]:
    roles = [] if is_negated(node) else [role for role in _device_roles(node) if _device_words(role)]
    return [{"reference": device(role, reading, worn=worn)} for role in roles]


def device(role: Node, reading: Reading, *, worn: bool) -> str:
    """State one Device with its UDI; a device of the Medical Equipment section is the person's own."""
    playing = one(role, "playingDevice")
    body: Json = {"identifier": identifiers(role), "patient": {"reference": f"Patient/{reading.patient}"}}
    body["type"] = concept(one(playing, "code"), reading.texts)
    if model := plain(one(playing, "manufacturerModelName")):
        body["deviceName"] = [{"name": model, "type": "model-name"}]
    udis = [item for item in many(role, "id") if item.get("root") == _UDI_ROOT and attribute(item, "extension")]
    body["udiCarrier"] = [{"issuer": _FDA, "carrierHRF": attribute(item, "extension")} for item in udis]
    maker = organization(one(role, "scopingEntity"), reading)
    body["manufacturer"] = plain(one(role, "scopingEntity", "desc")) or (maker or {}).get("display")
    body["owner"] = maker
    body["status"] = "active" if worn else None
    named = keys.usable(role)
    content = str(body["type"] or "") + str(body.get("deviceName", ""))
    key = keys.derive(reading.patient, "Device", *(named or ("content", content)))
    return reading.state_document("Device", key, body, role)


def device_supply(node: Node, section: Section, reading: Reading) -> str | None:
    """Read a Non-Medicinal Supply Activity: the device, and that the person uses it."""
    roles = [role for role in _device_roles(node) if _device_words(role)]
    if is_negated(node) or not roles:
        named = one(node, "product", "manufacturedProduct", "manufacturedMaterial", "code")
        empty = absence(
            node, Subject("procedures", (named if named is not None else one(node, "code"),)), section, reading
        )
        if empty or is_negated(node):
            reading.absorb(node)
            reading.fates[node] = empty or "none-known"
            return None
    zone = reading.zone_for(node, section)
    body = reading.base("DeviceUseStatement", node)
    status = attribute(one(node, "statusCode"), "code")
    body["status"] = "completed" if status == "completed" and times.ended(node) else "active"
    references = [{"reference": device(role, reading, worn=True)} for role in roles]
    named = one(node, "product", "manufacturedProduct", "manufacturedMaterial", "code")
    body["device"] = references[0] if references else {"display": _label(named, node, reading)}
    body["timingPeriod"] = times.period(one(node, "effectiveTime"), zone)
    if amount := quantity(one(node, "quantity")):
        body["extension"] = [{"url": "urn:mainstem:quantity", "valueQuantity": amount}]
    body["note"] = comments(node, reading)
    for child in contained(node, {"part"}, section):
        reading.absorb(child)
    return reading.state(node, "device-supply", body, section)


def _label(code: Node | None, node: Node, reading: Reading) -> str:
    found = concept(code, reading.texts) or {}
    displays = [item.get("display", item["code"]) for item in found.get("coding", [])]
    return str(found.get("text") or next(iter(displays), "") or reading.entry_text(node) or "unnamed device")
