"""Medications taken, ordered, supplied and dispensed (C-CDA on FHIR, medications; CCDA-5, CCDA-6)."""

from mainstem.formats.cda import sig, tables
from mainstem.formats.cda.absence import Subject, absence, name_of
from mainstem.formats.cda.nodes import attribute, many, one, statements
from mainstem.formats.cda.people import organization, performers
from mainstem.formats.cda.reading import Json, Reading, Section, is_negated
from mainstem.formats.cda.statements import comments, encounter_of, kind_of, recorded
from mainstem.formats.cda.times import put
from mainstem.formats.cda.values import concept, number, quantity, required_concept
from mainstem.formats.xml import Node

_CATEGORY = "http://terminology.hl7.org/CodeSystem/medication-statement-category"


def material(node: Node) -> tuple[Node | None, tuple[str, ...]]:
    """Return the code of the product of a statement and its names in words."""
    for way in ("consumable", "product"):
        product = one(node, way, "manufacturedProduct")
        if product is None:
            continue
        inside = one(product, "manufacturedMaterial")
        inside = inside if inside is not None else one(product, "manufacturedLabeledDrug")
        name = name_of(inside)
        return one(inside, "code"), ((name,) if name else ())
    return None, ()


def _absence(node: Node, section: Section, reading: Reading) -> tables.Absence | None:
    code, names = material(node)
    activity = one(node, "code")
    stated = tables.marker("medications", attribute(activity, "code"))
    if stated is not None and stated.meaning == "none-known":
        return "none-known"
    return absence(node, Subject("medications", (code,), names), section, reading)


def _drug(node: Node, reading: Reading) -> Json:
    code, names = material(node)
    found = required_concept(code, reading.texts, next(iter(names), "") or reading.entry_text(node))
    if names and "text" not in found:
        found["text"] = names[0]
    return found


def medication(node: Node, section: Section, reading: Reading) -> str | None:
    """Read a Medication Activity as a MedicationStatement; one that says `none` is no fact at all (CCDA-3).

    Both moods are statements of what the person takes: a list says EVN or INT by its vendor's habit, and no consensus
    exists (C-CDA on FHIR, medications).
    """
    if section.kind in {"plan", "instructions"}:
        return planned_medication(node, section, reading)
    empty = _absence(node, section, reading)
    if empty:
        reading.absorb(node)
        reading.fates[node] = empty
        return None
    zone = reading.zone_for(node, section)
    body = reading.base("MedicationStatement", node)
    body["medicationCodeableConcept"] = _drug(node, reading)
    period = sig.bounds(node, zone)
    body["status"] = _status(node, period, reading)
    body["effectivePeriod"] = period
    found = tables.target_with_display("medication-category", section.loinc)
    body["category"] = {"coding": [{"system": _CATEGORY, "code": found[0], "display": found[1]}]} if found else None
    body["dosage"] = sig.dosage(node, zone, reading)
    body["reasonCode"] = reasons(node, reading)
    body["note"] = comments(node, reading)
    body |= encounter_of(node, "MedicationStatement", reading)
    recorded(node, body, ("informationSource", "dateAsserted"), section, reading)
    reference = reading.state(node, "medication", body, section)
    _based_on(node, reference, section, reading)
    return reference


def _status(node: Node, period: Json, reading: Reading) -> str:
    """Return the status (CCDA-5): negated = not taken; a `completed` record that ends in the future is active."""
    if is_negated(node):
        return "not-taken"
    stated = _status_observation(node, reading)
    written = attribute(one(node, "statusCode"), "code")
    status = tables.target("medication-status", written)
    if status == "completed" and not stated:
        return "completed" if not _runs_on(period, reading) else "active"
    return stated or status or "unknown"


def _runs_on(period: Json, reading: Reading) -> bool:
    """Return whether a period that began ends after the document was made; without an end nothing is known."""
    end = str(period.get("end", ""))
    return bool(end) and end[:10] > reading.order[:10] != ""


def _status_observation(node: Node, reading: Reading) -> str | None:
    found: str | None = None
    for _, child in statements(node):
        if tables.target("status-observation", attribute(one(child, "code"), "code")) is None:
            continue
        reading.absorb(child)
        target = tables.target("clinical-status", attribute(one(child, "value"), "code"))
        found = {"active": "active", "inactive": "stopped", "resolved": "completed"}.get(target or "") or found
    return found


