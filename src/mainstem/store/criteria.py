"""FHIR search parameters compiled to what the database can ask: tokens, columns, and checks on the body.

Each criterion narrows: criteria are joined by AND, the values within one by OR. A value is a set of tokens that must
all be there. What tokens cannot decide (a name beyond 12 characters, a range of birth dates) is checked on the body.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from difflib import get_close_matches
from typing import Any, LiteralString
from uuid import UUID

from msgspec import Struct

from mainstem.fhir import tokens
from mainstem.fhir.index import interval_of
from mainstem.fhir.paths import collect
from mainstem.fhir.search_parameters import PARAMETERS, Parameter
from mainstem.model.fact import Resource
from mainstem.model.ids import number
from mainstem.model.moment import Moment, parse_moment

VALUES_MAX = 20_000
"""Most values in one OR list."""
_SPLIT = re.compile(r"(?<!\\),")
_PIPE = re.compile(r"(?<!\\)\|")
_ESCAPED = re.compile(r"\\([\\,|$])")
_PREFIX = re.compile(r"(eq|ne|gt|lt|ge|le|sa|eb|ap)?(\d.*)", re.DOTALL)
_TYPED = re.compile(r"([A-Z][A-Za-z]+)/([A-Za-z0-9.-]{1,64})")

Check = Callable[[Resource], bool]


class BadSearchError(ValueError):
    """A search that cannot be answered as it is asked; the text says what to change."""


class UnknownParameterError(BadSearchError):
    """A parameter that this type does not have; FHIR's lenient handling may leave it out."""


class Criterion(Struct, frozen=True, kw_only=True):
    """One search parameter with its values."""

    any_of: tuple[tuple[int, ...], ...] = ()
    """Alternatives; of one, all tokens must be there. Empty = tokens say nothing."""
    none_of: tuple[int, ...] = ()
    sql: LiteralString = ""
    """A condition on the columns of `r`, with `{n}` in the names of its parameters."""
    values: Mapping[str, Any] = {}
    check: Check | None = None
    """What must hold of the body."""


class Scope(Struct, frozen=True, kw_only=True):
    """What a value may be compiled with."""

    key: bytes
    """The namer's."""
    person: int
    """Number of the one person that the search is about; 0 = not one."""
    now: datetime


def parameter_of(type_: str, name: str) -> tuple[Parameter, str]:
    """Return the parameter and modifier of `name:modifier`; raises `UnknownParameterError` with the nearest name."""
    stem, _, modifier = name.partition(":")
    known = PARAMETERS[type_]
    if stem in known:
        return known[stem], modifier
    if "." in name or stem == "_has":
        raise BadSearchError(f"Chained search ({name}) is not supported: search the other type, then use its ids.")
    near = get_close_matches(stem, known, n=1)
    hint = f"Did you mean '{near[0]}'?" if near else f"It knows: {', '.join(known)}."
    raise UnknownParameterError(f"{type_} has no search parameter '{stem}'. {hint}")


def values_of(text: str) -> list[str]:
    """Split an OR list at its unescaped commas; raises `BadSearchError` for an empty or endless one."""
    values = _SPLIT.split(text)
    if not all(values):
        raise BadSearchError("A search value is empty.")
    if len(values) > VALUES_MAX:
        raise BadSearchError(f"A list holds at most {VALUES_MAX} values.")
    return values


def persons_of(parameter: Parameter, modifier: str, text: str) -> list[int] | None:
    """Return the numbers of the persons that a value names; None when it names something else than persons."""
    if parameter.kind not in {"person", "subject"} or modifier not in {"", "Patient"}:
        return None
    ids = [_id_of(value, "Patient") for value in values_of(text)]
    found = [each for each in ids if each is not None]
    return [_number(each) for each in found] if len(found) == len(ids) else None


def criterion(parameter: Parameter, modifier: str, text: str, scope: Scope) -> Criterion:
    """Compile one parameter; raises `BadSearchError` for a modifier or value that it cannot take."""
    if modifier and modifier not in _MODIFIERS.get(parameter.kind, ()) and not modifier[:1].isupper():
        raise BadSearchError(f"Parameter '{parameter.name}' has no modifier ':{modifier}' here.")
    if modifier[:1].isupper() and parameter.kind not in {"reference", "subject", "person"}:
        raise BadSearchError(f"Parameter '{parameter.name}' has no modifier ':{modifier}' here.")
    return _COMPILERS[parameter.kind](parameter, modifier, values_of(text), scope)


