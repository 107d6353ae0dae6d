"""Provenance, rendered on read from the certificate of its target (DESIGN section 1; CONS-15); never stored.

`Provenance/{id}` has the id of the resource that it is about. Each contributing source record is an `entity` whose
`what.reference` is served under `/fhir/source/…`, with a display that says how it contributed.
"""

from datetime import datetime
from typing import Any

import msgspec

from mainstem.model.json import encode
from mainstem.model.record import Certificate, Member
from mainstem.store.reading import Served

_PARTICIPANT = "http://terminology.hl7.org/CodeSystem/provenance-participant-type"
_ROLES = {"same": "source", "converted": "derivation", "differs": "source", "retracted": "removal"}
"""Provenance entity role (FHIR R4 provenance-entity-role) of each way in which a record stands to the resource."""
_WORDS = {"same": "says the same", "converted": "converted", "differs": "differs", "retracted": "taken back"}


def provenance(target: Served) -> bytes:
    """Return the Provenance of a resource as JSON; `target.certificate` holds the opened certificate."""
    certificate = msgspec.json.decode(target.certificate, type=Certificate)
    told: dict[str, Any] = {
        "resourceType": "Provenance",
        "id": target.id,
        "meta": {"versionId": str(target.version), "lastUpdated": instant(target.updated)},
        "target": [{"reference": f"{target.type}/{target.id}"}],
        "recorded": instant(target.updated),
        "policy": [f"urn:mainstem:rule:{certificate.rule}:{certificate.version}"],
        "activity": {"text": "; ".join(certificate.notes) or "consolidated from its sources"},
        "agent": [_agent("assembler", "mainstem"), *(_agent("author", name) for name in _sources(certificate))],
        "entity": [_entity(member) for member in certificate.members],
    }
    return encode({name: value for name, value in told.items() if value})


def instant(moment: datetime) -> str:
    """Return a UTC time as a FHIR instant, to the millisecond."""
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _sources(certificate: Certificate) -> list[str]:
    return sorted({member.source for member in certificate.members})


def _agent(role: str, name: str) -> dict[str, Any]:
    return {"type": {"coding": [{"system": _PARTICIPANT, "code": role}]}, "who": {"display": name}}


def _entity(member: Member) -> dict[str, Any]:
    note = f": {member.note}" if member.note else ""
    return {
        "role": _ROLES[member.role],
        "what": {
            "reference": f"source/{member.source}/{member.type}/{member.key}",
            "display": f"{member.source} {_WORDS[member.role]}{note}",
        },
    }
