"""Persons: source patient records that were found to be of one human being, by links and never by merging."""

from enum import StrEnum

from msgspec import Struct


class Demographics(Struct, frozen=True, kw_only=True):
    """What a patient record says of its person, standardised for comparison; empty tuples and "" = not stated."""

    record: str
    """Public id of the source's Patient record, from `Namer.record`."""
    source: str
    identifiers: tuple[tuple[str, str], ...] = ()
    """(system URI of the assigner, value); placeholder values left out."""
    given: tuple[str, ...] = ()
    """All given names of all names, current and previous, folded."""
    family: tuple[str, ...] = ()
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
