"""Shares: the grants that a person gave to others; made, paused, resumed and stopped, effective at the next statement.

A row of `grant_row` is the permission, the *why* of the audit log and the sentence that the patient reads at once
(trust rule book, sections 1 and 8). Every function works inside the caller's transaction and only on the person's own
shares, so that nobody can touch a grant of another person by guessing its number.
"""

from datetime import datetime
from typing import Any, Literal

from msgspec import Struct

from mainstem.store.access import new_grantee, write_grant
from mainstem.store.session import Tx
from mainstem.store.statements import statement
from mainstem.trust.categories import ALL, LABELS, PUBLIC, mask_of, names_in
from mainstem.trust.grants import Grant

State = Literal["active", "paused", "stopped", "ended"]
BASIS = "patient consent"
EVERYTHING = "everything"
"""In place of categories: all of them, those to come included, and sensitive items; only hidden items stay hidden."""


class Offer(Struct, frozen=True, kw_only=True):
    """What a person wants to share, before it is a grant."""

    name: str
    """Of the clinic's app or whoever receives it, as the person typed it."""
    categories: tuple[str, ...]
    """Names of `mainstem.trust.categories.CATEGORIES`, or `everything` alone."""
    since: datetime | None
    """Only data of this clinical date or later; None = all."""
    until: datetime


class Share(Struct, frozen=True, kw_only=True):
    """A share as it stands, with how often it was used."""

    id: int
    grantee: int
    name: str
    state: State
    categories: tuple[str, ...]
    since: datetime | None
    created: datetime
    until: datetime
    words: str
    looked: int
    last: datetime | None


class Look(Struct, frozen=True, kw_only=True):
    """Uses of the record that are alike and close in time: who, what, how often, and by which grant."""

    at: datetime
    who: str
    kind: str
    verb: str
    rt: int
    """FHIR type number; 0 = several types."""
    rows: int
    times: int
    outcome: str
    why: str
    """The words of the grant that let it through; empty for refusals."""


def terms(offer: Offer, *, grantee: int, person: int, now: datetime) -> Grant:
    """Return the offer as a grant; raises KeyError for a category that there is not.

    Named categories come without sensitive items; everything comes with them, but for what the person hid.
    """
    everything = EVERYTHING in offer.categories
    return Grant(
        grantee=grantee, person=person, cats=ALL if everything else mask_of(offer.categories),
        labels=ALL & ~LABELS["withheld"] if everything else 0, date_lo=offer.since,
        valid_from=now, valid_to=offer.until, purpose="treatment", basis=BASIS,
    )  # fmt: skip


def create(tx: Tx, person: int, offer: Offer, now: datetime) -> Share:
    """Make the receiver and its grant; a token for it comes from `mainstem.store.access`."""
    grantee = new_grantee(tx, kind="app", name=offer.name, now=now)
    grant = write_grant(tx, terms(offer, grantee=grantee, person=person, now=now), offer.name, now)
    share = find(tx, person, grant, now)
    assert share is not None  # written above, in this transaction
    return share


def own(tx: Tx, person: int, name: str, now: datetime) -> int:
    """Return the grantee that a person is, with the grant of their whole own record; made at the first call."""
    row = tx.execute(
        "select id from grantee where kind = 'patient' and person = %s order by given <> person, id limit 1", (person,)
    ).fetchone()
    if row is not None:
        return row[0]
    grantee = new_grantee(tx, kind="patient", name=name, person=person, now=now)
    grant = Grant(grantee=grantee, person=person, labels=ALL, valid_from=now, purpose="own access", basis="self")
    write_grant(tx, grant, name, now)
    return grantee


def pause(tx: Tx, person: int, grant: int, now: datetime) -> bool:
    """Hide everything from a share until `resume`; False when it is not the person's, or over."""
    return _changed(tx, "pause_share", person, grant, now)


def resume(tx: Tx, person: int, grant: int, now: datetime) -> bool:
    """Let a paused share see again, within its time."""
    return _changed(tx, "resume_share", person, grant, now)


def stop(tx: Tx, person: int, grant: int, now: datetime) -> bool:
    """End a share for good, and its tokens with it."""
    return _changed(tx, "stop_share", person, grant, now)


def _changed(tx: Tx, name: str, person: int, grant: int, now: datetime) -> bool:
    return tx.execute(statement(name), {"person": person, "grant": grant, "now": now}).fetchone() is not None


def find(tx: Tx, person: int, grant: int, now: datetime) -> Share | None:
    """Return one share of the person, or None when there is none of this number."""
    return next((share for share in shares(tx, person, now) if share.id == grant), None)


def shares(tx: Tx, person: int, now: datetime) -> list[Share]:
    """Return all shares of a person, the newest first."""
    rows = tx.execute(statement("shares"), {"person": person, "basis": BASIS}).fetchall()
    return [_share(row, now) for row in rows]


def _share(row: tuple[Any, ...], now: datetime) -> Share:
    grant, grantee, name, cats, since, created, until, paused, stopped, words, looked, last = row
    return Share(
        id=grant, grantee=grantee, name=name, state=_state(paused, stopped, until, now),
        categories=(EVERYTHING,) if cats == ALL else names_in(cats & ~PUBLIC), since=since, created=created,
        until=until, words=words, looked=looked, last=last,
    )  # fmt: skip


def _state(paused: datetime | None, stopped: datetime | None, until: datetime, now: datetime) -> State:
    if stopped is not None:
        return "stopped"
    if until <= now:
        return "ended"
    return "active" if paused is None else "paused"


def activity(tx: Tx, person: int, *, others_only: bool, limit: int) -> list[Look]:
    """Return who looked at a person's record, newest first; machine reads of one hour are one line (Estonia, §8)."""
    rows = tx.execute(
        statement("activity"), {"person": person, "basis": BASIS, "others": others_only, "limit": limit}
    ).fetchall()
    return [
        Look(at=at, who=who, kind=kind, verb=verb, rt=rt, rows=count, times=times, outcome=outcome, why=why)
        for at, who, kind, verb, rt, count, times, outcome, why in rows
    ]