def _token(parameter: Parameter, modifier: str, values: Sequence[str], scope: Scope) -> Criterion:
    names = parameter.paths if parameter.kind == "union" else (parameter.name,)
    parameters = [PARAMETERS[parameter.type][name] for name in names]
    found = [(each, *_coding(value)) for each in parameters for value in values]
    plain = [tokens.plain(scope.key, each.type, each.token, _form(system, code))[0] for each, system, code in found]
    if modifier == "not":
        return Criterion(none_of=tuple(plain))
    alternatives = [
        (token, _scoped(each, code, scope.person, scope.key)) if each.scoped and scope.person and code else (token,)
        for token, (each, _, code) in zip(plain, found, strict=True)
    ]
    check = coded_check(parameter, values) if parameter.name == "identifier" else None
    return Criterion(any_of=tuple(alternatives), check=check)


def _scoped(parameter: Parameter, code: str, person: int, key: bytes) -> int:
    return tokens.scoped(tokens.plain(key, parameter.type, parameter.token, code)[0], person)


def _form(system: str | None, code: str) -> str:
    return code if system is None else f"{system}|{code}"


def _coding(value: str) -> tuple[str | None, str]:
    parts = _PIPE.split(value, maxsplit=1)
    if len(parts) == 1:
        return None, _plain(parts[0])
    if not any(parts):
        raise BadSearchError("A token is 'code', 'system|code', '|code' or 'system|', not '|'.")
    return _plain(parts[0]), _plain(parts[1])


def coded_check(parameter: Parameter, values: Sequence[str]) -> Check:
    """Return whether a body holds one of these tokens: identity is decided by the value itself, not by its hash."""
    wanted = [_coding(value) for value in values]
    paths = [collect(path) for path in parameter.paths]

    def check(resource: Resource) -> bool:
        pairs = [pair for path in paths for value in path(resource) for pair in tokens.coding_of(value)]
        return any(_same(want, pair) for want in wanted for pair in pairs)

    return check


def _same(want: tuple[str | None, str], pair: tuple[str | None, str | None]) -> bool:
    system, code = want
    return (system is None or (pair[0] or "") == system) and (not code or pair[1] == code)


def _string(parameter: Parameter, modifier: str, values: Sequence[str], scope: Scope) -> Criterion:
    exact = modifier == "exact"
    wanted = [_plain(value) if exact else tokens.normalised(_plain(value)) for value in values]
    if not all(wanted):
        raise BadSearchError(f"Parameter '{parameter.name}' needs at least one letter or digit.")
    forms = [f"={each}" if exact else f"^{each[: tokens.PREFIX_MAX]}" for each in wanted]
    checked = exact or any(len(each) > tokens.PREFIX_MAX for each in wanted)
    return Criterion(
        any_of=tuple(tokens.plain(scope.key, parameter.type, parameter.token, form) for form in forms),
        check=_spelled(parameter, wanted, exact=exact) if checked else None,
    )


def _spelled(parameter: Parameter, wanted: Sequence[str], *, exact: bool) -> Check:
    paths = [collect(path) for path in parameter.paths]

    def check(resource: Resource) -> bool:
        texts = [text for path in paths for text in path(resource) if isinstance(text, str)]
        if exact:
            return any(text in wanted for text in texts)
        parts = {tokens.normalised(part) for text in texts for part in (text, *text.split())}
        return any(part.startswith(each) for part in parts for each in wanted)

    return check


def _reference(parameter: Parameter, modifier: str, values: Sequence[str], scope: Scope) -> Criterion:
    wanted = [f"{modifier}/{value}" if modifier and "/" not in value else value for value in values]
    forms = [tokens.target(_plain(each)) for each in wanted]
    alternatives = tuple(tokens.plain(scope.key, parameter.type, parameter.token, form) for form in forms)
    return Criterion(any_of=alternatives)


def _uri(parameter: Parameter, _: str, values: Sequence[str], scope: Scope) -> Criterion:
    forms = [_plain(value) for value in values]
    return Criterion(any_of=tuple(tokens.plain(scope.key, parameter.type, parameter.token, form) for form in forms))


