"""Measure groups to facts: exact decimals, keys from `grpid`, ambiguous users held (CONS-9, WEAR-12 to WEAR-14)."""

import csv
import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import cache
from importlib import resources
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec
from msgspec import Struct

from mainstem.model.fact import Delivery, Fact, Held, Resource
from mainstem.model.names import LOINC, UCUM
from mainstem.model.outcome import Outcome
from mainstem.model.problem import Problem

USER = "urn:mainstem:home-scale:user"
"""Identifier system of the vendor's user id."""
_ZONE = "http://hl7.org/fhir/StructureDefinition/tz-code"
_CATEGORY = "http://terminology.hl7.org/CodeSystem/observation-category"
_EARLIEST = datetime(2009, 1, 1, tzinfo=UTC)
_AHEAD = timedelta(days=1)
_EXPONENT_MAX = 12
_REAL = 1
_SAFE = re.compile(r"[^A-Za-z0-9.-]")

Row = Mapping[str, str]


class _Profile(Struct, frozen=True):
    given: str = ""
    family: str = ""
    birthdate: str = ""
    sex: str = ""
    email: str = ""


class _Measure(Struct, frozen=True):
    value: int
    type: int
    unit: int = 0


class _Group(Struct, frozen=True):
    grpid: int
    date: int
    attrib: int = 0
    modified: int = 0
    category: int = _REAL
    deviceid: str | None = None
    model: str | None = None
    timezone: str | None = None
    measures: tuple[_Measure, ...] = ()


class _Body(Struct, frozen=True):
    timezone: str = ""
    measuregrps: tuple[_Group, ...] = ()


class _Answer(Struct, frozen=True):
    body: _Body = _Body()


class _Envelope(Struct, frozen=True):
    userid: str
    profile: _Profile | None
    answer: _Answer


class _Place(Struct, frozen=True):
    """What the observations of one group share."""

    delivery: Delivery
    userid: str
    group: _Group
    zone: str
    path: str

    @property
    def attribution(self) -> Row:
        unknown = {"use": "ambiguous", "words": "The device's word on whose it is, is not one that is documented."}
        return table("attributions.csv", "attrib").get(str(self.group.attrib), unknown)


def read_envelope(delivery: Delivery) -> Outcome[Fact]:
    """Read one envelope; a body that is not one is held whole."""
    try:
        envelope = msgspec.json.decode(delivery.body, type=_Envelope)
    except (msgspec.DecodeError, UnicodeDecodeError):
        words = "The measurements are not JSON of the form that the vendor documents."
        return Outcome(kept=(), held=(_held(Problem.UNREADABLE, words, "A reader that knows this form.", ""),))
    items = tuple(_items(delivery, envelope))
    return Outcome(
        kept=tuple(item for item in items if isinstance(item, Fact)),
        held=tuple(item for item in items if isinstance(item, Held)),
    )


def _items(delivery: Delivery, envelope: _Envelope) -> Iterator[Fact | Held]:
    yield _patient(delivery, envelope)
    devices: set[str] = set()
    for index, group in enumerate(envelope.answer.body.measuregrps):
        zone = group.timezone or envelope.answer.body.timezone
        place = _Place(delivery, envelope.userid, group, zone, f"/answer/body/measuregrps/{index}")
        yield from _group(place)
        if group.deviceid and group.deviceid not in devices:
            devices.add(group.deviceid)
            yield _device(place, group.deviceid)


def _group(place: _Place) -> Iterator[Fact | Held]:
    refusal = _refusal(place)
    if refusal is not None:
        yield refusal
        return
    facts = [item for item in _observations(place) if isinstance(item, Fact)]
    yield from (item for item in _observations(place) if isinstance(item, Held))
    if place.attribution["use"] == "ambiguous":
        yield from (_ambiguous(place, fact) for fact in facts)
    else:
        yield from facts


def _refusal(place: _Place) -> Held | None:
    """Return why nothing of a group can be used: a clock that is wrong (WEAR-14), a goal, or nothing in it."""
    group = place.group
    if not _EARLIEST.timestamp() <= group.date <= (place.delivery.received + _AHEAD).timestamp():
        words = "The device's clock was wrong: the measurement is dated before 2009, in the future, or in milliseconds."
        return _held(Problem.BAD_DATE, words, "The right time, from the person.", place.path)
    if group.category != _REAL:
        return _held(Problem.UNSUPPORTED, "This is a goal, not a measurement.", "A reader for goals.", place.path)
    if not group.measures:
        words = "The vendor lists a measurement without any value; it may have been deleted there."
        return _held(Problem.UNSUPPORTED, words, "A documented way in which the vendor reports deletions.", place.path)
    return None


def _observations(place: _Place) -> Iterator[Fact | Held]:
    panels: dict[str, list[tuple[Row, Decimal]]] = {}
    for index, measure in enumerate(place.group.measures):
        row, value = table("codes.csv", "field").get(str(measure.type)), _value(measure)
        if row is None or value is None:
            words = f"Measurement type {measure.type} is not one that this source knows, or its exponent is absurd."
            yield _held(Problem.UNSUPPORTED, words, "A row in codes.csv.", f"{place.path}/measures/{index}")
        elif row["panel"]:
            panels.setdefault(row["panel"], []).append((row, value))
        else:
            yield _fact(place, str(measure.type), {**_coded(row), "valueQuantity": _quantity(row, value)})
    for panel, members in panels.items():
        components = [{"code": _coded(row)["code"], "valueQuantity": _quantity(row, value)} for row, value in members]
        yield _fact(place, panel, {**_coded(table("codes.csv", "field")[panel]), "component": components})