def reasons(node: Node, reading: Reading) -> list[Json]:
    """Return indications (RSON observations) and absorb them."""
    result: list[Json] = []
    for link, child in statements(node):
        if link.get("typeCode") != "RSON" or child in reading.fates:
            continue
        found = concept(one(child, "value"), reading.texts) or concept(one(child, "code"), reading.texts)
        text = reading.entry_text(child)
        reading.absorb(child)
        if found or text:
            result.append(found or {"text": text})
    return result


def _based_on(node: Node, reference: str, section: Section, reading: Reading) -> None:
    """Read the supply orders and dispenses inside a medication, and name the orders that it rests on."""
    orders: list[Json] = []
    for _, child in statements(node):
        kind = kind_of(child, section)
        if kind == "supply-order":
            order = supply_order(child, section, reading)
            orders += [{"reference": order}] if order else []
    if orders:
        reading.amend(reference, {"basedOn": orders})


def planned_medication(node: Node, section: Section, reading: Reading) -> str | None:
    """Read a planned medication or immunization as a MedicationRequest."""
    empty = _absence(node, section, reading)
    if empty:
        reading.absorb(node)
        reading.fates[node] = empty
        return None
    zone = reading.zone_for(node, section)
    body = _request(node, section, reading)
    body["medicationCodeableConcept"] = _drug(node, reading)
    body["dosageInstruction"] = sig.dosage(node, zone, reading)
    if is_negated(node):
        body["doNotPerform"] = True
    if not body["dosageInstruction"] and (period := sig.bounds(node, zone)):
        body["dosageInstruction"] = [{"timing": {"repeat": {"boundsPeriod": period}}}]
    body["reasonCode"] = reasons(node, reading)
    return reading.state(node, "medication", body, section)


def _request(node: Node, section: Section, reading: Reading) -> Json:
    body = reading.base("MedicationRequest", node)
    status = tables.target("order-status", attribute(one(node, "statusCode"), "code"))
    body["status"] = {"revoked": "cancelled"}.get(status or "", status) or "unknown"
    intent = tables.target("order-intent", attribute(node, "moodCode")) or "order"
    body["intent"] = intent if intent in {"plan", "order", "proposal", "option"} else "order"
    body["note"] = comments(node, reading)
    body |= encounter_of(node, "MedicationRequest", reading)
    recorded(node, body, ("requester", "authoredOn"), section, reading)
    return body


def supply_order(node: Node, section: Section, reading: Reading) -> str | None:
    """Read a Medication Supply Order as a MedicationRequest with what may be dispensed."""
    zone = reading.zone_for(node, section)
    owner = _owner(node)
    code, _ = material(node)
    source = node if code is not None or owner is None else owner
    supply: Json = {}
    if (repeats := number(attribute(one(node, "repeatNumber"), "value"))) is not None:
        supply["numberOfRepeatsAllowed"] = int(repeats)
    if amount := quantity(one(node, "quantity")):
        supply["quantity"] = amount
    if validity := sig.bounds(node, zone):
        supply["validityPeriod"] = validity
    if not supply and source is owner:
        reading.absorb(node)
        return None
    body = _request(node, section, reading) | {"intent": "order"}
    body["medicationCodeableConcept"] = _drug(source, reading)
    body["dispenseRequest"] = supply
    body["dosageInstruction"] = sig.dosage(node, zone, reading)
    return reading.state(node, "supply", body, section)


def _owner(node: Node) -> Node | None:
    link = node.getparent()
    return link.getparent() if link is not None else None


def dispense(node: Node, section: Section, reading: Reading) -> str | None:
    """Read a Medication Dispense as a MedicationDispense."""
    zone = reading.zone_for(node, section)
    owner = _owner(node)
    code, _ = material(node)
    body = reading.base("MedicationDispense", node)
    body["status"] = tables.target("medication-status", attribute(one(node, "statusCode"), "code")) or "unknown"
    body["medicationCodeableConcept"] = _drug(node if code is not None or owner is None else owner, reading)
    body["quantity"] = quantity(one(node, "quantity"))
    put(body, "whenHandedOver", one(node, "effectiveTime"), zone)
    body["performer"] = [{"actor": who} for who in performers(node, reading)]
    maker = organization(_first(many(node, "product", "manufacturedProduct", "manufacturerOrganization")), reading)
    body["note"] = comments(node, reading)
    if maker and maker.get("display"):
        body["extension"] = [{"url": "urn:mainstem:manufacturer", "valueReference": maker}]
    return reading.state(node, "dispense", body, section)


def _first(nodes: list[Node]) -> Node | None:
    return nodes[0] if nodes else None
