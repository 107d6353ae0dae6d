"""Who asks, and the one predicate that says which rows there are for them (trust rule book, sections 0 and 1).

`VISIBLE` stands in every statement that reads a person's data; `WHY` names the grant that let a row through, for the
audit. Both read the row as `r` (rt, person, cat, labels, dlo) and take the parameters of `Principal.powers`. What is
not visible does not exist: no count, no page, no error text tells it from what was never there.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any, LiteralString

from msgspec import Struct

from mainstem.fhir.types import TYPES, number_of
from mainstem.store.session import Tx
from mainstem.store.statements import statement
from mainstem.trust.categories import DATELESS, PUBLIC
from mainstem.trust.grants import Grant, operator_grant, sentence
from mainstem.trust.scopes import BadScopeError, Reach, Scope, Verb, parse_scopes, reach
from mainstem.trust.tokens import fingerprint, new_token


def _squeezed(name: str) -> LiteralString:
    """Return a statement without comments and line breaks: the driver remembers texts up to 4,096 characters only."""
    space: LiteralString = " "
    return space.join([line.strip() for line in statement(name).splitlines() if not line.startswith("--")])


_BOX = _squeezed("box")
_PERMITTED = _squeezed("permitted").replace("$box", _BOX)

VISIBLE_ALONE: LiteralString = _squeezed("visible").replace("$grantee", _PERMITTED.replace("$who", "%(grantee)s"))
"""`VISIBLE` for an asker without a client: half the text to send and to plan."""

VISIBLE: LiteralString = (
    "(" + VISIBLE_ALONE + " and (%(client)s::int is null or (" + _PERMITTED.replace("$who", "%(client)s::int") + ")))"
)
"""Whether row `r` exists for the asker: the scopes, a grant of the grantee and, where an app acts for them, its own."""

WHY: LiteralString = _squeezed("why").replace("$box", _BOX)
"""The grant that let row `r` through."""


class Principal(Struct, frozen=True, kw_only=True):
    """Who asks: a grantee, perhaps through an app (`client`), with what a token lets them ask for."""

    grantee: int
    kind: str
    """patient, clinician, app, job, link, operator."""
    name: str
    client: int | None
    person: int | None
    """The person that a grantee of kind patient is."""
    scopes: tuple[Scope, ...]

    def reach(self, verb: Verb) -> Reach:
        """Return the types that the token may ask for with this verb."""
        return reach(self.scopes, verb)

    @property
    def visible(self) -> LiteralString:
        """`VISIBLE`, or its shorter form where nobody acts for anybody."""
        return VISIBLE_ALONE if self.client is None else VISIBLE

    def powers(self, verb: Verb, now: datetime) -> dict[str, Any]:
        """Return the parameters of `VISIBLE` and `WHY`."""
        allowed = self.reach(verb)
        return {
            "grantee": self.grantee, "client": self.client, "own": self.person, "verb": verb, "now": now,
            "wide": _numbers(allowed.types), "narrow": _numbers(allowed.own_types),
            "public": PUBLIC, "dateless": DATELESS,
        }  # fmt: skip


def authenticate(tx: Tx, token: str, now: datetime) -> Principal | None:
    """Return who holds a living bearer or session token; None for anything else, without saying which."""
    digest = fingerprint(token)
    row = digest and tx.execute(statement("principal"), {"hash": digest, "now": now}).fetchone()
    if not row:
        return None
    grantee, client, scope, kind, name, person = row
    try:
        scopes = _scopes(scope)
    except BadScopeError:
        return None
    return Principal(grantee=grantee, client=client, kind=kind, name=name, person=person, scopes=scopes)


def issue_token(
    tx: Tx, *, grantee: int, scope: str, expires: datetime, now: datetime, random_bytes: Callable[[int], bytes],
    client: int | None = None, kind: str = "bearer",
) -> str:  # fmt: skip
    """Make a token for a grantee and return it: the only time that it is seen. Raises `BadScopeError`."""
    parse_scopes(scope)
    token = new_token(random_bytes)
    row = {
        "hash": fingerprint(token), "grantee": grantee, "client": client, "kind": kind, "scope": scope,
        "created": now, "expires": expires,
    }  # fmt: skip
    tx.execute(statement("issue_token"), row)
    return token


def operator_token(
    tx: Tx, *, scope: str, ttl: timedelta, now: datetime, random_bytes: Callable[[int], bytes], name: str = "operator"
) -> str:
    """Return a token over everybody's data for its own life, with a grantee and a grant of its own (`mainstem token`).

    Raises `BadScopeError`; a `patient/` scope is refused, since such a token stands for no person.
    """
    scopes = parse_scopes(scope)
    if any(each.context == "patient" for each in scopes):
        raise BadScopeError("a patient/ scope needs a person; an operator's token takes system/ scopes")
    verbs = "".join(verb for verb in "cruds" if any(verb in each.verbs for each in scopes))
    grantee = new_grantee(tx, kind="operator", name=name, now=now)
    write_grant(tx, operator_grant(grantee, verbs, now, now + ttl), name, now)
    return issue_token(tx, grantee=grantee, scope=scope, expires=now + ttl, now=now, random_bytes=random_bytes)


def new_grantee(tx: Tx, *, kind: str, name: str, now: datetime, person: int | None = None) -> int:
    """Register somebody to whom something can be granted and return their number."""
    row = tx.execute(
        "insert into grantee (kind, name, person, given, created) values (%s, %s, %s, %s, %s) returning id",
        (kind, name, person, person, now),
    ).fetchone()
    return row[0] if row else 0


def write_grant(tx: Tx, grant: Grant, name: str, now: datetime) -> int:
    """Store a grant with the sentence that a person reads of it (`name` = the grantee's) and return its number."""
    row = {
        "grantee": grant.grantee, "person": grant.person, "types": [number_of(each) for each in grant.types],
        "cats": grant.mask, "labels": grant.labels, "date_lo": grant.date_lo, "date_hi": grant.date_hi,
        "valid_from": grant.valid_from, "valid_to": grant.valid_to, "verbs": grant.verbs, "purpose": grant.purpose,
        "basis": grant.basis, "words": sentence(grant, name), "created": now,
    }  # fmt: skip
    found = tx.execute(statement("write_grant"), row).fetchone()
    return found[0] if found else 0


@lru_cache(maxsize=1_000)
def _scopes(text: str) -> tuple[Scope, ...]:
    return parse_scopes(text)


def _numbers(types: frozenset[str] | None) -> list[int] | None:
    return None if types is None else [TYPES[each].number for each in sorted(types) if each in TYPES]
