"""The audit: one row per person touched and request, with the grant that let it through (I5, trust rule book 5.1).

Rows of a read are written in the transaction of the read, which commits before the answer leaves. A refusal is a row
too. The query's text may name a patient, so it is sealed.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import datetime

from msgspec import Struct

from mainstem.fhir.types import number_of
from mainstem.model.ids import number
from mainstem.store.access import Principal
from mainstem.store.session import Tx
from mainstem.store.statements import statement
from mainstem.store.vault import Vault

NOBODY = 0
"""Stands for the grantee of a request without a valid token, and for the person where none was touched."""
_AAD = b"audit"
_QUERY_MAX = 16_000


class Asker(Struct, frozen=True, kw_only=True):
    """A request as the store sees it: who asks, when, under which request id, and with which keys bodies are opened."""

    principal: Principal | None
    now: datetime
    request: str
    vault: Vault
    query: str = ""
    """What was asked for, as a URL path and query."""


class Touch(Struct, frozen=True, kw_only=True):
    """One row of one person that an answer holds, and the grant that let it through."""

    person: int
    grant: int | None
    pk: int | None = None


def disclosed(tx: Tx, asker: Asker, verb: str, type_: str, touches: Iterable[Touch]) -> None:
    """Record what an answer holds, before it leaves: one row for each person and grant; one row also for nothing."""
    seen = list(touches)
    counts = Counter((each.person, each.grant) for each in seen) or Counter({(NOBODY, None): 0})
    alone = seen[0].pk if len(seen) == 1 else None
    rows = [(person, grant, alone, count) for (person, grant), count in counts.items()]
    _insert(tx, asker, rows, verb=verb, type_=type_, outcome="ok" if seen else "nothing")


def refused(tx: Tx, asker: Asker, verb: str, type_: str, outcome: str) -> None:
    """Record a request that got nothing, with the reason as one word: `denied`, `scope`, `absent`, `invalid`."""
    _insert(tx, asker, [(NOBODY, None, None, 0)], verb=verb, type_=type_, outcome=outcome)


def acted(tx: Tx, asker: Asker, verb: str, person: int, grant: int | None) -> None:
    """Record a deed that is no disclosure: share, pause, resume, stop, sign-in."""
    _insert(tx, asker, [(person, grant, None, 0)], verb=verb, type_="", outcome="ok")


_Row = tuple[int, int | None, int | None, int]
"""person, grant, pk, rows."""


def _insert(tx: Tx, asker: Asker, rows: Sequence[_Row], *, verb: str, type_: str, outcome: str) -> None:
    persons, grants, pks, counts = zip(*rows, strict=True)
    tx.execute(
        statement("write_audit"),
        {
            "at": asker.now,
            "grantee": asker.principal.grantee if asker.principal else NOBODY,
            "client": asker.principal.client if asker.principal else None,
            "persons": list(persons), "grants": list(grants), "pks": list(pks), "counts": list(counts),
            "verb": verb, "rt": number_of(type_) if type_ else 0, "outcome": outcome, "request": asker.request,
            "query": _sealed(tx, asker),
        },
    )  # fmt: skip


def _sealed(tx: Tx, asker: Asker) -> bytes | None:
    if not asker.query:
        return None
    owner = number(asker.vault.keys.namer.derived("public"))
    text = asker.query[:_QUERY_MAX].encode()
    try:
        return asker.vault.seal(tx, owner, _AAD, text)
    except LookupError:
        asker.vault.ensure(tx, [owner], asker.now)
        return asker.vault.seal(tx, owner, _AAD, text)


def opened(tx: Tx, vault: Vault, sealed: bytes) -> str:
    """Return the text of a sealed query."""
    return vault.unseal(tx, number(vault.keys.namer.derived("public")), _AAD, sealed).decode()
