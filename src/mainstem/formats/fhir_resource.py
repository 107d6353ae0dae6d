"""One FHIR resource to one fact: is it R4, what is its key, whom is it about, which version is it."""

import csv
import re
from collections.abc import Callable, Iterator, Mapping
from importlib.resources import files
from typing import Any, cast

from msgspec import Struct

from mainstem.fhir.element import getter, parts, text
from mainstem.fhir.references import rewrite
from mainstem.fhir.types import TYPES, ResourceType
from mainstem.formats.fhir_names import content_key, key_of, order, target
from mainstem.model.fact import Fact, Held, Resource
from mainstem.model.names import SOURCE_ID
from mainstem.model.problem import Problem

NOT_RECORDS = frozenset({"OperationOutcome", "Parameters"})
"""R4 resources that speak about a request and record nothing."""


class AmbiguousReferenceError(Exception):
    """A reference inside a Bundle that several of its resources answer (REF-6)."""


class Scope(Struct, frozen=True, kw_only=True):
    """What surrounds a resource: how its references resolve, and what the entry that holds it says of it."""

    source: str
    resolve: Callable[[str], str]
    """Returns `Type/key` for a reference inside the source, else it as it is; raises `AmbiguousReferenceError`."""
    identified: Callable[[Resource], str | None]
    """Returns `Patient/key` for a logical reference (identifier only) that the delivery can resolve."""
    plain: bool = False
    """The bytes showed that no reference needs a change, so that the resource need not be walked."""
    fallback_key: str = ""
    """Key for a resource without id, such as the UUID of its entry's fullUrl."""
    key: str = ""
    """Key that outranks the resource's own id: its entry comes from another server (REF-2)."""
    response: Resource | None = None
    otherwise: str = ""
    """An instant that stands in for a missing `meta.lastUpdated`."""


class _Kind(Struct, frozen=True):
    type: ResourceType
    subjects: tuple[Callable[[Resource], Iterator[Any]], ...]
    older_any: frozenset[str]
    older_text: frozenset[str]


def as_fact(resource: object, path: str, scope: Scope) -> Fact | Held:
    """Return the resource as a fact in the source's own words, or as held with the reason."""
    if not isinstance(resource, dict):
        return held(Problem.NOT_A_RESOURCE, "This is JSON, but not a FHIR resource.", _RELEASE_RESOURCE, path)
    stated = cast("Resource", resource)
    kind = _KINDS.get(text(stated, "resourceType"))
    if kind is None or kind.type.name in NOT_RECORDS:
        return _unknown(stated, path)
    if older := _older(stated, kind):
        return held(Problem.UNSUPPORTED, f"This {kind.type.name} has the form of FHIR {older}.", _RELEASE_VERSION, path)
    return _fact(stated, kind, path, scope)


def _fact(stated: Resource, kind: _Kind, path: str, scope: Scope) -> Fact | Held:
    try:
        resource = _named(stated if scope.plain else rewrite(stated, scope.resolve), stated, scope)
    except AmbiguousReferenceError as error:
        return held(
            Problem.BAD_REFERENCE,
            f"A conditional reference of this {kind.type.name} matches several resources: {error}.",
            "Name the target by its id, or by an identifier that only one resource has.",
            path,
        )
    subject, resource, why = _subject(resource, kind, scope)
    fact = Fact(
        source=scope.source,
        type=kind.type.name,
        key=resource["id"],
        subject=subject,
        order=order(stated.get("meta"), scope.response, scope.otherwise),
        resource=resource,
        path=path,
    )
    if why:
        release = "Deliver it with a reference to a Patient of this source."
        return Held(
            problem=Problem.NO_PATIENT, words=f"This {kind.type.name} {why}.", release=release, path=path, fact=fact
        )
    return fact


def _named(resource: Resource, raw: Resource, scope: Scope) -> Resource:
    given = text(resource, "id")
    key = scope.key or key_of(given or scope.fallback_key or content_key(raw))
    if key == resource.get("id"):
        return resource
    if not given:
        return {**resource, "id": key}
    return {**resource, "id": key, "_id": {"extension": [{"url": SOURCE_ID, "valueString": given}]}}


def _subject(resource: Resource, kind: _Kind, scope: Scope) -> tuple[str | None, Resource, str]:
    """Return the key of the Patient, the resource (a logical reference made literal), and why it has none."""
    if kind.type.person == "self":
        return resource["id"], resource, ""
    why = "names no patient" if kind.type.person == "always" else ""
    seen: list[str] = []
    for path, values in zip(kind.type.patient_paths, kind.subjects, strict=True):
        for value in values(resource):
            found = _literal(value, resource, kind, scope)
            if found.startswith("Patient/"):
                return found[8:], _with_literal(resource, path, value, found), ""
            seen.append(found)
    if seen:
        why = next((_WHY[each] for each in seen if each in _WHY), "")
    return None, resource, why


