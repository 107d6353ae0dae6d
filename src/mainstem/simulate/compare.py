"""Holds the record that clients see against the truth; every difference is a sentence."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import timedelta
from decimal import Decimal
from typing import Any

from msgspec import Struct

from mainstem.model.fact import Resource
from mainstem.model.moment import Moment, parse_moment
from mainstem.model.names import LOINC, SOURCE_TAG
from mainstem.simulate.record import Record
from mainstem.simulate.tables import concepts
from mainstem.simulate.truth import NOTHING_KNOWN, EventKind, Expected, Known, Truth

_TOLERANCE = Decimal("0.011")
"""One per cent, and the rounding of the other unit."""
_TOGETHER = timedelta(seconds=60)
_CODED: Sequence[tuple[str, EventKind, str]] = (
    ("Condition", "condition", "code"),
    ("AllergyIntolerance", "allergy", "code"),
    ("MedicationRequest", "medication", "medicationCodeableConcept"),
    ("MedicationStatement", "medication", "medicationCodeableConcept"),
    ("Immunization", "immunization", "vaccineCode"),
)
_GONE = {"entered-in-error", "cancelled"}


class Check(Struct, frozen=True, kw_only=True):
    """One line of the report."""

    name: str
    found: int
    expected: int
    wrong: Sequence[str] = ()
    """Each difference in words; people are numbers of the plan, never names."""

    @property
    def right(self) -> bool:
        """Whether the record says exactly what is true."""
        return self.found == self.expected and not self.wrong


class Findings(Struct, frozen=True, kw_only=True):
    """What the comparison found."""

    checks: Sequence[Check]
    joined: int
    """How many times a source said what another had said: what would be shown twice without consolidation."""
    resources: int


class _Shown(Struct, frozen=True, kw_only=True):
    """One number that the record shows."""

    person: int
    loinc: str
    moment: Moment | None
    value: Decimal
    unit: str
    sources: frozenset[str]


def compare(record: Record, truth: Truth, sources: Iterable[str], held: Mapping[str, int]) -> Findings:
    """Read the record of the given sources and return how it stands to the truth; `held` counts by problem code."""
    mine = frozenset(sources)
    patients = [patient for patient in record.all("Patient") if _tags(patient) & mine]
    persons, people = _people(patients, truth)
    observations = _of(record.all("Observation"), persons)
    coded = {kind: list(_of(record.all(kind), persons)) for kind in dict.fromkeys(type_ for type_, _, _ in _CODED)}
    issues = _of(record.all("DetectedIssue"), persons)
    flags = _of(record.all("Flag"), persons)
    everything = [*patients, *(one for _, one in observations), *(one for group in coded.values() for _, one in group)]
    return Findings(
        checks=(
            people,
            _readings(observations, truth),
            _conflicts(issues, observations, truth),
            _known(coded, truth),
            _held(held, truth),
            _gaining(flags, truth),
        ),
        joined=sum(max(0, len(_tags(resource)) - 1) for resource in everything),
        resources=len(everything),
    )


def _people(patients: Sequence[Resource], truth: Truth) -> tuple[dict[str, int], Check]:
    """Return person numbers by Patient id; right = each Patient has one person, and each person one Patient."""
    persons: dict[str, int] = {}
    wrong: list[str] = []
    for patient in patients:
        numbers = {truth.numbers[value] for value in _identifiers(patient) if value in truth.numbers}
        if len(numbers) != 1:
            wrong.append(f"one Patient stands for the people {sorted(numbers)}")
        persons[str(patient["id"])] = min(numbers, default=-1)
    for number, count in Counter(persons.values()).items():
        if count > 1:
            wrong.append(f"person {number} stands in {count} Patients")
    wrong.extend(f"person {number} is missing" for number in sorted(truth.people - set(persons.values())))
    return persons, Check(name="people", found=len(patients), expected=len(truth.people), wrong=wrong)


_Owned = Sequence[tuple[int, Resource]]


def _of(resources: Iterable[Resource], persons: Mapping[str, int]) -> _Owned:
    """Return the resources that are about one of the persons, with whose they are."""
    owned: list[tuple[int, Resource]] = []
    for resource in resources:
        about: Resource = resource.get("subject") or resource.get("patient") or {}
        number = persons.get(str(about.get("reference", "")).removeprefix("Patient/"))
        if number is not None:
            owned.append((number, resource))
    return owned


def _readings(observations: _Owned, truth: Truth) -> Check:
    shown: defaultdict[tuple[int, str], list[_Shown]] = defaultdict(list)
    for person, observation in observations:
        for one in _numbers(person, observation):
            shown[one.person, one.loinc].append(one)
    total = sum(len(group) for group in shown.values())
    wrong = [words for item in truth.readings if (words := _taken(item, shown[item.person, item.loinc]))]
    for group in shown.values():
        wrong.extend(f"person {one.person}: {one.loinc} {one.value} {one.unit} is shown, but not true" for one in group)
    return Check(name="readings", found=total, expected=len(truth.readings), wrong=wrong)


def _taken(item: Expected, shown: list[_Shown]) -> str:
    """Take the shown number that an expected one stands for off the list; return what is wrong with it, or ""."""
    words = f"person {item.person}: {item.loinc} of {item.at.date().isoformat()}"
    fitting = [one for one in shown if _same_time(item, one) and _same_value(item, one)]
    if not fitting:
        return f"{words} is missing"
    best = min(fitting, key=lambda one: one.sources != item.sources)
    shown.remove(best)
    if best.sources != item.sources:
        return f"{words} names the sources {sorted(best.sources)}, but {sorted(item.sources)} sent it"
    return ""


def _same_time(item: Expected, one: _Shown) -> bool:
    if one.moment is None:
        return False
    if item.day_only or not one.moment.timed:
        return one.moment.day == item.at.date().isoformat()
    return abs(one.moment.lo - item.at) <= _TOGETHER


def _same_value(item: Expected, one: _Shown) -> bool:
    true = item.values.get(one.unit)
    return true is not None and abs(one.value - true) <= _TOLERANCE * abs(true)


def _numbers(person: int, observation: Resource) -> Iterator[_Shown]:
    if observation.get("status") in _GONE:
        return
    moment = parse_moment(str(observation.get("effectiveDateTime", "")))
    for element in observation.get("component") or [observation]:
        quantity, loinc = element.get("valueQuantity"), _code(element.get("code"), LOINC)
        if quantity is not None and loinc:
            yield _Shown(
                person=person,
                loinc=loinc,
                moment=moment,
                value=Decimal(quantity["value"]),
                unit=quantity.get("code", ""),
                sources=_tags(observation),
            )


def _conflicts(issues: _Owned, observations: _Owned, truth: Truth) -> Check:
    codes = {f"Observation/{one['id']}": _code(one.get("code"), LOINC) for _, one in observations}
    found: set[tuple[int, str]] = set()
    for person, issue in issues:
        for implicated in issue.get("implicated", ()):
            code = codes.get(implicated.get("reference", ""))
            if code:
                found.add((person, code))
    wrong = [f"person {person}: the difference in {code} is not shown" for person, code in truth.conflicts - found]
    wrong += [f"person {person}: {code} is said to differ, but does not" for person, code in found - truth.conflicts]
    return Check(name="conflicts", found=len(found), expected=len(truth.conflicts), wrong=sorted(wrong))


def _known(coded: Mapping[str, _Owned], truth: Truth) -> Check:
    """Compare problems, allergies, medications and vaccinations: each once, and what is denied is not asserted."""
    found: Counter[Known] = Counter()
    for type_, kind, element in _CODED:
        for person, resource in coded[type_]:
            known = _stated(person, kind, resource, element, truth)
            if known is not None:
                found[known] += 1
    wrong = [f"person {one.person}: {one.kind} {one.code} is missing" for one in truth.known - found.keys()]
    wrong += [
        f"person {one.person}: {one.kind} {one.code} is shown, but not true" for one in found.keys() - truth.known
    ]
    wrong += [
        f"person {one.person}: {one.kind} {one.code} is shown {count} times"
        for one, count in found.items()
        if count > 1 and one.kind != "medication"
    ]
    return Check(name="coded facts", found=len(found), expected=len(truth.known), wrong=sorted(wrong))


def _stated(person: int, kind: EventKind, resource: Resource, element: str, truth: Truth) -> Known | None:
    status = _code(resource.get("verificationStatus"), "")
    if resource.get("status") in _GONE or status in _GONE:
        return None
    codes = _codes(resource.get(element))
    if codes & {concept.code for concept in concepts("nothing-known")}:
        return Known(person=person, kind=kind, code=NOTHING_KNOWN, negated=True)
    negated = resource.get("status") == "not-done" or status == "refuted"
    true = {known.code for known in truth.known if known.kind == kind}
    code = next(iter(sorted(codes & true)), None) or next(iter(sorted(codes)), "uncoded")
    return Known(person=person, kind=kind, code=code, negated=negated)


def _held(held: Mapping[str, int], truth: Truth) -> Check:
    expected = {problem.value: count for problem, count in truth.held.items()}
    names = sorted({*held, *expected})
    wrong = [
        f"{held.get(name, 0)} held as {name}, {expected.get(name, 0)} expected"
        for name in names
        if held.get(name, 0) != expected.get(name, 0)
    ]
    return Check(name="held", found=sum(held.values()), expected=sum(expected.values()), wrong=wrong)


def _gaining(flags: _Owned, truth: Truth) -> Check:
    found = {person for person, _ in flags}
    wrong = [f"person {person} gains weight, but is not flagged" for person in sorted(truth.gaining - found)]
    wrong += [f"person {person} is flagged without reason" for person in sorted(found - truth.gaining)]
    return Check(name="alerts", found=len(found), expected=len(truth.gaining), wrong=wrong)


def _identifiers(patient: Resource) -> Iterator[str]:
    for identifier in patient.get("identifier", ()):
        yield str(identifier.get("value", ""))


def _tags(resource: Resource) -> frozenset[str]:
    tags: list[dict[str, Any]] = resource.get("meta", {}).get("tag", [])
    return frozenset(tag["code"] for tag in tags if tag.get("system") == SOURCE_TAG)


def _code(concept: Resource | None, system: str) -> str:
    """Return the first code of a system in a CodeableConcept; of any system when "" is asked for."""
    codings: list[dict[str, str]] = (concept or {}).get("coding", [])
    return next((coding.get("code", "") for coding in codings if not system or coding.get("system") == system), "")


def _codes(concept: Resource | None) -> set[str]:
    codings: list[dict[str, str]] = (concept or {}).get("coding", [])
    return {coding.get("code", "") for coding in codings}
