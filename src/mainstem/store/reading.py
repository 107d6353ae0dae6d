"""Reading the record: one resource, its versions, and what an old id stands for; each reading is audited as it is done.

An id that was published once keeps finding what it means now: the current resource is served under the old id, and its
own place is told beside (`Served.moved`). A resource that was taken back is `GONE` for whom it was visible to.
"""

from collections.abc import Sequence
from datetime import datetime
from functools import cache
from typing import Any, LiteralString, NamedTuple
from uuid import UUID

from msgspec import Struct

from mainstem.fhir.types import name_of, number_of
from mainstem.model.ids import number
from mainstem.store.access import VISIBLE, WHY, Principal
from mainstem.store.audit import Asker, Touch, disclosed, refused
from mainstem.store.session import Tx
from mainstem.store.statements import statement


class Row(NamedTuple):
    """What the statements of this room select of a resource, in this order."""

    pk: int
    id: UUID
    rt: int
    ver: int
    upd: datetime
    person: int
    why: int | None
    body: bytes
    cert: bytes
    op: str
    owner: int
    """The person whose key sealed the body: an older version may have been another's."""
    dlo: datetime | None = None
    """Clinical date, where the statement selects it."""

    @property
    def touch(self) -> Touch:
        """What the audit says of this row."""
        return Touch(person=self.person, grant=self.why, pk=self.pk)


class Served(Struct, frozen=True, kw_only=True):
    """A resource on its way out: final JSON, and what headers need."""

    type: str
    id: str
    version: int
    updated: datetime
    body: bytes
    op: str = "u"
    """`c`, `u` or `d`: how this version came about; the body of a `d` is empty."""
    moved: bool = False
    """Whether it was asked for under an id that it no longer has."""
    certificate: bytes = b""


class Gone(Struct, frozen=True, kw_only=True):
    """A resource that was taken back."""

    version: int
    updated: datetime


def read(tx: Tx, asker: Asker, type_: str, id_: str) -> Served | Gone | None:
    """Return the current resource; None when it is not there for the asker, for whatever reason."""
    return _read(tx, asker, [type_], id_, "read")


def certified(tx: Tx, asker: Asker, id_: str, types: Sequence[str]) -> Served | Gone | None:
    """Return a resource of one of these types (none = any) with its opened certificate, for its Provenance."""
    return _read(tx, asker, types, id_, "provenance")


def version(tx: Tx, asker: Asker, type_: str, id_: str, ver: int) -> Served | None:
    """Return one version of a resource."""
    found = _versions(tx, asker, type_, id_, ver=ver, limit=1)
    _note(tx, asker, "vread", type_, [touch for _, touch in found])
    return found[0][0] if found else None


def history(
    tx: Tx, asker: Asker, type_: str, id_: str, *, limit: int, before: int | None = None, since: datetime | None = None
) -> list[Served]:
    """Return up to `limit` versions of a resource, newest first, older than version `before`."""
    found = _versions(tx, asker, type_, id_, limit=limit, before=before, since=since)
    _note(tx, asker, "history", type_, [touch for _, touch in found])
    return [served for served, _ in found]


def surrogate(id_: str) -> int | None:
    """Return the number of an id; None when it cannot be one of ours."""
    try:
        return number(id_) if str(UUID(id_)) == id_ else None
    except ValueError:
        return None


def meaning_now(tx: Tx, pk: int) -> int | None:
    """Return the surrogate of what an old id stands for now, or None."""
    row = tx.execute(statement("moved"), {"pk": pk}).fetchone()
    return row[0] if row else None


def owner_of(asker: Asker, person: int) -> int:
    """Return whose key a body of this person is sealed with; bodies about nobody have the public owner."""
    return person or number(asker.vault.keys.namer.derived("public"))


def opened(tx: Tx, asker: Asker, row: Row) -> bytes:
    """Return the final JSON of a row."""
    return asker.vault.unseal(tx, owner_of(asker, row.owner), f"resource:{row.pk}:{row.ver}".encode(), row.body)


