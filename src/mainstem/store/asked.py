"""A FHIR search request understood: its criteria, order, size and inclusions; what is not understood is refused.

A parameter that is unknown or misspelt is never ignored silently (store rule book, section 3, last row but two).
"""

from collections.abc import Sequence

from msgspec import Struct

from mainstem.fhir.search_parameters import PARAMETERS
from mainstem.store.audit import Asker
from mainstem.store.criteria import (
    BadSearchError,
    Criterion,
    Scope,
    UnknownParameterError,
    criterion,
    parameter_of,
    persons_of,
)
from mainstem.store.reading import meaning_now
from mainstem.store.session import Tx

COUNT_DEFAULT = 50
COUNT_MAX = 1_000
_DIGITS_MAX = 9

Pairs = Sequence[tuple[str, str]]


class Sort(Struct, frozen=True, kw_only=True):
    """By which hot column, and whether newest first."""

    column: str
    """`dlo`, `upd` or `pk`."""
    descending: bool


class Search(Struct, frozen=True, kw_only=True):
    """A search that was understood; `criteria` are joined by AND."""

    type: str
    persons: tuple[int, ...] | None
    """Numbers of the persons that it is limited to; None = not limited."""
    criteria: tuple[Criterion, ...]
    sort: Sort
    count: int
    total: bool
    """Whether all matches are to be counted."""
    provenance: bool
    """`_revinclude=Provenance:target`."""
    ignored: tuple[str, ...]
    """What lenient handling left out, as sentences."""


def understand(tx: Tx, asker: Asker, type_: str, pairs: Pairs, *, lenient: bool = False) -> Search:
    """Compile the parameters of a search; raises `BadSearchError` with what to change."""
    controls = {name: value for name, value in pairs if name in _CONTROLS}
    asked, ignored = _known(type_, [(n, v) for n, v in pairs if n not in _CONTROLS], lenient=lenient)
    persons = _persons(tx, type_, asked)
    alone = persons[0] if persons is not None and len(persons) == 1 else 0
    scope = Scope(key=asker.vault.keys.namer.key, person=alone, now=asker.now)
    criteria: list[Criterion] = []
    for name, value in asked:
        parameter, modifier = parameter_of(type_, name)
        if persons_of(parameter, modifier, value) is None:
            criteria.append(criterion(parameter, modifier, value, scope))
    return Search(
        type=type_, persons=persons, criteria=tuple(criteria), ignored=tuple(ignored),
        sort=_sort(type_, controls.get("_sort"), personal=alone != 0), count=_count(controls),
        total=_total(controls), provenance=_revinclude(controls),
    )  # fmt: skip


_CONTROLS = frozenset(
    {"_count", "_sort", "_total", "_summary", "_revinclude", "_include", "_elements", "_format", "_pretty"}
)


def _known(type_: str, pairs: Pairs, *, lenient: bool) -> tuple[list[tuple[str, str]], list[str]]:
    kept: list[tuple[str, str]] = []
    ignored: list[str] = []
    for name, value in pairs:
        try:
            parameter_of(type_, name)
        except UnknownParameterError as error:
            if not lenient:
                raise
            ignored.append(str(error))
        else:
            kept.append((name, value))
    return kept, ignored


def _persons(tx: Tx, type_: str, pairs: Pairs) -> tuple[int, ...] | None:
    """Return the persons that all person parameters agree on, old ids taken for what they mean now."""
    found: set[int] | None = None
    for name, value in pairs:
        numbers = persons_of(*parameter_of(type_, name), value)
        if numbers is not None:
            now = {meaning_now(tx, each) or each for each in numbers}
            found = now if found is None else found & now
    return None if found is None else tuple(sorted(found))


def _count(controls: dict[str, str]) -> int:
    if controls.get("_summary") == "count":
        return 0
    if controls.get("_summary", "false") != "false" or "_elements" in controls:
        raise BadSearchError("Only whole resources or _summary=count are served.")
    text = controls.get("_count", str(COUNT_DEFAULT))
    if not (text.isascii() and text.isdigit() and len(text) <= _DIGITS_MAX):
        raise BadSearchError("_count takes a number, such as 50.")
    return min(int(text), COUNT_MAX)


def _total(controls: dict[str, str]) -> bool:
    text = controls.get("_total", "none")
    if text not in {"none", "estimate", "accurate"}:
        raise BadSearchError("_total takes none, estimate or accurate.")
    return text != "none" or _count(controls) == 0


def _revinclude(controls: dict[str, str]) -> bool:
    if "_include" in controls:
        raise BadSearchError("_include is not supported.")
    if controls.get("_revinclude", "Provenance:target") != "Provenance:target":
        raise BadSearchError("_revinclude takes Provenance:target only.")
    return "_revinclude" in controls


def _sort(type_: str, text: str | None, *, personal: bool) -> Sort:
    if text is None:
        return Sort(column="dlo", descending=True) if personal else Sort(column="upd", descending=False)
    name = text.removeprefix("-")
    parameter = PARAMETERS[type_].get(name)
    kind = "date" if name == "date" else parameter.kind if parameter else ""
    column = {"date": "dlo", "updated": "upd", "pk": "pk"}.get(kind)
    if column is None:
        raise BadSearchError("_sort takes one of: date, -date, _lastUpdated, -_lastUpdated, _id.")
    return Sort(column=column, descending=text.startswith("-"))
