"""Where a value comes from: each system's own words, what was made of them, and the delivery that brought them (I6)."""

from typing import Any

import msgspec
from msgspec import Struct

from mainstem.harmonise import harmonise
from mainstem.model.fact import Resource
from mainstem.model.json import decode
from mainstem.model.names import LOINC, SNOMED
from mainstem.model.record import Certificate, Member, Role
from mainstem.share import wording
from mainstem.share.door import RefusalError, Visit
from mainstem.share.excerpt import excerpt
from mainstem.share.record import Difference, differences_in
from mainstem.store import own_record, reading
from mainstem.store.ledger import Ledger
from mainstem.store.own_record import Spoken
from mainstem.store.reading import Served

_ISSUES_MAX = 100
_SYSTEMS = {LOINC: "LOINC", SNOMED: "SNOMED CT"}
"""Short names of the code systems that people may have heard of."""


class Arrived(Struct, frozen=True, kw_only=True):
    """The delivery in which a statement came."""

    name: str
    received: str
    media: str
    size: int
    path: str


class Statement(Struct, frozen=True, kw_only=True):
    """What one system said, in its own words."""

    source: str
    role: Role
    note: str
    said: str
    became: str
    called: str
    code: str
    system: str
    date: str
    delivery: Arrived | None
    original: str


class Origin(Struct, frozen=True, kw_only=True):
    """The way of one entry, from what is shown back to the raw words."""

    id: str
    type: str
    code: str
    title: str
    value: str
    date: str
    rule: str
    notes: tuple[str, ...]
    statements: list[Statement]
    conflicts: list[Difference]


def origin(visit: Visit) -> Origin:
    """Return where an entry comes from."""
    resource, certificate = _certified(visit, visit.path["type"], visit.path["id"])
    ledger = Ledger(visit.context.vault, visit.context.reference.namer)
    told = own_record.spoken(visit.tx, ledger, [member.record for member in certificate.members])
    statements = [_statement(member, told.get(member.record)) for member in certificate.members]
    return Origin(
        id=resource["id"], type=resource["resourceType"], code=wording.measurement(resource),
        title=wording.title_of(resource), value=wording.detail_of(resource), date=wording.date_of(resource),
        rule=certificate.rule,
        notes=certificate.notes, statements=statements,
        conflicts=_conflicts(visit, resource) if wording.differs(resource) else [],
    )  # fmt: skip


def _certified(visit: Visit, type_: str, id_: str) -> tuple[Resource, Certificate]:
    if type_ not in wording.KINDS:
        raise RefusalError(404, "absent")
    found = reading.read(visit.tx, visit.asker, type_, id_)
    proof = reading.certified(visit.tx, visit.asker, id_, [type_])
    if not isinstance(found, Served) or not isinstance(proof, Served):
        raise RefusalError(404, "absent")
    return decode(found.body), msgspec.json.decode(proof.certificate, type=Certificate)


def _statement(member: Member, told: Spoken | None) -> Statement:
    if told is None:
        return Statement(
            source=member.source, role=member.role, note=member.note, said="", became="", called="", code="",
            system="", date="", delivery=None, original="",
        )  # fmt: skip
    said = told.fact.resource
    coding = _coding(said)
    return Statement(
        source=member.source, role=member.role, note=member.note, said=wording.detail_of(said),
        became=wording.detail_of(harmonise(told.fact).resource), called=wording.called(said),
        code=wording.word(coding, "code"), system=_system(wording.word(coding, "system")), date=wording.date_of(said),
        delivery=_arrived(told), original=excerpt(told.delivery, told.fact),
    )  # fmt: skip


def _coding(resource: Resource) -> dict[str, Any]:
    """Return the first coding by which a source called it."""
    found = [one for one in wording.objects(resource, f"{_coded(resource)}.coding") if wording.word(one, "code")]
    return found[0] if found else {}


def _coded(resource: Resource) -> str:
    paths = wording.KINDS[resource["resourceType"]].title if resource["resourceType"] in wording.KINDS else ()
    return next((path for path in paths if path in resource), "code")


def _system(uri: str) -> str:
    return _SYSTEMS.get(uri, uri.removeprefix("urn:oid:").rpartition("/")[2])


def _arrived(told: Spoken) -> Arrived | None:
    if told.delivery is None:
        return None
    return Arrived(
        name=told.delivery.name, received=told.received.isoformat(), media=told.delivery.media,
        size=len(told.delivery.body), path=told.fact.path,
    )  # fmt: skip


def _conflicts(visit: Visit, resource: Resource) -> list[Difference]:
    seen = own_record.entries(visit.tx, visit.asker, visit.person, ["DetectedIssue"], limit=_ISSUES_MAX)
    return differences_in(visit, [each.resource for each in seen if _names(each.resource, resource["id"])])


def _names(issue: dict[str, Any], id_: str) -> bool:
    return any(reference.rpartition("/")[2] == id_ for reference in wording.nodes(issue, "implicated.reference"))