def _person(parameter: Parameter, modifier: str, values: Sequence[str], scope: Scope) -> Criterion:
    if persons_of(parameter, modifier, ",".join(values)) is None and parameter.kind == "subject":
        return _reference(parameter, modifier, values, scope)
    raise BadSearchError(f"Parameter '{parameter.name}' takes 'Patient/id' or 'id'.")


def _pk(_: Parameter, __: str, values: Sequence[str], ___: Scope) -> Criterion:
    ids = [value for value in values if _is_uuid(value)]
    return Criterion(
        sql="r.pk = any(%(pks{n})s::bigint[]) and r.id = any(%(ids{n})s::uuid[])",
        values={"pks{n}": [number(each) for each in ids], "ids{n}": ids},
    )


def _updated(parameter: Parameter, _: str, values: Sequence[str], scope: Scope) -> Criterion:
    return _dated(parameter, values, scope, _UPDATED)


def _date(parameter: Parameter, modifier: str, values: Sequence[str], scope: Scope) -> Criterion:
    if modifier == "missing":
        return _missing(values)
    return _dated(parameter, values, scope, _CLINICAL)


def _missing(values: Sequence[str]) -> Criterion:
    match values:
        case ["true"]:
            return Criterion(sql="r.dlo is null")
        case ["false"]:
            return Criterion(sql="r.dlo is not null")
        case _:
            raise BadSearchError("The modifier ':missing' takes 'true' or 'false'.")


_CLINICAL: Mapping[str, LiteralString] = {
    "eq": "(r.dlo >= %(lo{n})s and r.dhi <= %(hi{n})s)",
    "ne": "(r.dlo < %(lo{n})s or r.dhi > %(hi{n})s)",
    "gt": "(r.dhi > %(hi{n})s)",
    "lt": "(r.dlo < %(lo{n})s)",
    "ge": "(r.dhi > %(hi{n})s or r.dlo >= %(lo{n})s)",
    "le": "(r.dlo < %(lo{n})s or r.dhi <= %(hi{n})s)",
    "sa": "(r.dlo >= %(hi{n})s)",
    "eb": "(r.dhi <= %(lo{n})s)",
    "ap": "(r.dlo < %(hi{n})s and r.dhi > %(lo{n})s)",
}
"""FHIR R4 section 3.1.1.4.7, on the half-open interval of the resource and of the value."""
_UPDATED: Mapping[str, LiteralString] = {
    "eq": "(r.upd >= %(lo{n})s and r.upd < %(hi{n})s)",
    "ne": "(r.upd < %(lo{n})s or r.upd >= %(hi{n})s)",
    "gt": "(r.upd >= %(hi{n})s)",
    "lt": "(r.upd < %(lo{n})s)",
    "ge": "(r.upd >= %(lo{n})s)",
    "le": "(r.upd < %(hi{n})s)",
    "sa": "(r.upd >= %(hi{n})s)",
    "eb": "(r.upd < %(lo{n})s)",
    "ap": "(r.upd >= %(lo{n})s and r.upd < %(hi{n})s)",
}


def _dated(parameter: Parameter, values: Sequence[str], scope: Scope, forms: Mapping[str, LiteralString]) -> Criterion:
    parts: list[LiteralString] = []
    found: dict[str, Any] = {}
    for index, value in enumerate(values):
        prefix, lo, hi = _range(parameter, value, scope.now)
        own: LiteralString = _INDEXES[index] if index < len(_INDEXES) else ""
        if not own:
            raise BadSearchError(f"Parameter '{parameter.name}' takes at most {len(_INDEXES)} values.")
        parts.append(forms[prefix].replace("{n}", "{n}" + own))
        found |= {"lo{n}" + own: lo, "hi{n}" + own: hi}
    either: LiteralString = " or "
    return Criterion(sql="(" + either.join(parts) + ")", values=found)


_INDEXES: tuple[LiteralString, ...] = ("_0", "_1", "_2", "_3", "_4", "_5", "_6", "_7", "_8", "_9")


def _range(parameter: Parameter, value: str, now: datetime) -> tuple[str, datetime, datetime]:
    match = _PREFIX.fullmatch(value)
    moment = parse_moment(match[2].replace(" ", "+")) if match else None
    if match is None or moment is None:
        raise BadSearchError(
            f"Parameter '{parameter.name}' takes a date such as 2024-05-31, ge2024 or lt2024-05-31T12:00:00Z."
        )
    prefix = match[1] or "eq"
    return (prefix, *(_widened(moment, now) if prefix == "ap" else (moment.lo, moment.hi)))


