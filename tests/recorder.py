"""Writes a small record straight through the index stage and the publisher, so that reading can be tested alone."""

import secrets
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from mainstem.fhir.index import STAGE
from mainstem.model.fact import Resource
from mainstem.model.ids import Namer, number
from mainstem.model.record import Certificate, Entry, Member
from mainstem.model.reference import Reference
from mainstem.store.access import authenticate, issue_token, new_grantee, operator_token, write_grant
from mainstem.store.audit import Asker
from mainstem.store.database import Database
from mainstem.store.publish import Draft, Place, Publisher, split
from mainstem.store.session import Tx
from mainstem.store.vault import Vault
from mainstem.trust.grants import Grant
from mainstem.trust.keys import Keys

NOW = datetime(2026, 3, 29, 1, 30, tzinfo=UTC)
LOINC = "http://loinc.org"
CATEGORY = "http://terminology.hl7.org/CodeSystem/observation-category"


class Recorder:
    """One installation: keys, vault, publisher, and people to whom things are granted."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.namer = Namer(b"n" * 32)
        self.vault = Vault(Keys(namer=self.namer, kek=b"k" * 32), secrets.token_bytes)
        self.reference = Reference(namer=self.namer, readers={})
        self.publisher = Publisher(self.vault, self.namer)

    def id(self, *parts: str) -> str:
        return self.namer.derived("test", *parts)

    def publish(self, resources: Sequence[Resource], person: str = "", now: datetime = NOW) -> None:
        """Make these all that stands in their own blocks; one block a resource."""
        entries = [self._entry(each, person) for each in resources]
        drafts = [self._draft(each) for each in STAGE.run(entries, self.reference).kept]
        with self.database.connection() as tx:
            self.publisher.publish(tx, drafts, [each.place for each in drafts], now)

    def withdraw(self, id_: str, person: str, now: datetime = NOW) -> None:
        with self.database.connection() as tx:
            self.publisher.publish(tx, [], [Place(_number(person), self.namer.block(id_))], now)

    def _entry(self, resource: Resource, person: str) -> Entry:
        kind = resource["resourceType"]
        note = "180 lb = 81.6 kg"
        members = (
            Member(record=resource["id"], source="alpha", type=kind, key="k1", order="1", role="same"),
            Member(record=self.id("b"), source="beta", type=kind, key="k2", order="1", role="converted", note=note),
        )
        certificate = Certificate(rule="test-rule", version=1, members=members)
        return Entry(
            type=resource["resourceType"], id=resource["id"], person=person, block=resource["id"], resource=resource,
            certificate=certificate,
        )  # fmt: skip

    def _draft(self, indexed: Any) -> Draft:  # noqa: ANN401 - Indexed
        entry = indexed.entry
        meta, rest = split(entry.resource)
        place = Place(_number(entry.person), self.namer.block(entry.block))
        return Draft(indexed=indexed, place=place, meta=meta, rest=rest)

    # -- people -------------------------------------------------------------------------------------------------------
    def operator(self, scope: str = "system/*.cruds") -> str:
        with self.database.connection() as tx:
            return operator_token(
                tx, scope=scope, ttl=timedelta(hours=1), now=NOW, random_bytes=secrets.token_bytes, name="operator"
            )

    def reader(self, *, scope: str = "system/*.rs", name: str = "Harbour Clinic", **grant: Any) -> str:  # noqa: ANN401 - any JSON value
        """Return a token of a new grantee with one grant."""
        with self.database.connection() as tx:
            grantee = new_grantee(tx, kind="app", name=name, now=NOW)
            if grant:
                given = {"valid_from": NOW - timedelta(days=1), "purpose": "care", "basis": "patient consent", **grant}
                write_grant(tx, Grant(grantee=grantee, **given), name, NOW)
            return issue_token(
                tx, grantee=grantee, scope=scope, expires=NOW + timedelta(hours=1), now=NOW,
                random_bytes=secrets.token_bytes,
            )  # fmt: skip

    def asker(self, tx: Tx, token: str, query: str = "") -> Asker:
        principal = authenticate(tx, token, NOW)
        return Asker(principal=principal, now=NOW, request="req-1", vault=self.vault, query=query)


def _number(person: str) -> int:
    return number(person) if person else 0


def observation(id_: str, person: str, code: str, date: str, **more: Any) -> Resource:  # noqa: ANN401 - any JSON value
    return {
        "resourceType": "Observation",
        "id": id_,
        "status": "final",
        "category": [{"coding": [{"system": CATEGORY, "code": more.pop("category", "laboratory")}]}],
        "code": {"coding": [{"system": LOINC, "code": code}]},
        "subject": {"reference": f"Patient/{person}"},
        "effectiveDateTime": date,
        **more,
    }


def patient(id_: str, family: str, birth: str = "1950-02-03", **more: Any) -> Resource:  # noqa: ANN401 - any JSON value
    return {
        "resourceType": "Patient",
        "id": id_,
        "identifier": [{"system": "urn:mrn", "value": f"mrn-{family}"}],
        "name": [{"family": family, "given": ["Ann"]}],
        "birthDate": birth,
        "gender": "female",
        **more,
    }
