"""How searchable values become blind 64-bit tokens (trust rule book, section 4.4); the same words to index and to ask.

Forms, below `(type, parameter)`: a token value gives `system|code`, `code` and `system|`, or without a system `|code`;
a string gives `=` + the text as it stands and `^` + each normalised prefix of 1 to 12 characters of the whole and of
each word; a reference gives the id that it ends in, or all of it; a day gives year, month and day as written.
"""

import re
import unicodedata
from functools import lru_cache
from typing import Any

from mainstem.fhir.references import RELATIVE
from mainstem.model.ids import Namer
from mainstem.model.moment import parse_moment

PREFIX_MAX = 12
"""Longest prefix of a string that has a token; a longer one asked for is checked on the body."""

_FOLDED = str.maketrans(
    {"ø": "o", "ł": "l", "đ": "d", "ħ": "h", "ß": "ss", "æ": "ae", "œ": "oe", "\u0131": "i", "þ": "th", "ð": "d"}
)
_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_MASK = (1 << 64) - 1
_SIGN = 1 << 63
_ODD = 0x9E3779B97F4A7C15


def normalised(text: str) -> str:
    """Return the text without case, accents, punctuation and spaces: `O'Brien` → `obrien`, `Łukasz` → `lukasz`."""
    if text.isascii() and text.isalnum():
        return text.lower()
    folded = unicodedata.normalize("NFKD", text.casefold().translate(_FOLDED)).translate(_FOLDED)
    return "".join(character for character in folded if character.isalnum())


@lru_cache(maxsize=30_000)
def coded(key: bytes, type_: str, parameter: str, system: str | None, code: str | None) -> tuple[int, ...]:
    """Return the tokens under which a coding, identifier, contact point or code is found."""
    namer = Namer(key)
    forms = [f"{system}|{code}" if system else f"|{code}", code] if code is not None else []
    if system:
        forms.append(f"{system}|")
    return tuple(namer.token(type_, parameter, form) for form in forms if form)


@lru_cache(maxsize=30_000)
def plain(key: bytes, type_: str, parameter: str, code: str) -> tuple[int, ...]:
    """Return the token of a value of the datatype code, boolean, uri or of a reference."""
    return (Namer(key).token(type_, parameter, code),)


@lru_cache(maxsize=10_000)
def words(key: bytes, type_: str, parameter: str, text: str) -> tuple[int, ...]:
    """Return the tokens of a string: exact, and the prefixes of the whole and of each of its words."""
    namer = Namer(key)
    whole = {normalised(part) for part in (text, *text.split())} - {""}
    prefixes = {part[:size] for part in whole for size in range(1, min(len(part), PREFIX_MAX) + 1)}
    return (
        namer.token(type_, parameter, f"={text}"),
        *(namer.token(type_, parameter, f"^{prefix}") for prefix in sorted(prefixes)),
    )


@lru_cache(maxsize=10_000)
def days(key: bytes, type_: str, parameter: str, text: str) -> tuple[int, ...]:
    """Return the tokens of the year, month and day of a date as written; none when it is not a date."""
    moment = parse_moment(text)
    if moment is None:
        return ()
    namer = Namer(key)
    return tuple(namer.token(type_, parameter, moment.day[:size]) for size in (4, 7, 10) if len(moment.day) >= size)


def scoped(token: int, person: int) -> int:
    """Return the token of a value within one person's record, from the value's token and the person's number.

    Reveals nothing that the row's own token and person column do not say already.
    """
    mixed = (token ^ (person * _ODD)) & _MASK
    return mixed - (1 << 64) if mixed & _SIGN else mixed


def target(reference: str) -> str:
    """Return what names a reference's target in the index: the id of `Type/id`, or the whole text of a foreign one."""
    match = RELATIVE.fullmatch(reference)
    return match[2] if match else reference


@lru_cache(maxsize=30_000)
def record(key: bytes, reference: str) -> tuple[int, ...]:
    """Return the token of a reference to a record of this store other than a patient (`Type/<uuid>`), else none."""
    match = RELATIVE.fullmatch(reference)
    if match is None or match[1] == "Patient" or not _UUID.fullmatch(match[2]):
        return ()
    return (Namer(key).token("ref", match[2]),)


def coding_of(value: Any) -> list[tuple[str | None, str | None]]:  # noqa: ANN401 - decoded JSON
    """Return the (system, code) pairs of a CodeableConcept, Coding, Identifier, ContactPoint, code or boolean."""
    kind = value.__class__  # compared by identity: this runs for each value of each resource
    if kind is str:
        return [(None, value)]
    if kind is bool:
        return [(None, "true" if value else "false")]
    if kind is not dict:
        return []
    codings = value.get("coding")
    return [_pair(value)] if codings is None else [_pair(each) for each in codings if each.__class__ is dict]


def _pair(value: dict[str, Any]) -> tuple[str | None, str | None]:
    return _text(value.get("system")), _text(value.get("code") or value.get("value"))


def _text(value: object) -> str | None:
    return value if value.__class__ is str and value else None  # pyright: ignore[reportReturnType] - it is a str
