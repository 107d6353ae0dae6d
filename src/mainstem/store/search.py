"""FHIR search over the token index: answered in keyset pages, audited before it is returned.

Statements are never prepared, so that each is planned for the values at hand: a generic plan walks the key instead of
the index (store rule book, section 5.3).
"""

from collections.abc import Iterator, Sequence

from msgspec import Struct
from msgspec.structs import replace

from mainstem.fhir.types import name_of
from mainstem.model.json import decode
from mainstem.store.asked import COUNT_MAX, Search
from mainstem.store.audit import Asker, disclosed
from mainstem.store.criteria import BadSearchError, Check
from mainstem.store.reading import Row, Served, certificate, opened, owner_of, powers, visible
from mainstem.store.search_sql import After, Where, count_of, page_of, where_of
from mainstem.store.session import Tx

_CHECKED_MAX = 20_000
"""Bodies that one page may open to check values that tokens cannot decide."""


class Page(Struct, frozen=True, kw_only=True):
    """One page of matches."""

    matches: Sequence[Served]
    after: After | None
    """Where the next page starts; None when this is the last one."""
    total: int | None


def run(tx: Tx, asker: Asker, search: Search, after: After | None = None) -> Page:
    """Answer one page and audit it, one row for each person that it touches."""
    where = where_of(search, visible(asker), powers(asker, "s"))
    total = _counted(tx, asker, search, where) if search.total else None
    if search.count == 0:
        disclosed(tx, asker, "search", search.type, [])
        return Page(matches=[], after=None, total=total)
    rows: list[tuple[Row, bytes]] = []
    for found in _matching(tx, asker, search, where, after):
        rows.append(found)
        if len(rows) > search.count:
            break
    page = rows[: search.count]
    disclosed(tx, asker, "search", search.type, [row.touch for row, _ in page])
    return Page(
        matches=[_served(tx, asker, row, body, told=search.provenance) for row, body in page],
        after=_after(search, page[-1][0]) if len(rows) > search.count else None,
        total=total,
    )


def explain(tx: Tx, asker: Asker, search: Search) -> str:
    """Return PostgreSQL's plan of the search's first page, for tests and for operators."""
    page = page_of(search, where_of(search, visible(asker), powers(asker, "s")), None, search.count + 1)
    return "\n".join(row[0] for row in tx.execute("explain " + page.text, page.values, prepare=False).fetchall())


def _matching(tx: Tx, asker: Asker, search: Search, where: Where, after: After | None) -> Iterator[tuple[Row, bytes]]:
    """Yield rows in order with their opened bodies; those whose bodies must be checked come in several draughts."""
    checks = [each.check for each in search.criteria if each.check is not None]
    limit = search.count + 1
    for _ in range(_CHECKED_MAX // limit + 1):
        page = page_of(search, where, after, limit)
        rows = [Row(*row) for row in tx.execute(page.text, page.values, prepare=False).fetchall()]
        asker.vault.prepare(tx, {row.owner or owner_of(asker, 0) for row in rows})
        for row in rows:
            body = opened(tx, asker, row)
            if not checks or _holds(body, checks):
                yield row, body
        if len(rows) < limit:
            return
        after = _after(search, rows[-1])
    raise BadSearchError("This search is too wide: add a parameter that narrows it.")


def _holds(body: bytes, checks: Sequence[Check]) -> bool:
    resource = decode(body)
    return all(check(resource) for check in checks)


def _counted(tx: Tx, asker: Asker, search: Search, where: Where) -> int:
    if any(each.check is not None for each in search.criteria):
        return sum(1 for _ in _matching(tx, asker, replace(search, count=COUNT_MAX), where, None))
    count = count_of(where)
    row = tx.execute(count.text, count.values, prepare=False).fetchone()
    return row[0] if row else 0


def _after(search: Search, row: Row) -> After:
    return After(key={"dlo": row.dlo, "upd": row.upd}.get(search.sort.column), pk=row.pk)


def _served(tx: Tx, asker: Asker, row: Row, body: bytes, *, told: bool) -> Served:
    return Served(
        type=name_of(row.rt), id=str(row.id), version=row.ver, updated=row.upd, body=body,
        certificate=certificate(tx, asker, row) if told else b"",
    )  # fmt: skip
