"""The document itself: Composition with every section, DocumentReference with the hash of the raw bytes, care team."""

from mainstem.formats.cda import keys, narrative, tables, times
from mainstem.formats.cda.administration import embedded, hash_of
from mainstem.formats.cda.nodes import STATEMENTS, attribute, many, one, plain
from mainstem.formats.cda.people import organization, practitioner
from mainstem.formats.cda.reading import Json, Reading, Section, section_of, section_text
from mainstem.formats.cda.times import ABSENT, put
from mainstem.formats.cda.values import concept, flavor, identifier, identifiers, required_concept
from mainstem.formats.xml import Node
from mainstem.model.fact import Delivery

_EMPTY_REASON = "http://terminology.hl7.org/CodeSystem/list-empty-reason"
_FORMAT = {
    "system": "http://ihe.net/fhir/ihe.formatcode.fhir/CodeSystem/formatcode",
    "code": "urn:hl7-org:sdwg:ccda-structuredBody:2.1",
}
_RELATIONS = {"RPLC": "replaces", "APND": "appends", "XFRM": "transforms"}

Entries = dict[Node, list[str]]
"""References of the facts that stand for the entries of each section."""


def key_of(reading: Reading) -> str:
    """Return the key of the document's Composition: its id; without a real one, its content."""
    found = keys.usable(reading.root)
    if found:
        return keys.derive("Composition", "id", *found)
    return keys.derive(reading.patient, "Composition", "content", reading.order, plain(reading.root))


def composition(reading: Reading, entries: Entries, encounter: Json | None) -> str:
    """State the Composition: type, date, author, custodian, and each section with its words and entries."""
    root = reading.root
    code = required_concept(one(root, "code"), reading.texts)
    body: Json = {
        "status": "final",
        "type": code,
        "subject": {"reference": f"Patient/{reading.patient}"},
        "title": plain(one(root, "title"))
        or next((item.get("display", "") for item in code.get("coding", [])), "")
        or "Document",
    }
    set_id = one(root, "setId")
    body["identifier"] = (identifier(set_id) if set_id is not None else None) or next(iter(identifiers(root)), None)
    put(body, "date", one(root, "effectiveTime"), reading.zone)
    if not body.keys() & {"date", "_date"}:
        body["_date"] = {"extension": [{"url": ABSENT, "valueCode": "unknown"}]}
    confidentiality = attribute(one(root, "confidentialityCode"), "code")
    body["confidentiality"] = confidentiality
    body["encounter"] = encounter
    body["author"] = authors(root, reading) or [{"display": "not stated"}]
    body["custodian"] = custodian(reading)
    body["attester"] = _attesters(reading)
    body["relatesTo"] = _relations(reading)
    body["event"] = _events(reading)
    body["section"] = _sections(many(root, "component", "structuredBody", "component", "section"), reading, entries)
    if language := attribute(one(root, "languageCode"), "code"):
        body["language"] = language
    if version := attribute(one(root, "versionNumber"), "value"):
        url = "http://hl7.org/fhir/us/ccda/StructureDefinition/VersionNumber"
        body["extension"] = [{"url": url, "valueInteger": int(version)}] if version.isdigit() else []
    return reading.state_document("Composition", key_of(reading), body, root)


def authors(root: Node, reading: Reading) -> list[Json]:
    """Return the document's authors, each once."""
    result: list[Json] = []
    for item in many(root, "author"):
        who = practitioner(one(item, "assignedAuthor"), reading)
        if who and who not in result:
            result.append(who)
    return result


def custodian(reading: Reading) -> Json | None:
    """Return the custodian organization."""
    path = ("custodian", "assignedCustodian", "representedCustodianOrganization")
    return organization(one(reading.root, *path), reading)


def _attesters(reading: Reading) -> list[Json]:
    result: list[Json] = []
    for name, mode in (("legalAuthenticator", "legal"), ("authenticator", "professional")):
        for item in many(reading.root, name):
            attester: Json = {"mode": mode}
            put(attester, "time", one(item, "time"), reading.zone)
            who = practitioner(one(item, "assignedEntity"), reading)
            if who:
                attester["party"] = who
            result.append(attester)
    return result


def _relations(reading: Reading) -> list[Json]:
    """Return what this document replaces or appends to (CCDA-12): by the key that the earlier document has here."""
    result: list[Json] = []
    for item in many(reading.root, "relatedDocument"):
        code = _RELATIONS.get(item.get("typeCode") or "")
        parent = one(item, "parentDocument")
        found = keys.usable(parent)
        if code and found:
            result.append(
                {
                    "code": code,
                    "targetReference": {"reference": f"Composition/{keys.derive('Composition', 'id', *found)}"},
                }
            )
        elif code and parent is not None and (known := next(iter(identifiers(parent)), None)):
            result.append({"code": code, "targetIdentifier": known})
    return result


