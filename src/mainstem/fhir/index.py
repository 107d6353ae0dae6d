"""The stage that makes a consolidated resource findable: blind tokens, clinical dates, grant categories, labels."""

from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from functools import cache
from typing import Any, cast

from msgspec import Struct

from mainstem.fhir import tokens
from mainstem.fhir.paths import Getter, compile_path
from mainstem.fhir.search_parameters import PARAMETERS, Parameter
from mainstem.fhir.types import TYPES
from mainstem.model.fact import Resource
from mainstem.model.ids import Namer, number
from mainstem.model.moment import parse_moment
from mainstem.model.outcome import Outcome, Stage
from mainstem.model.record import Entry
from mainstem.model.reference import Reference
from mainstem.trust.categories import categories, labels

Emit = Callable[[bytes, Any], Iterable[int]]
"""The tokens of one value under the installation's key."""

EARLIEST = datetime(1, 1, 1, tzinfo=UTC)
LATEST = datetime(9999, 12, 31, tzinfo=UTC)
"""Stand for the open ends of a period."""

_TOKENISED = {"token", "string", "reference", "subject", "uri", "day"}


class Indexed(Struct, frozen=True, kw_only=True):
    """An entry of the record with what makes it findable and shareable."""

    entry: Entry
    tok: list[int]
    """Sorted, distinct."""
    lo: datetime | None
    hi: datetime | None
    """The clinical date, half-open, UTC; None when the type or the resource has none."""
    cat: int
    labels: int


_Rule = tuple[Getter, Emit, Parameter]


def tokens_of(resource: Resource, namer: Namer, person: int, targets: frozenset[str] | None = None) -> list[int]:
    """Return the sorted tokens of a resource of the person with this number (0 = about no person).

    `targets` are the ids of the records that it refers to, when they are known already.
    """
    key = namer.key
    found: set[int] = set()
    plan = _plan(resource["resourceType"])
    for name, node in resource.items():
        rules = plan.get(name)
        if rules is None:
            continue
        for get, emit, parameter in rules:
            values: list[Any] = []
            get(node, values)
            for value in values:
                found.update(emit(key, value))
                if parameter.scoped and person:
                    found.update(scoped_codes(key, parameter, value, person))
    if targets is None:
        _references(resource, key, found)
    else:
        found.update([namer.token("ref", each) for each in targets])
    return sorted(found)


def dates_of(resource: Resource) -> tuple[datetime | None, datetime | None]:
    """Return the clinical date of a resource as a half-open UTC interval: the first of its type's dates that it has."""
    for name, get in _dates(resource["resourceType"]):
        node = resource.get(name)
        if node is None:
            continue
        values: list[Any] = []
        get(node, values)
        for value in values:
            interval = interval_of(value)
            if interval is not None:
                return interval
    return None, None


def interval_of(value: object) -> tuple[datetime, datetime] | None:
    """Return the half-open UTC interval of a FHIR date, dateTime, instant or Period; None when it says no time."""
    if isinstance(value, str):
        moment = parse_moment(value)
        return (moment.lo, moment.hi) if moment else None
    if not isinstance(value, dict):
        return None
    period = cast("dict[str, Any]", value)
    start, end = interval_of(period.get("start")), interval_of(period.get("end"))
    if start is None and end is None:
        return None
    return start[0] if start else EARLIEST, end[1] if end else LATEST


def _run(entries: Sequence[Entry], reference: Reference) -> Outcome[Indexed]:
    return Outcome(kept=[_indexed(entry, reference.namer) for entry in entries])


def _indexed(entry: Entry, namer: Namer) -> Indexed:
    person = number(entry.person) if entry.person else 0
    lo, hi = dates_of(entry.resource)
    return Indexed(
        entry=entry,
        tok=tokens_of(entry.resource, namer, person, entry.targets),
        lo=lo,
        hi=hi,
        cat=categories(entry.resource, personal=person != 0),
        labels=labels(entry.resource),
    )