def certificate(tx: Tx, asker: Asker, row: Row) -> bytes:
    """Return the JSON of a row's certificate."""
    return asker.vault.unseal(tx, owner_of(asker, row.owner), f"cert:{row.pk}:{row.ver}".encode(), row.cert)


def powers(asker: Asker, verb: str) -> dict[str, Any]:
    """Return the parameters of `VISIBLE`; a request without a principal sees nothing."""
    principal = asker.principal or _NOBODY
    return principal.powers("s" if verb == "s" else "r", asker.now)


def guarded(name: str, asker: Asker | None = None) -> LiteralString:
    """Return the statement `name` with `$visible` and `$why` filled in; shorter where the asker is known."""
    return _filled(name, VISIBLE if asker is None else visible(asker))


def visible(asker: Asker) -> LiteralString:
    """Return the predicate for this asker."""
    return (asker.principal or _NOBODY).visible


@cache
def _filled(name: str, predicate: LiteralString) -> LiteralString:
    space: LiteralString = " "
    text = space.join([line.strip() for line in statement(name).splitlines() if not line.startswith("--")])
    return text.replace("$visible", predicate).replace("$why", WHY)


_NOBODY = Principal(grantee=0, kind="nobody", name="", client=None, person=None, scopes=())


def _read(tx: Tx, asker: Asker, types: Sequence[str], id_: str, verb: str) -> Served | Gone | None:
    pk = surrogate(id_)
    shown = types[0] if len(types) == 1 else ""
    if pk is None:
        refused(tx, asker, verb, shown, "absent")
        return None
    key = {"pk": pk, "id": id_, "types": [number_of(each) for each in types], **powers(asker, "r")}
    row = tx.execute(guarded("read", asker), key).fetchone()
    moved = row is None
    if row is None:
        gone = tx.execute(guarded("gone", asker), key).fetchone()
        target = meaning_now(tx, pk)
        row = tx.execute(guarded("read", asker), {**key, "pk": target, "id": None}).fetchone() if target else None
        if gone and not row:
            refused(tx, asker, verb, shown, "gone")
            return Gone(version=gone[0], updated=gone[1])
    if row is None:
        refused(tx, asker, verb, shown, "absent")
        return None
    return _served(tx, asker, Row(*row), verb, moved=moved)


def _served(tx: Tx, asker: Asker, row: Row, verb: str, *, moved: bool) -> Served:
    disclosed(tx, asker, verb, name_of(row.rt), [row.touch])
    told = verb == "provenance"
    return Served(
        type=name_of(row.rt), id=str(row.id), version=row.ver, updated=row.upd, moved=moved,
        body=b"" if told else opened(tx, asker, row),
        certificate=certificate(tx, asker, row) if told else b"",
    )  # fmt: skip


def _versions(
    tx: Tx, asker: Asker, type_: str, id_: str, *, limit: int, ver: int | None = None, before: int | None = None,
    since: datetime | None = None,
) -> list[tuple[Served, Touch]]:  # fmt: skip
    pk = surrogate(id_)
    if pk is None:
        return []
    key = {
        "pk": pk, "id": id_, "types": [number_of(type_)], "ver": ver, "before": before, "since": since, "limit": limit,
        **powers(asker, "r"),
    }  # fmt: skip
    return [_version(tx, asker, Row(*row)) for row in tx.execute(guarded("versions", asker), key).fetchall()]


def _version(tx: Tx, asker: Asker, row: Row) -> tuple[Served, Touch]:
    served = Served(
        type=name_of(row.rt), id=str(row.id), version=row.ver, updated=row.upd, op=row.op,
        body=b"" if row.op == "d" else opened(tx, asker, row),
    )  # fmt: skip
    return served, row.touch


def _note(tx: Tx, asker: Asker, verb: str, type_: str, touches: Sequence[Touch]) -> None:
    if touches:
        disclosed(tx, asker, verb, type_, touches)
    else:
        refused(tx, asker, verb, type_, "absent")