def _events(reading: Reading) -> list[Json]:
    result: list[Json] = []
    for item in many(reading.root, "documentationOf", "serviceEvent"):
        event: Json = {}
        if kind := concept(one(item, "code"), reading.texts):
            event["code"] = [kind]
        if period := times.period(one(item, "effectiveTime"), reading.zone):
            event["period"] = period
        if event:
            result.append(event)
    return result


def _sections(nodes: list[Node], reading: Reading, entries: Entries) -> list[Json]:
    return [_section(section_of(node, reading.zone), reading, entries) for node in nodes]


def _section(section: Section, reading: Reading, entries: Entries) -> Json:
    node = section.node
    result: Json = {}
    title = plain(one(node, "title"))
    if title:
        result["title"] = title
    if code := concept(one(node, "code"), reading.texts):
        result["code"] = code
    text = section_text(section)
    words = narrative.words(text) if text is not None else ""
    if words and (div := narrative.xhtml(text)):
        result["text"] = {"status": "additional" if entries.get(node) else "generated", "div": div}
    references = list(dict.fromkeys(entries.get(node, [])))
    if references:
        result["entry"] = [{"reference": reference} for reference in references]
    inner = _sections(many(node, "component", "section"), reading, entries)
    if inner:
        result["section"] = inner
    if not references and not inner and (reason := _empty_reason(section, words, reading)):
        result["emptyReason"] = {"coding": [{"system": _EMPTY_REASON, "code": reason}]}
    return result


def _empty_reason(section: Section, words: str, reading: Reading) -> str | None:
    """Return why a section without entries is empty: none known, or nothing said; None when its narrative speaks."""
    fates = [reading.fates.get(inner) for inner in section.node.iter(*STATEMENTS)]
    if "none-known" in fates:
        return "nilknown"
    if flavor(section.node) == "MSK":
        return "withheld"
    said = tables.absence_in(words)
    if said:
        return "nilknown" if said == "none-known" else "unavailable"
    silent = not words or flavor(section.node) is not None or "no-information" in fates
    return "unavailable" if silent else None


def document_reference(delivery: Delivery, reading: Reading, document: str) -> str:
    """State the DocumentReference of the raw document: its hash and size; the ledger keeps its bytes."""
    root = reading.root
    content: Json = {"contentType": "text/xml", "size": len(delivery.body), "hash": hash_of(delivery.body)}
    content["title"] = plain(one(root, "title"))
    files: list[Json] = [{"attachment": {name: value for name, value in content.items() if value}, "format": _FORMAT}]
    body: Json = {"status": "current", "type": concept(one(root, "code"), reading.texts)}
    attached = embedded(one(root, "component", "nonXMLBody", "text"))
    if attached:
        files.append({"attachment": attached})
    known = next(iter(identifiers(root)), None)
    body["masterIdentifier"] = known
    body["subject"] = {"reference": f"Patient/{reading.patient}"}
    put(body, "date", one(root, "effectiveTime"), reading.zone)
    if "T" not in str(body.get("date", "T")):
        del body["date"]
    body["author"] = [who for who in authors(root, reading) if "reference" in who]
    body["custodian"] = custodian(reading)
    body["content"] = files
    body["context"] = {"related": [{"reference": document}]}
    return reading.state_document("DocumentReference", keys.derive("DocumentReference", document), body, root)


def care_team(reading: Reading) -> str | None:
    """State the header's performers as the CareTeam of the service event."""
    node = one(reading.root, "documentationOf", "serviceEvent")
    if node is None:
        return None
    members: list[Json] = []
    for item in many(node, "performer"):
        who = practitioner(one(item, "assignedEntity"), reading)
        if who is None or "reference" not in who:
            continue
        role = concept(one(item, "functionCode"), reading.texts) or concept(
            one(item, "assignedEntity", "code"), reading.texts
        )
        member: Json = {"role": [role], "member": who} if role else {"member": who}
        if member not in members:
            members.append(member)
    if not members:
        return None
    body: Json = {"subject": {"reference": f"Patient/{reading.patient}"}, "participant": members}
    body["period"] = times.period(one(node, "effectiveTime"), reading.zone)
    named = sorted(str(member["member"]["reference"]) for member in members)
    key = keys.derive(reading.patient, "CareTeam", *named)
    return reading.state_document("CareTeam", key, body, node)
