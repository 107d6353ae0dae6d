"""Numbers and grades out of text, and never a number out of what is not one.

`Value=5.0 units=[pH]`, `7.2 mg/dL`, `<5`, `2+ (100mg/dL)` are numbers; `1-2`, `1:80`, `7,2`, `1,250`, `TNP`,
`see note`, `hemolyzed` are not and stay text.
"""

import re
from decimal import Decimal
from functools import cache, lru_cache

from msgspec import Struct

from mainstem.harmonise.tables import rows

_LONGEST = 80
_NUMBER = r"(?P<value>[+-]?(?:\d{1,12}(?:\.\d{1,12})?|\.\d{1,12}))"
_COMPARED = r"(?P<comparator><=|>=|<|>|\u2264|\u2265)?\s*" + _NUMBER
_UNIT = r"(?P<unit>(?:[^\W\d_]|[%#\[{\u00b0\u02da]|/(?=[A-Za-z\[{#])).{0,39}|10[*^eEx].{0,30})?"
_GRADED = r"(?:[1-4]\s?\+|\+{1,4}|trace|negative|small|moderate|large)"
_PATTERNS = tuple(
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        # A vendor writes a quantity out: `Value=5.0 units=[pH]`.
        r"value\s*=\s*" + _COMPARED + r"\s*[,;]?\s*units?\s*=\s*(?P<unit>\S.{0,39})?",
        # A grade with its number in brackets: `2+ (100mg/dL)`.
        _GRADED + r"\s*\(\s*" + _COMPARED + r"\s*" + _UNIT + r"\s*\)",
        _COMPARED + r"\s*" + _UNIT,
    )
)
_COMPARATORS = {"\u2264": "<=", "\u2265": ">=", None: ""}


class Number(Struct, frozen=True):
    """A number that a text states, with its comparator (FHIR quantity-comparator or empty) and unit as written."""

    value: Decimal
    comparator: str
    unit: str


class Grade(Struct, frozen=True):
    """A step of an ordinal scale: negative < trace < 1+ < 2+ < 3+ < 4+, or one of the two- and three-step scales."""

    code: str
    display: str


@lru_cache(maxsize=20_000)
def number(text: str) -> Number | None:
    """Return the one number that the whole text states, or None."""
    text = text.strip()
    if len(text) > _LONGEST:
        return None
    for pattern in _PATTERNS:
        match = pattern.fullmatch(text)
        if match:
            comparator = match["comparator"]
            unit = (match["unit"] or "").strip()
            return Number(Decimal(match["value"]), _COMPARATORS.get(comparator, comparator), unit)
    return None


@lru_cache(maxsize=20_000)
def grade(text: str) -> Grade | None:
    """Return the ordinal step that the whole text names, or None."""
    return _by_text().get(" ".join(text.split()).casefold().rstrip(".")) if len(text) <= _LONGEST else None


def graded(system: str, code: str) -> Grade | None:
    """Return the ordinal step that a coded answer means, or None."""
    return _by_code().get((system, code))


@cache
def _by_text() -> dict[str, Grade]:
    return {row["spelling"]: Grade(row["grade"], row["display"]) for row in rows("grades") if row["spelling"]}


@cache
def _by_code() -> dict[tuple[str, str], Grade]:
    return {(row["system"], row["code"]): Grade(row["grade"], row["display"]) for row in rows("grades") if row["code"]}