_FOREIGN, _LOGICAL, _CONTAINED, _OTHER = "foreign", "logical", "contained", "other"
_WHY = {
    _FOREIGN: "is about somebody whose record this source has not delivered",
    _LOGICAL: "names its patient only by an identifier or in words",
    _CONTAINED: "names its patient only as a resource contained in it",
}


def _literal(value: object, resource: Resource, kind: _Kind, scope: Scope) -> str:
    """Return `Type/key` of a reference, or which form keeps it from being one."""
    reference = cast("Resource", value) if isinstance(value, dict) else {}
    if literal := text(reference, "reference"):
        if literal[0] == "#":
            return _CONTAINED if _contains_patient(resource, literal[1:]) else _OTHER
        return target(literal) or (_OTHER if _TYPED.search(literal) else _FOREIGN)
    if found := scope.identified(reference):
        return found
    return _LOGICAL if kind.type.person == "always" or reference.get("type") == "Patient" else _OTHER


_TYPED = re.compile(r"(?:^|/)(?!Patient\b)[A-Z][A-Za-z]+(?:/[A-Za-z0-9.-]+(?:/_history/[^/]+)?|\?.*)$")
"""An absolute or conditional reference to something that is not a Patient."""


def _contains_patient(resource: Resource, identifier: str) -> bool:
    contained = parts(resource, "contained")
    return any(each.get("id") == identifier and each.get("resourceType") == "Patient" for each in contained)


def _with_literal(resource: Resource, path: str, value: Resource, found: str) -> Resource:
    if value.get("reference") or resource.get(path) is not value:
        return resource
    return {**resource, path: {"reference": found, **value}}


def _older(resource: Resource, kind: _Kind) -> str:
    """Return the older FHIR version whose shape this is, or nothing."""
    for name in () if kind.older_any.isdisjoint(resource) else kind.older_any & resource.keys():
        return _OLDER[kind.type.name, name]
    for name in kind.older_text:
        if isinstance(resource.get(name), str):
            return _OLDER[kind.type.name, name]
    return ""


def _unknown(resource: Resource, path: str) -> Held:
    name = text(resource, "resourceType")
    if name in NOT_RECORDS:
        words = f"The source sent {_article(name)} with its data{_issues(resource)}."
        return held(Problem.UNSUPPORTED, words, "Nothing to do: it says how a request went.", path)
    if (name, "") in _OLDER:
        return held(Problem.UNSUPPORTED, f"{name} is a type of FHIR {_OLDER[name, '']}.", _RELEASE_VERSION, path)
    return held(Problem.NOT_A_RESOURCE, "No FHIR R4 resource type is named.", _RELEASE_RESOURCE, path)


def _article(name: str) -> str:
    return f"an {name}" if name[0] in "AEIO" else f"a {name}"


def _issues(resource: Resource) -> str:
    """Say severity and code of each issue; never its free text, which may name a person."""
    codes = [f"{text(each, 'severity')} {text(each, 'code')}" for each in parts(resource, "issue")[:5]]
    said = [each for each in codes if _CODES.fullmatch(each)]
    return f" ({', '.join(said)})" if said else ""


_CODES = re.compile(r"[a-z]{4,11} [a-z-]{4,20}")


def held(problem: Problem, words: str, release: str, path: str) -> Held:
    """Return a held item for what stands at a path of the delivery."""
    return Held(problem=problem, words=words, release=release, path=path)


_RELEASE_VERSION = "Ask the source for FHIR R4 (4.0.1)."
_RELEASE_RESOURCE = "Send FHIR R4 resources with a `resourceType`."


def _older_rows() -> list[dict[str, str]]:
    rows = files("mainstem.formats").joinpath("fhir_older.csv").read_text(encoding="utf-8")
    return list(csv.DictReader(rows.splitlines()))


def _kinds(rows: list[dict[str, str]]) -> dict[str, _Kind]:
    def elements(name: str, shape: str) -> frozenset[str]:
        return frozenset(row["element"] for row in rows if (row["type"], row["shape"]) == (name, shape))

    return {
        name: _Kind(each, tuple(map(getter, each.patient_paths)), elements(name, "any"), elements(name, "text"))
        for name, each in TYPES.items()
    }


_ROWS = _older_rows()
_OLDER: Mapping[tuple[str, str], str] = {(row["type"], row["element"]): row["versions"] for row in _ROWS}
_KINDS: Mapping[str, _Kind] = _kinds(_ROWS)
