"""Persons: source patient records that were found to be of one human being, by links and never by merging."""

from enum import StrEnum

from msgspec import Struct


class Demographics(Struct, frozen=True, kw_only=True):
    """What a patient record says of its person, standardised for comparison; empty tuples and "" = not stated."""

    record: str
    """Public id of the source's Patient record, from `Namer.record`."""
    source: str
    identifiers: tuple[tuple[str, str], ...] = ()
    """(system URI, value) of real assigners; placeholders and shared numbers (account, policy) are left out."""
    assigned: tuple[tuple[str, str], ...] = ()
    """Those of `identifiers` of which the assigner gives a person one only, and that are in use: two of them differ."""
    given: tuple[str, ...] = ()
    """All given names of all names, current and previous, folded."""
    first: tuple[str, ...] = ()
    """The first given name of each name: two people of one household may share a middle name."""
    family: tuple[str, ...] = ()
    """All family names of all names, current and previous, folded: whole, and their parts without particles."""
    suffixes: tuple[str, ...] = ()
    """Generation within a family: `sr`, `jr`, `3`, `4` …"""
    birth_date: str = ""
    """`YYYY-MM-DD`, or empty; placeholders such as 1900-01-01 are empty."""
    sex: str = ""
    """FHIR administrative gender: male, female, other; empty when unknown."""
    phones: tuple[str, ...] = ()
    """Digits only, national form."""
    emails: tuple[str, ...] = ()
    addresses: tuple[str, ...] = ()
    """`line|postal code`, folded and standardised."""
    postal_codes: tuple[str, ...] = ()
    cities: tuple[str, ...] = ()
    multiple_birth: bool = False


class Verdict(StrEnum):
    """What was decided of two patient records."""

    SAME = "same"
    DIFFERENT = "different"
    REVIEW = "review"
    LAPSED = "lapsed"
    """An earlier automatic decision that the records no longer support (LINK-4)."""


class Decision(Struct, frozen=True, kw_only=True):
    """One line of the append-only link ledger. `left < right`, both public ids of patient records."""

    left: str
    right: str
    verdict: Verdict
    rule: str
    evidence: tuple[str, ...]
    """What agreed and what conflicted, as words without the values themselves: `birth date agrees`."""
    actor: str = "automatic"
