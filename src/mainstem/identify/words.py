"""The data tables of identification, and the one way in which names and lines are folded before they are compared."""

import csv
import re
import unicodedata
from collections.abc import Mapping
from importlib.resources import files
from types import MappingProxyType


def rows(name: str) -> list[dict[str, str]]:
    """Return the rows of a CSV table beside this module."""
    text = files("mainstem.identify").joinpath(name).read_text(encoding="utf-8")
    return list(csv.DictReader(text.splitlines()))


def _column(name: str, key: str, value: str) -> Mapping[str, str]:
    return MappingProxyType({row[key]: row[value] for row in rows(name)})


LETTERS = _column("letters.csv", "letter", "plain")
"""Letters that NFKD leaves whole, as they are written without them."""
PARTICLES = frozenset(_column("particles.csv", "word", "source"))
"""Words of a family name that alone name nobody; they are kept in the whole name."""
GENERATIONS = _column("generations.csv", "word", "generation")
STREETS = _column("streets.csv", "word", "standard")

_PLACEHOLDERS = frozenset((row["kind"], row["value"]) for row in rows("placeholders.csv"))
_LETTER_TABLE = str.maketrans(dict(LETTERS))
_APOSTROPHES = re.compile(r"['\u2018\u2019\u02bc\u02bb\u00b4`.]")
_NOT_WORD = re.compile(r"[\W_]+")


def is_placeholder(kind: str, value: str) -> bool:
    """Tell whether a folded value says that nothing is known; such values chain strangers into one person."""
    return (kind, value) in _PLACEHOLDERS


def fold(text: str) -> str:
    """Return words in lower case without marks and punctuation, one blank between: `Peña-O'Neil` → `pena oneil`."""
    if text.isascii():
        plain = text.lower()
    else:
        small = unicodedata.normalize("NFKD", text).casefold()  # opened first: some styled letters hide a capital
        open_text = unicodedata.normalize("NFKD", small.translate(_LETTER_TABLE))
        plain = "".join(each for each in open_text if not unicodedata.combining(each))
    return _NOT_WORD.sub(" ", _APOSTROPHES.sub("", plain)).strip()
