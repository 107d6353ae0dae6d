"""What the pages show of the record: who, the timeline, results, differences, alerts, and the systems that feed it."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from msgspec import Struct

from mainstem.fhir.references import references
from mainstem.model.fact import Resource
from mainstem.share import wording
from mainstem.share.door import RefusalError, Visit
from mainstem.share.series import Series, series_of
from mainstem.share.wording import KINDS
from mainstem.store import own_record
from mainstem.store.own_record import Place

PAGE = 60
"""Entries of one page of the timeline."""
OBSERVATIONS_MAX = 5_000
"""Newest observations that the results page looks at."""
NOTICES_MAX = 100
_LINKED = frozenset({"Observation", "Condition", "MedicationRequest", "MedicationStatement", "AllergyIntolerance"})
"""Types that an alert may point at as its evidence; whom it is about and who says so are no evidence."""


class Item(Struct, frozen=True, kw_only=True):
    """One line of the timeline."""

    id: str
    type: str
    kind: str
    code: str
    """LOINC code of a measurement, for names that people use; empty for all else."""
    title: str
    detail: str
    date: str
    status: str
    absent: bool
    differs: bool
    sources: list[str]


class Side(Struct, frozen=True, kw_only=True):
    """One of several values that disagree, or a piece of evidence."""

    id: str
    type: str
    title: str
    value: str
    date: str
    sources: list[str]


class Difference(Struct, frozen=True, kw_only=True):
    """Something about which systems disagree; all values stay."""

    id: str
    code: str
    title: str
    date: str
    words: str
    sides: list[Side]


class Alert(Struct, frozen=True, kw_only=True):
    """A flag that a rule raised, with what it was raised for."""

    id: str
    title: str
    detail: str
    date: str
    evidence: list[Side]


def me(visit: Visit) -> dict[str, Any]:
    """Return who the record is about, and how much it holds."""
    found = own_record.entries(visit.tx, visit.asker, visit.person, ["Patient"], limit=1)
    patient = found[0].resource if found else {}
    feeds = own_record.sources(visit.tx, visit.asker, visit.person)
    return {
        "name": _full_name(patient) or visit.name, "born": patient.get("birthDate", ""),
        "sex": patient.get("gender", ""), "records": sum(feed.records for feed in feeds),
    }  # fmt: skip


def _full_name(patient: Resource) -> str:
    names = wording.objects(patient, "name")
    official = [name for name in names if name.get("use") in {"official", "usual"}] or names
    if not official:
        return ""
    name = official[0]
    return name.get("text") or " ".join([*name.get("given", ()), name.get("family", "")]).strip()


def sources(visit: Visit) -> list[dict[str, Any]]:
    """Return the systems that feed the record."""
    feeds = own_record.sources(visit.tx, visit.asker, visit.person)
    return [{"name": feed.name, "records": feed.records, "latest": feed.latest} for feed in feeds]


def timeline(visit: Visit) -> dict[str, Any]:
    """Return one page of entries, newest first, of all kinds or of one."""
    kind = visit.query.get("kind", "")
    types = [name for name, each in KINDS.items() if kind in {"", each.kind}]
    if not types:
        raise RefusalError(400, "unknown-kind")
    before = _place(visit.query.get("before", ""))
    seen = own_record.entries(visit.tx, visit.asker, visit.person, types, limit=PAGE + 1, before=before)
    page = seen[:PAGE]
    return {
        "entries": [_item(each.resource) for each in page if not wording.retracted(each.resource)],
        "next": _told(page[-1].place) if len(seen) > PAGE else None,
    }


def _place(text: str) -> Place | None:
    if not text:
        return None
    dlo, _, pk = text.partition("|")
    try:
        return Place(dlo=datetime.fromisoformat(dlo) if dlo else None, pk=int(pk))
    except ValueError as error:
        raise RefusalError(400, "unknown-page") from error


def _told(place: Place) -> str:
    return f"{place.dlo.isoformat() if place.dlo else ''}|{place.pk}"


def _item(resource: Resource) -> Item:
    return Item(
        id=resource["id"], type=resource["resourceType"], kind=KINDS[resource["resourceType"]].kind,
        code=wording.measurement(resource),
        title=wording.title_of(resource), detail=_detail(resource), date=wording.date_of(resource),
        status=wording.status_of(resource), absent=wording.absent(resource), differs=wording.differs(resource),
        sources=wording.sources_of(resource),
    )  # fmt: skip


def _detail(resource: Resource) -> str:
    return _reason(resource) if resource["resourceType"] == "Flag" else wording.detail_of(resource)


def results(visit: Visit) -> dict[str, list[Series]]:
    """Return the series of measurements."""
    seen = own_record.entries(visit.tx, visit.asker, visit.person, ["Observation"], limit=OBSERVATIONS_MAX)
    return {"series": series_of(each.resource for each in seen)}


def differences(visit: Visit) -> list[Difference]:
    """Return what systems disagree about, newest first."""
    seen = own_record.entries(visit.tx, visit.asker, visit.person, ["DetectedIssue"], limit=NOTICES_MAX)
    return differences_in(visit, [each.resource for each in seen])


def differences_in(visit: Visit, issues: Sequence[Resource]) -> list[Difference]:
    """Return these DetectedIssues with both sides of each; sides of which fewer than two are there say nothing."""
    pointers = {
        issue["id"]: [_id(one) for one in wording.nodes(issue, "implicated.reference") if isinstance(one, str)]
        for issue in issues
    }
    found = own_record.some(visit.tx, visit.asker, visit.person, _flat(pointers.values()))
    made = [_difference(issue, [found[id_] for id_ in pointers[issue["id"]] if id_ in found]) for issue in issues]
    return sorted((one for one in made if len(one.sides) > 1), key=lambda one: one.date, reverse=True)


def _difference(issue: Resource, sides: Sequence[Resource]) -> Difference:
    first = sides[0] if sides else issue
    return Difference(
        id=issue["id"], code=wording.measurement(first), title=wording.title_of(first),
        date=wording.date_of(first), words=issue.get("detail", ""), sides=[_side(side) for side in sides],
    )  # fmt: skip


def _side(resource: Resource) -> Side:
    return Side(
        id=resource["id"], type=resource["resourceType"], title=wording.title_of(resource),
        value=wording.detail_of(resource) or wording.status_of(resource), date=wording.date_of(resource),
        sources=wording.sources_of(resource),
    )  # fmt: skip


def alerts(visit: Visit) -> list[Alert]:
    """Return the flags that are raised now, newest first, with their evidence."""
    seen = own_record.entries(visit.tx, visit.asker, visit.person, ["Flag"], limit=NOTICES_MAX)
    raised = [each.resource for each in seen if each.resource.get("status") == "active"]
    pointers = {flag["id"]: _evidence(flag) for flag in raised}
    found = own_record.some(visit.tx, visit.asker, visit.person, _flat(pointers.values()))
    return [_alert(flag, [found[id_] for id_ in pointers[flag["id"]] if id_ in found]) for flag in raised]


def _evidence(flag: Resource) -> list[str]:
    told = [reference for _, reference in references(flag)]
    return list(dict.fromkeys(_id(each) for each in told if each.partition("/")[0] in _LINKED))


def _alert(flag: Resource, evidence: Sequence[Resource]) -> Alert:
    return Alert(
        id=flag["id"], title=wording.title_of(flag), detail=_reason(flag), date=wording.date_of(flag),
        evidence=[_side(one) for one in evidence],
    )  # fmt: skip


def _reason(flag: Resource) -> str:
    """Return what the flag says beyond its title."""
    words = wording.detail_of(flag)
    return "" if words == wording.title_of(flag) else words


def events(visit: Visit) -> str:
    """Return a mark that changes whenever there is something new to see."""
    return own_record.mark(visit.tx, visit.asker, visit.person)


def _id(reference: str) -> str:
    return reference.rpartition("/")[2]


def _flat(lists: Iterable[Sequence[str]]) -> list[str]:
    return [one for each in lists for one in each]
