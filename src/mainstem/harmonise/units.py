"""From what a source writes as a unit to UCUM, and from one UCUM unit to another.

The alias table comes before the parser, because many spellings are valid UCUM with another meaning: `K/uL` is kelvin
per microlitre, `pH` a picohenry. A refusal is a normal result.
"""

import unicodedata
from functools import lru_cache

from mainstem.harmonise.tables import rows
from mainstem.harmonise.ucum import Conversion, NotAUnitError, between, parse

UNSTATED = ""
"""The source wrote something that names no unit (`units`, `N/A`, `+/-`) or nothing at all."""

_LONGEST = 60
_UNIFORM = str.maketrans({"\u03bc": "u", "\u00b5": "u", "\u2215": "/", "\u2044": "/", "\u00d7": "x", "\u00b7": "."})


def _tidy(text: str) -> str:
    """Unify micro signs, full-width forms and blanks; case stays."""
    if text.isascii():
        return text if text.isprintable() and " " not in text else " ".join(text.split())
    # Superscripts first: NFKC would turn m² into m2, which is what is meant, and ㎎ into mg.
    return " ".join(unicodedata.normalize("NFKC", text.translate(_UNIFORM)).translate(_UNIFORM).split())


def folded(text: str) -> str:
    """Return a spelling without case and blanks."""
    return _tidy(text).replace(" ", "").casefold()


_EXACT = {_tidy(row["spelling"]): row["ucum"] for row in rows("aliases") if row["case"] == "exact"}
_ANY_CASE = {folded(row["spelling"]): row["ucum"] for row in rows("aliases") if row["case"] == "any"}


@lru_cache(maxsize=20_000)
def resolve(text: str) -> str | None:
    """Return the UCUM code that a source's spelling means, `UNSTATED`, or None when it is unknown.

    Exact spelling first, then without regard to case and blanks, then UCUM itself.
    """
    tidy = _tidy(text)
    if not tidy or tidy in _EXACT:
        return _EXACT.get(tidy, UNSTATED)
    alias = _ANY_CASE.get(folded(tidy))
    if alias is not None:
        return alias
    return tidy if is_ucum(tidy) else None


def is_ucum(code: str) -> bool:
    """Whether the text is a case-sensitive UCUM code (UCUM 2.2 §2)."""
    if len(code) > _LONGEST or not code.isascii():
        return False
    try:
        parse(code)
    except (NotAUnitError, RecursionError):
        return False
    return True


@lru_cache(maxsize=20_000)
def conversion(source: str, target: str) -> Conversion | None:
    """Return the exact conversion between two UCUM codes; None when there is none without knowing the analyte."""
    if not (is_ucum(source) and is_ucum(target)):
        return None
    return between(parse(source), parse(target))
