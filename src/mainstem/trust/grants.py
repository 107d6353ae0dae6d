"""A grant: who may do what with which data of whom, until when, and why; and the sentence that a person reads of it.

Grants are permit-only rows; what no grant names is not there (trust rule book, sections 0 and 1).
"""

from datetime import datetime

from msgspec import Struct

from mainstem.trust.categories import ALL, CATEGORIES, CATEGORY_WORDS, LABELS, OTHER, PUBLIC, names_in

NEVER = datetime.fromisoformat("9999-12-31T00:00:00+00:00")
"""The end of a grant without one."""


class Grant(Struct, frozen=True, kw_only=True):
    """One permit-only row: a box of types, categories, labels, clinical dates, validity and verbs."""

    grantee: int
    person: int | None
    """Number of the person whose data it opens; None = of all people."""
    types: tuple[str, ...] = ()
    """FHIR types; empty = all."""
    cats: int = ALL
    """Category mask; the public category is always covered."""
    labels: int = 0
    """Sensitivity labels that it may see: 0 = none, -1 = all."""
    date_lo: datetime | None = None
    date_hi: datetime | None = None
    """Window of the clinical date, half-open."""
    valid_from: datetime
    valid_to: datetime = NEVER
    verbs: str = "rs"
    purpose: str
    basis: str
    """Such as `patient consent`, `operator`, `self`."""

    @property
    def mask(self) -> int:
        """The category mask that is stored: everything, or the named ones with the public category."""
        return self.cats if self.cats == ALL else self.cats | PUBLIC


def operator_grant(grantee: int, verbs: str, now: datetime, until: datetime) -> Grant:
    """Return the grant behind `mainstem token`: everybody's data, for the life of the token."""
    return Grant(
        grantee=grantee, person=None, labels=ALL, valid_from=now, valid_to=until, verbs=verbs,
        purpose="operation", basis="operator",
    )  # fmt: skip


def sentence(grant: Grant, name: str, *, whose: str = "your") -> str:
    """Return the grant in plain words, made from the row itself so that it cannot drift from it.

    `Harbour Clinic can see your lab results from 2024-01-01 on until 2027-05-01.`
    """
    deed = "see and change" if set(grant.verbs) & set("cud") else "see"
    owner = "everybody's" if grant.person is None else whose
    parts = [f"{name} can {deed} {owner} {_things(grant)}", _window(grant), _hidden(grant), _until(grant)]
    return " ".join(part for part in parts if part) + "."


def _things(grant: Grant) -> str:
    if grant.cats == ALL:
        named = "whole record"
    else:
        names = [name for name in names_in(grant.cats & ~(PUBLIC | OTHER)) if name in CATEGORIES]
        named = _listed([CATEGORY_WORDS[name] for name in names]) or "public entries"
    return f"{named} ({_listed(list(grant.types))} only)" if grant.types else named


def _window(grant: Grant) -> str:
    lo = f"from {grant.date_lo:%Y-%m-%d} on" if grant.date_lo else ""
    hi = f"before {grant.date_hi:%Y-%m-%d}" if grant.date_hi else ""
    return " ".join(part for part in (lo, hi) if part)


def _hidden(grant: Grant) -> str:
    if grant.labels == ALL:
        return ""
    seen = names_in(grant.labels, LABELS)
    return f"(of sensitive items only: {', '.join(seen)})" if seen else "without sensitive items"


def _until(grant: Grant) -> str:
    return "" if grant.valid_to >= NEVER else f"until {grant.valid_to:%Y-%m-%d}"


def _listed(words: list[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}" if words else ""