def _widened(moment: Moment, now: datetime) -> tuple[datetime, datetime]:
    """`ap` reaches a tenth of the way to now, as R4 recommends."""
    gap = max(abs(now - moment.lo) / 10, timedelta(0))
    try:
        return moment.lo - gap, moment.hi + gap
    except OverflowError:
        return moment.lo, moment.hi


def _day(parameter: Parameter, _: str, values: Sequence[str], scope: Scope) -> Criterion:
    asked = [(value, _range(parameter, value, scope.now)) for value in values]
    forms = [form for value, each in asked for form in _day_forms(value, each, scope.now)]
    alternatives = tuple(tokens.plain(scope.key, parameter.type, parameter.token, form) for form in forms)
    ranges = [each for value, each in asked if not _is_day(value)]
    written = [value.removeprefix("eq") for value, _ in asked if _is_day(value)]
    return Criterion(any_of=alternatives, check=_within(parameter, written, ranges) if ranges else None)


def _is_day(value: str) -> bool:
    """Whether a value asks for a day, month or year as written, which its token decides."""
    return (value.startswith("eq") or value[:1].isdigit()) and "T" not in value


def _day_forms(value: str, interval: tuple[str, datetime, datetime], now: datetime) -> list[str]:
    """Return the days, months or years of which a match has one as its own date, as written."""
    prefix, lo, hi = interval
    if _is_day(value):
        return [value.removeprefix("eq")]
    first, last = _YEARS[0], max(now.year + 50, hi.year)
    match prefix:
        case "gt" | "ge" | "sa":
            first = lo.year - 1
        case "lt" | "le" | "eb":
            last = hi.year + 1
        case "eq" | "ap":
            first, last = lo.year - 1, hi.year + 1
        case _:
            pass
    return [f"{year:04d}" for year in range(max(first, _YEARS[0]), min(last, _YEARS[1]) + 1)]


_YEARS = (1850, 2200)


def _within(parameter: Parameter, written: Sequence[str], ranges: Sequence[tuple[str, datetime, datetime]]) -> Check:
    paths = [collect(path) for path in parameter.paths]

    def check(resource: Resource) -> bool:
        values = [value for path in paths for value in path(resource)]
        if any(isinstance(value, str) and value.startswith(day) for value in values for day in written):
            return True
        found = [interval_of(value) for value in values]
        return any(_compare(prefix, each, (lo, hi)) for each in found if each for prefix, lo, hi in ranges)

    return check


def _compare(prefix: str, own: tuple[datetime, datetime], asked: tuple[datetime, datetime]) -> bool:
    inside = own[0] >= asked[0] and own[1] <= asked[1]
    verdicts = {
        "eq": inside,
        "ne": not inside,
        "gt": own[1] > asked[1],
        "lt": own[0] < asked[0],
        "ge": own[1] > asked[1] or own[0] >= asked[0],
        "le": own[0] < asked[0] or own[1] <= asked[1],
        "sa": own[0] >= asked[1],
        "eb": own[1] <= asked[0],
        "ap": own[0] < asked[1] and own[1] > asked[0],
    }
    return verdicts[prefix]


def _plain(value: str) -> str:
    return _ESCAPED.sub(r"\1", value)


def _is_uuid(value: str) -> bool:
    try:
        return str(UUID(value)) == value
    except ValueError:
        return False


def _id_of(value: str, type_: str) -> str | None:
    """Return the id that a value names of this type; None when it names another type."""
    match = _TYPED.fullmatch(value)
    if match:
        return match[2] if match[1] == type_ else None
    return value if "/" not in value else None


def _number(id_: str) -> int:
    """Return the surrogate of an id; an id that is none of ours is nobody's."""
    return number(id_) if _is_uuid(id_) else _NOBODY


_NOBODY = -1
# Which modifiers each kind takes; references take a type as well.
_MODIFIERS: Mapping[str, tuple[str, ...]] = {
    "token": ("not",), "union": ("not",), "string": ("exact",), "date": ("missing",),
}  # fmt: skip
_COMPILERS: Mapping[str, Callable[[Parameter, str, Sequence[str], Scope], Criterion]] = {
    "token": _token, "union": _token, "string": _string, "reference": _reference, "uri": _uri, "person": _person,
    "subject": _person, "pk": _pk, "updated": _updated, "date": _date, "day": _day,
}  # fmt: skip
