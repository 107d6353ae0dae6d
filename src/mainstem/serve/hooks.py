"""CDS Hooks 2.0: discovery, the `patient-view` service with a card for each active alert, and feedback on cards."""

import re
from typing import Any, TypeVar

import msgspec
from msgspec import Struct

from mainstem.insight.cards import cards
from mainstem.insight.flags import detail_references
from mainstem.model.fact import Resource
from mainstem.model.json import decode, encode
from mainstem.serve.exchange import Answer, Exchange
from mainstem.serve.outcomes import RefusedError, invalid
from mainstem.store import audit
from mainstem.store.asked import understand
from mainstem.store.reading import Served, read
from mainstem.store.search import run

SERVICE = "mainstem-patient-view"
JSON = "application/json"
_HOOK = "patient-view"
_INSTANCE = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_MOST = 200
"""Flags, and pieces of evidence, that one call looks at."""
_ID = re.compile(r"[A-Za-z0-9.-]{1,64}")

DISCOVERY = encode(
    {
        "services": [
            {
                "hook": _HOOK,
                "id": SERVICE,
                "title": "Alerts from the consolidated record",
                "description": "Shows the active alerts of a patient with their evidence and the source of each rule.",
            }
        ]
    }
)
"""The answer to `GET /cds-services`."""


_Known = TypeVar("_Known")


class _Context(Struct, rename="camel"):
    patient_id: str
    user_id: str


class _Call(Struct, rename="camel"):
    hook: str
    hook_instance: str
    context: _Context
    fhir_server: str | None = None
    prefetch: dict[str, Any] | None = None


class _Judged(Struct, rename="camel"):
    card: str
    outcome: str
    outcome_timestamp: str | None = None


class _Feedback(Struct):
    feedback: list[_Judged]


def patient_view(exchange: Exchange) -> Answer:
    """Return the cards of a patient's active alerts; a patient who is not there for the asker has none."""
    _known(exchange)
    call = _decoded(exchange.body, _Call)
    if call.hook != _HOOK:
        raise invalid(f"This service answers the hook {_HOOK}.")
    if not _INSTANCE.fullmatch(call.hook_instance) or not _ID.fullmatch(call.context.patient_id):
        raise invalid("hookInstance is a UUID, and context.patientId a FHIR id.")
    exchange.demand("Flag", "s")
    patient = read(exchange.tx, exchange.asker, "Patient", call.context.patient_id)
    shown = _cards(exchange, patient.id) if isinstance(patient, Served) else []
    return Answer(body=encode({"cards": shown}), media=JSON)


def feedback(exchange: Exchange) -> Answer:
    """Record what clinicians did with cards."""
    _known(exchange)
    told = _decoded(exchange.body, _Feedback)
    if not told.feedback or any(each.outcome not in {"accepted", "overridden"} for each in told.feedback):
        raise invalid("feedback is a list of cards, each accepted or overridden.")
    said = "; ".join(f"{each.card} {each.outcome}" for each in told.feedback)
    asker = msgspec.structs.replace(exchange.asker, query=f"{exchange.asker.query} {said}")
    audit.acted(exchange.tx, asker, "feedback", audit.NOBODY, None)
    return Answer(body=b"{}", media=JSON)


def _known(exchange: Exchange) -> None:
    if exchange.path["service"] != SERVICE:
        raise RefusedError(404, "not-found", "There is no such service.")


def _cards(exchange: Exchange, person: str) -> list[dict[str, Any]]:
    """Return the cards of a person's Flags; their evidence is read by the same grants as everything else."""
    flags = _found(exchange, "Flag", ("patient", person))
    references = {reference for flag in flags for reference in detail_references(flag)}
    ids = sorted(reference.removeprefix("Observation/") for reference in references)
    evidence = _found(exchange, "Observation", ("_id", ",".join(ids))) if ids else []
    return cards(flags, {f"Observation/{each['id']}": each for each in evidence}, exchange.asker.now)


def _found(exchange: Exchange, type_: str, pair: tuple[str, str]) -> list[Resource]:
    asked = understand(exchange.tx, exchange.asker, type_, [pair, ("_count", str(_MOST)), ("_sort", "-date")])
    return [decode(each.body) for each in run(exchange.tx, exchange.asker, asked).matches]


def _decoded(body: bytes, type_: type[_Known]) -> _Known:
    try:
        return msgspec.json.decode(body, type=type_)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise invalid(f"The body is not what CDS Hooks sends: {error}.") from error
