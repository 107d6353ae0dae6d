"""Names, addresses, telecoms; practitioners and organizations, each stated once in a document."""

from mainstem.formats.cda import keys, tables, times
from mainstem.formats.cda.nodes import SDTC, attribute, local, many, one, plain
from mainstem.formats.cda.reading import Reading
from mainstem.formats.cda.times import Zone
from mainstem.formats.cda.values import Json, codes, concept, flavor, identifiers
from mainstem.formats.xml import Node

_ADDRESS_PARTS = {
    "city": "city",
    "county": "district",
    "state": "state",
    "postalCode": "postalCode",
    "country": "country",
}
_LINES = (
    "streetAddressLine",
    "houseNumber",
    "streetName",
    "additionalLocator",
    "unitID",
    "postBox",
    "deliveryAddressLine",
)


def human_name(node: Node, zone: Zone) -> Json | None:
    """Return a HumanName from a PN; None when it states no word."""
    result: Json = {}
    uses = (node.get("use") or "").split()
    if use := next((found for code in uses if (found := tables.target("name-use", code))), None):
        result["use"] = use
    parts = {
        name: [text for item in many(node, name) if (text := plain(item))]
        for name in ("family", "given", "prefix", "suffix")
    }
    if _birth_name(node):
        result["use"] = "maiden"
    if parts["family"]:
        result["family"] = " ".join(parts["family"])
    result |= {name: parts[name] for name in ("given", "prefix", "suffix") if parts[name]}
    if not (parts["family"] or parts["given"]):
        text = plain(node)
        if not text or flavor(node):
            return None
        result["text"] = text
    if validity := times.period(one(node, "validTime"), zone):
        result["period"] = validity
    return result


def _birth_name(node: Node) -> bool:
    families = many(node, "family")
    return bool(families) and all("BR" in (item.get("qualifier") or "").split() for item in families)


def human_names(node: Node | None, zone: Zone) -> list[Json]:
    """Return all names of a person, as stated, each once."""
    result: list[Json] = []
    for item in many(node, "name"):
        found = human_name(item, zone)
        if found and found not in result:
            result.append(found)
    return result


def address(node: Node, zone: Zone) -> Json | None:
    """Return an Address from an AD; None when it states nothing."""
    result: Json = {}
    uses = (node.get("use") or "").split()
    if use := next((found for code in uses if (found := tables.target("address-use", code))), None):
        result["use"] = use
    lines = [text for item in node if local(item) in _LINES and not flavor(item) and (text := plain(item))]
    if lines:
        result["line"] = lines
    for name, target in _ADDRESS_PARTS.items():
        if text := plain(one(node, name)):
            result[target] = text
    if not result.keys() - {"use"}:
        text = " ".join((node.text or "").split())
        if not text or flavor(node):
            return None
        result["text"] = text
    if validity := times.period(one(node, "useablePeriod"), zone):
        result["period"] = validity
    return result


def addresses(node: Node | None, zone: Zone) -> list[Json]:
    """Return all addresses of a role, each once."""
    result: list[Json] = []
    for item in many(node, "addr"):
        found = address(item, zone)
        if found and found not in result:
            result.append(found)
    return result


def telecom(node: Node) -> Json | None:
    """Return a ContactPoint from a TEL; a value without a scheme keeps no system unless it can only be an address."""
    value = attribute(node, "value")
    if value is None or flavor(node):
        return None
    scheme, colon, rest = value.partition(":")
    system = tables.target("telecom-system", scheme.lower()) if colon else None
    number = (value if system == "url" else rest).strip() if system else value
    if not number:
        return None
    result: Json = {"system": system or ("email" if "@" in value else "phone"), "value": number}
    uses = (node.get("use") or "").split()
    if use := next((found for code in uses if (found := tables.target("telecom-use", code))), None):
        result["use"] = use
    return result


def telecoms(node: Node | None) -> list[Json]:
    """Return all telecoms of a role, each once."""
    result: list[Json] = []
    for item in many(node, "telecom"):
        found = telecom(item)
        if found and found not in result:
            result.append(found)
    return result


def display_of(names: list[Json]) -> str:
    """Return the first name as one line for a reference's display."""
    if not names:
        return ""
    name = names[0]
    parts = [*name.get("prefix", []), *name.get("given", []), name.get("family", ""), *name.get("suffix", [])]
    return " ".join(part for part in parts if part) or str(name.get("text", ""))


