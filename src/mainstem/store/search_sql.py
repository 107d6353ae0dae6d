"""The statements of a search: only visible rows have a name in them, and only constants make their text.

The shapes and their reasons are the measured ones of the store rule book, section 5.3: a long OR list probes the index
once for each value, and a page starts after the key at which the one before ended.
"""

from datetime import datetime
from typing import Any, LiteralString, NamedTuple

from msgspec import Struct

from mainstem.fhir.types import number_of
from mainstem.store.access import WHY
from mainstem.store.asked import Search
from mainstem.store.criteria import Criterion

_PROBED_MIN = 8
"""An OR list longer than this probes the index value by value."""


class After(Struct, frozen=True, kw_only=True):
    """Where the page before ended: its last sort key and surrogate."""

    key: datetime | None
    pk: int


class Statement(NamedTuple):
    """SQL with its parameters."""

    text: LiteralString
    values: dict[str, Any]


class Where(NamedTuple):
    """What all statements of one search share: the rows to look at, and the conditions on them."""

    head: LiteralString
    """From `$select` to `where true`."""
    conditions: LiteralString
    values: dict[str, Any]


_SELECT: LiteralString = "select r.pk, r.id, r.rt, r.ver, r.upd, r.person, $why, r.body, r.cert, 'u', r.person, r.dlo"
_ORDER: dict[tuple[str, bool], LiteralString] = {
    ("dlo", True): " order by r.dlo desc nulls last, r.pk desc",
    ("dlo", False): " order by r.dlo nulls last, r.pk",
    ("upd", True): " order by r.upd desc, r.pk desc",
    ("upd", False): " order by r.upd, r.pk",
    ("pk", True): " order by r.pk desc",
    ("pk", False): " order by r.pk",
}
_AFTER: dict[tuple[str, bool], LiteralString] = {
    ("dlo", True): " and ((r.dlo, r.pk) < (%(key)s, %(pk)s) or r.dlo is null)",
    ("dlo", False): " and ((r.dlo, r.pk) > (%(key)s, %(pk)s) or r.dlo is null)",
    ("upd", True): " and (r.upd, r.pk) < (%(key)s, %(pk)s)",
    ("upd", False): " and (r.upd, r.pk) > (%(key)s, %(pk)s)",
    ("pk", True): " and r.pk < %(pk)s",
    ("pk", False): " and r.pk > %(pk)s",
}
_AFTER_UNDATED: dict[bool, LiteralString] = {
    True: " and r.dlo is null and r.pk < %(pk)s",
    False: " and r.dlo is null and r.pk > %(pk)s",
}
_PROBES: LiteralString = (
    "with found as materialized (select distinct p.pk from unnest(%(first)s::bigint[], %(second)s::bigint[]) h (a, b),"
    " lateral (select r.pk from resource r where r.tok @> array[h.a, h.b]$base offset 0) p) "
)


def where_of(search: Search, visible: LiteralString, values: dict[str, Any]) -> Where:
    """Return what all statements of a search share; `visible` and `values` are the asker's predicate and powers."""
    values = {**values, "rt": number_of(search.type)}
    base: LiteralString = " and r.rt = %(rt)s"
    if search.persons is not None:
        one = len(search.persons) == 1
        values["persons"] = search.persons[0] if one else list(search.persons)
        base += " and r.person = %(persons)s" if one else " and r.person = any(%(persons)s::bigint[])"
    probed = _probed(search)
    source: LiteralString = "resource r"
    if probed is not None:
        values |= {"first": [each[0] for each in probed.any_of], "second": [each[-1] for each in probed.any_of]}
        source = "found join resource r using (pk)"
    text = base
    must: list[int] = []
    for index, each in enumerate(search.criteria):
        if each is not probed and len(each.any_of) == 1:
            must += each.any_of[0]
        elif each is not probed and each.any_of:
            text += _either(each, index, values)
        text += _columns(each, index, values)
    if must:
        values["must"] = must
        text += " and r.tok @> %(must)s::bigint[]"
    prefix: LiteralString = _PROBES.replace("$base", base) if probed is not None else ""
    return Where(prefix + "$select from " + source + " where true", text + " and " + visible, values)


def _probed(search: Search) -> Criterion | None:
    longest = max(search.criteria, key=lambda each: len(each.any_of), default=None)
    return longest if longest is not None and len(longest.any_of) > _PROBED_MIN else None


def _either(each: Criterion, index: int, values: dict[str, Any]) -> LiteralString:
    if all(len(tokens) == 1 for tokens in each.any_of):
        own = _named("any", index)
        values[own] = [tokens[0] for tokens in each.any_of]
        return " and r.tok && %(" + own + ")s::bigint[]"
    parts: list[LiteralString] = []
    for place, tokens in enumerate(each.any_of):
        own = _named("any", index) + _named("of", place)
        values[own] = list(tokens)
        parts.append("r.tok @> %(" + own + ")s::bigint[]")
    either: LiteralString = " or "
    return " and (" + either.join(parts) + ")"


def _columns(each: Criterion, index: int, values: dict[str, Any]) -> LiteralString:
    text: LiteralString = ""
    own = _named("c", index)
    if each.none_of:
        values["none" + own] = list(each.none_of)
        text += " and not r.tok && %(none" + own + ")s::bigint[]"
    if each.sql:
        values |= {name.replace("{n}", own): value for name, value in each.values.items()}
        text += " and " + each.sql.replace("{n}", own)
    return text


_DIGITS: tuple[LiteralString, ...] = ("0", "1", "2", "3", "4", "5", "6", "7", "8", "9")


def _named(stem: LiteralString, index: int) -> LiteralString:
    """Return a parameter name made of constants only, whatever the request says."""
    digits: LiteralString = ""
    for character in str(index):
        digits += _DIGITS[int(character)]
    return stem + "_" + digits


def page_of(search: Search, where: Where, after: After | None, limit: int) -> Statement:
    """Return the statement of one page: rows as `mainstem.store.reading.Row`, in order."""
    shape = (search.sort.column, search.sort.descending)
    text = where.head.replace("$select", _SELECT.replace("$why", WHY)) + where.conditions
    values = {**where.values, "limit": limit}
    if after is not None:
        undated = after.key is None and search.sort.column == "dlo"
        text += _AFTER_UNDATED[search.sort.descending] if undated else _AFTER[shape]
        values |= {"key": after.key, "pk": after.pk}
    return Statement(text + _ORDER[shape] + " limit %(limit)s", values)


def count_of(where: Where) -> Statement:
    """Return the statement that counts all visible matches."""
    return Statement(where.head.replace("$select", "select count(*)") + where.conditions, where.values)