STAGE: Stage[Entry, Indexed, Reference] = Stage(name="index", version=1, key=None, run=_run)


@cache
def _plan(type_: str) -> dict[str, tuple[_Rule, ...]]:
    plan: dict[str, list[_Rule]] = {}
    for parameter in PARAMETERS[type_].values():
        if parameter.kind not in _TOKENISED or parameter.token != parameter.name:
            continue
        for path in parameter.paths:
            for name, get in compile_path(path):
                rule = (get, emitter(parameter), parameter)
                plan.setdefault(name, []).append(rule)
    return {name: tuple(rules) for name, rules in plan.items()}


@cache
def _dates(type_: str) -> tuple[tuple[str, Getter], ...]:
    paths = TYPES[type_].date_paths
    return tuple(pair for path in paths for pair in compile_path(path.removesuffix(".start")))


def emitter(parameter: Parameter) -> Emit:
    """Return the function that makes a value's tokens for this parameter."""
    type_, name = parameter.type, parameter.token
    match parameter.kind:
        case "string":
            return lambda key, value: tokens.words(key, type_, name, value) if isinstance(value, str) else ()
        case "uri":
            return lambda key, value: tokens.plain(key, type_, name, value) if isinstance(value, str) else ()
        case "day":
            return lambda key, value: _day(key, type_, name, value)
        case "reference":
            return lambda key, value: _reference(key, type_, name, value)
        case "subject":
            return lambda key, value: () if _names_patient(value) else _reference(key, type_, name, value)
        case _:
            return lambda key, value: _coded(key, type_, name, value)


def scoped_codes(key: bytes, parameter: Parameter, value: object, person: int) -> list[int]:
    """Return one token for each code of a value within one person's record."""
    return [
        tokens.scoped(tokens.plain(key, parameter.type, parameter.token, code)[0], person)
        for _, code in tokens.coding_of(value)
        if code
    ]


def _coded(key: bytes, type_: str, name: str, value: Any) -> Iterable[int]:  # noqa: ANN401 - decoded JSON
    kind = value.__class__
    if kind is str:
        return tokens.plain(key, type_, name, value)
    if kind is bool:
        return tokens.plain(key, type_, name, "true" if value else "false")
    pairs = tokens.coding_of(value)
    if len(pairs) == 1:
        return tokens.coded(key, type_, name, *pairs[0])
    return [token for system, code in pairs for token in tokens.coded(key, type_, name, system, code)]


def _day(key: bytes, type_: str, name: str, value: object) -> tuple[int, ...]:
    if isinstance(value, str):
        return tokens.days(key, type_, name, value)
    if isinstance(value, dict):
        ends = [cast("dict[str, Any]", value).get(end) for end in ("start", "end")]
        return tuple(token for end in ends if isinstance(end, str) for token in tokens.days(key, type_, name, end))
    return ()


def _reference(key: bytes, type_: str, name: str, value: object) -> tuple[int, ...]:
    text = cast("dict[str, Any]", value).get("reference") if isinstance(value, dict) else None
    if not isinstance(text, str) or text.startswith("#"):
        return ()
    return tokens.plain(key, type_, name, tokens.target(text))


def _names_patient(value: object) -> bool:
    text = cast("dict[str, Any]", value).get("reference") if isinstance(value, dict) else None
    return isinstance(text, str) and text.startswith("Patient/")


def _references(node: dict[str, Any], key: bytes, found: set[int]) -> None:
    for name, value in node.items():
        kind = value.__class__
        if kind is dict:
            _references(value, key, found)
        elif kind is list:
            _listed(value, key, found)
        elif name == "reference" and kind is str:
            found.update(tokens.record(key, value))


def _listed(node: list[Any], key: bytes, found: set[int]) -> None:
    for value in node:
        if value.__class__ is dict:
            _references(value, key, found)
