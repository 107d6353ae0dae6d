"""All of one person's record that the asker may see (FHIR R4 Patient/$everything), page by page.

Each page also holds the public resources that its own entries refer to: clinics, clinicians, medicines.
"""

import re
from collections.abc import Sequence
from datetime import datetime

from msgspec import Struct

from mainstem.fhir.types import name_of, number_of
from mainstem.model.ids import number
from mainstem.store.audit import Asker, disclosed
from mainstem.store.reading import Row, Served, certificate, guarded, opened, owner_of, powers
from mainstem.store.session import Tx

_REFERENCE = re.compile(rb'"reference":"[A-Z][A-Za-z]+/([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})"')


class Limits(Struct, frozen=True, kw_only=True):
    """What a caller wants of the record."""

    types: tuple[str, ...] = ()
    """Empty = all."""
    since: datetime | None = None
    """Changed at or after."""
    start: datetime | None = None
    end: datetime | None = None
    """Window of the clinical date; undated resources are always in."""
    count: int = 200


class Whole(Struct, frozen=True, kw_only=True):
    """One page of a person's record, certificates opened for their Provenance."""

    matches: Sequence[Served]
    included: Sequence[Served]
    after: int | None


def everything(tx: Tx, asker: Asker, person: int, limits: Limits, after: int | None = None) -> Whole:
    """Return one page; the caller has read the Patient before, so that a hidden person is 404."""
    values = {
        "person": person, "after": after, "since": limits.since, "start": limits.start, "end": limits.end,
        "types": [number_of(each) for each in limits.types], "limit": limits.count + 1, **powers(asker, "s"),
    }  # fmt: skip
    rows = [Row(*row) for row in tx.execute(guarded("everything", asker), values, prepare=False).fetchall()]
    page = rows[: limits.count]
    matches = [_served(tx, asker, row) for row in page]
    included = _referenced(tx, asker, [each.body for each in matches])
    disclosed(tx, asker, "everything", "Patient", [row.touch for row in (*page, *included)])
    return Whole(
        matches=matches,
        included=[_served(tx, asker, row) for row in included],
        after=page[-1].pk if len(rows) > limits.count else None,
    )


def _referenced(tx: Tx, asker: Asker, bodies: Sequence[bytes]) -> list[Row]:
    ids = {match.decode() for body in bodies for match in _REFERENCE.findall(body)}
    if not ids:
        return []
    values = {"pks": [number(each) for each in sorted(ids)], **powers(asker, "s")}
    return [Row(*row) for row in tx.execute(guarded("public", asker), values, prepare=False).fetchall()]


def _served(tx: Tx, asker: Asker, row: Row) -> Served:
    asker.vault.prepare(tx, [owner_of(asker, row.owner)])
    return Served(
        type=name_of(row.rt), id=str(row.id), version=row.ver, updated=row.upd, body=opened(tx, asker, row),
        certificate=certificate(tx, asker, row),
    )  # fmt: skip
