"""Blocking keys: two records that share one are compared (harmonise rule book, section 6.4: the keys that worked)."""

from collections.abc import Iterator

from mainstem.identify.assigned import NATIONAL_SYSTEMS
from mainstem.model.ids import Namer
from mainstem.model.person import Demographics

_LAST = 4


def keys(person: Demographics, namer: Namer) -> list[int]:
    """Return the blind keys of a patient record, sorted; all current and previous names and places take part."""
    return sorted({namer.token("identify", *parts) for parts in _keys(person)})


def _keys(person: Demographics) -> Iterator[tuple[str, ...]]:
    born, year = person.birth_date, person.birth_date[:4]
    for system, value in person.identifiers:
        yield "identifier", system, value
    for number in person.phones:
        yield "phone", number
    for address in person.emails:
        yield "email", address
    for address in person.addresses:
        yield "address", address
    for first in person.first:
        for family in person.family:
            yield from _named(first, family, year, born)
            yield from (("name place", first, family, code) for code in person.postal_codes)
    if born:
        yield from (("first born", first, born) for first in person.first)
        yield from (("family born", family, born) for family in person.family)
        yield from (("born place", born, code) for code in person.postal_codes)
    yield from _last_digits(person)


def _named(first: str, family: str, year: str, born: str) -> Iterator[tuple[str, ...]]:
    if year:
        yield "name year", first, family, year
    if born:
        yield "names born", *sorted((first, family)), born


def _last_digits(person: Demographics) -> Iterator[tuple[str, ...]]:
    for system, value in person.identifiers:
        if system in NATIONAL_SYSTEMS:
            if person.birth_date:
                yield "born digits", person.birth_date, value[-_LAST:]
            for family in person.family:
                yield from (("family digits", family, value[-_LAST:], first[0]) for first in person.first)