def practitioner(role: Node | None, reading: Reading) -> Json | None:
    """State the Practitioner of an assignedAuthor, assignedEntity or intendedRecipient; return a reference or None.

    A role without a person gives its organization or device instead.
    """
    if role is None:
        return None
    person = one(role, "assignedPerson")
    person = person if person is not None else one(role, "informationRecipient")
    person = person if person is not None else one(role, "associatedPerson")
    names = human_names(person, reading.zone)
    if not names:
        return organization(_represented(role), reading) or _device(role)
    body: Json = {"resourceType": "Practitioner", "identifier": identifiers(role), "name": names}
    body |= {"telecom": telecoms(role), "address": addresses(role, reading.zone)}
    if specialty := concept(one(role, "code"), reading.texts):
        body["qualification"] = [{"code": specialty}]
    key = keys.of_party("Practitioner", keys.usable(role), names[0].get("family") or display_of(names))
    reference = reading.state_party(body, key, role)
    organization(_represented(role), reading)
    return {"reference": reference, "display": display_of(names)}


def _represented(role: Node) -> Node | None:
    for name in ("representedOrganization", "receivedOrganization", "scopingOrganization"):
        found = one(role, name)
        if found is not None:
            return found
    return None


def _device(role: Node) -> Json | None:
    device = one(role, "assignedAuthoringDevice")
    name = plain(one(device, "softwareName")) or plain(one(device, "manufacturerModelName"))
    software = attribute(one(device, "softwareName"), "displayName")
    return {"display": name or software} if name or software else None


def organization(node: Node | None, reading: Reading) -> Json | None:
    """State an Organization; return a reference, or None when it says neither name nor id."""
    if node is None:
        return None
    name = next((text for item in many(node, "name") if (text := plain(item))), "")
    found = identifiers(node)
    if not name and not found:
        return None
    body: Json = {"resourceType": "Organization", "identifier": found}
    if name:
        body["name"] = name
    body |= {"telecom": telecoms(node), "address": addresses(node, reading.zone)}
    if kind := concept(one(node, "standardIndustryClassCode"), reading.texts):
        body["type"] = [kind]
    reference = reading.state_party(body, keys.of_party("Organization", keys.usable(node), name), node)
    return {"reference": reference, "display": name} if name else {"reference": reference}


def author_of(node: Node, reading: Reading) -> tuple[Json | None, Node | None]:
    """Return (who, time element) of an entry: its own author, else that of its organizer, concern or section (CCDA-10).

    The document's author is the Composition's: copying it to each entry would change every fact with every document.
    """
    here: Node | None = node
    while here is not None and local(here) not in {"structuredBody", "ClinicalDocument"}:
        for author in many(here, "author"):
            who = practitioner(one(author, "assignedAuthor"), reading)
            if who or attribute(one(author, "time"), "value"):
                return who, one(author, "time")
        here = here.getparent()
    return None, None


def performers(node: Node, reading: Reading) -> list[Json]:
    """Return references to all performers of an entry."""
    found = (practitioner(one(item, "assignedEntity"), reading) for item in many(node, "performer"))
    return [who for who in found if who]


def locations(node: Node, reading: Reading) -> list[Json]:
    """State the Locations (participant LOC) of an entry; return references."""
    result: list[Json] = []
    for item in many(node, "participant"):
        role = one(item, "participantRole")
        if role is None or item.get("typeCode") != "LOC":
            continue
        name = plain(one(role, "playingEntity", "name")) or plain(one(role, "scopingEntity", "desc"))
        found = location(role, name, reading)
        if found:
            result.append(found)
    return result


def location(role: Node, name: str, reading: Reading) -> Json | None:
    """State one Location; return a reference, or None when it says neither name nor code nor address."""
    place: Json = {"resourceType": "Location", "identifier": identifiers(role)}
    kind = concept(one(role, "code"), reading.texts)
    where = addresses(role, reading.zone)
    label = name or (where[0].get("line", [""])[0] if where else "")
    if not (label or kind):
        return None
    if name:
        place["name"] = name
    if kind:
        place["type"] = [kind]
    if where:
        place["address"] = where[0]
    place["telecom"] = telecoms(role)
    key = keys.of_party("Location", keys.usable(role), label or next(iter(codes(one(role, "code"))), ""))
    reference = reading.state_party(place, key, role)
    return {"reference": reference, "display": name} if name else {"reference": reference}


def extended(node: Node | None, name: str) -> list[Node]:
    """Return children of the sdtc namespace."""
    return node.findall(SDTC + name) if node is not None else []