def _value(measure: _Measure) -> Decimal | None:
    """Return the value times ten to the power of its unit, exact to the digit."""
    if abs(measure.unit) > _EXPONENT_MAX:
        return None
    value = Decimal(measure.value)
    return value.scaleb(measure.unit) if measure.unit < 0 else value * 10**measure.unit


def _coded(row: Row) -> Resource:
    code = {"coding": [{"system": LOINC, "code": row["loinc"], "display": row["display"]}], "text": row["name"]}
    return {"category": [{"coding": [{"system": _CATEGORY, "code": row["category"]}]}], "code": code}


def _quantity(row: Row, value: Decimal) -> Resource:
    return {"value": value * Decimal(row["factor"]), "unit": row["ucum"], "system": UCUM, "code": row["ucum"]}


def _fact(place: _Place, part: str, content: Resource) -> Fact:
    group, subject = place.group, _key(place.userid)
    key = f"{group.grpid}-{part}"
    resource: Resource = {
        "resourceType": "Observation",
        "id": key,
        "identifier": [{"system": f"{USER}:group", "value": str(group.grpid)}],
        "status": "final",
        **content,
        "subject": {"reference": f"Patient/{subject}"},
        **_time(place),
    }
    if group.modified:
        resource["issued"] = datetime.fromtimestamp(group.modified, UTC).isoformat().replace("+00:00", "Z")
    if place.attribution["words"]:
        resource["note"] = [{"text": place.attribution["words"]}]
    if group.deviceid and place.attribution["use"] != "manual":
        resource["device"] = {"reference": f"Device/{_key(group.deviceid)}"}
    return _named(place.delivery, key, resource, subject, path=place.path, modified=group.modified)


def _time(place: _Place) -> Resource:
    """Return the instant with the offset of the person's zone at that moment, and the zone's name (WEAR-13)."""
    try:
        zone = ZoneInfo(place.zone) if place.zone else UTC
    except (ZoneInfoNotFoundError, ValueError):
        return {"effectiveDateTime": datetime.fromtimestamp(place.group.date, UTC).isoformat()}
    moment = datetime.fromtimestamp(place.group.date, zone).isoformat()
    if not place.zone:
        return {"effectiveDateTime": moment}
    named = {"extension": [{"url": _ZONE, "valueCode": place.zone}]}
    return {"effectiveDateTime": moment, "_effectiveDateTime": named}


def _ambiguous(place: _Place, fact: Fact) -> Held:
    resource = {name: value for name, value in fact.resource.items() if name != "subject"}
    nobody = Fact(
        source=fact.source,
        type=fact.type,
        key=fact.key,
        subject=None,
        order=fact.order,
        resource=resource,
        path=fact.path,
    )
    release = "One of the people who share the device says that it is theirs, or the vendor assigns it."
    return Held(
        problem=Problem.AMBIGUOUS_PERSON,
        words=place.attribution["words"],
        release=release,
        path=place.path,
        fact=nobody,
    )


def _patient(delivery: Delivery, envelope: _Envelope) -> Fact:
    key = _key(envelope.userid)
    resource: Resource = {
        "resourceType": "Patient",
        "id": key,
        "identifier": [{"system": USER, "value": envelope.userid}],
    }
    profile = envelope.profile or _Profile()
    if profile.family or profile.given:
        resource["name"] = [{"family": profile.family, "given": profile.given.split()}]
    if profile.email:
        resource["telecom"] = [{"system": "email", "value": profile.email}]
    if profile.sex:
        resource["gender"] = profile.sex
    if profile.birthdate:
        resource["birthDate"] = profile.birthdate
    return _named(delivery, key, resource, key, path="/profile")


def _device(place: _Place, deviceid: str) -> Fact:
    key = _key(deviceid)
    resource: Resource = {
        "resourceType": "Device",
        "id": key,
        "identifier": [{"system": f"{USER}:device", "value": deviceid}],
    }
    if place.group.model:
        resource["deviceName"] = [{"name": place.group.model, "type": "model-name"}]
    return _named(place.delivery, key, resource, None, path=place.path)


def _named(
    delivery: Delivery, key: str, resource: Resource, subject: str | None, *, path: str, modified: int = 0
) -> Fact:
    return Fact(
        source=delivery.source,
        type=resource["resourceType"],
        key=key,
        subject=subject,
        order=f"{modified:012d}" if modified else "",
        resource=resource,
        path=path,
    )


def _held(problem: Problem, words: str, release: str, path: str) -> Held:
    return Held(problem=problem, words=words, release=release, path=path)


def _key(text: str) -> str:
    return _SAFE.sub("-", text)[:64]


@cache
def table(name: str, column: str) -> Mapping[str, Row]:
    """Return a CSV table of this folder by one of its columns."""
    text = resources.files(__package__ or "").joinpath(name).read_text(encoding="utf-8")
    return {row[column]: row for row in csv.DictReader(text.splitlines())}
