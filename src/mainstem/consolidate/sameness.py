"""The declared rules of sameness, read once: code families (`sameness.csv`) and rules per type (`sameness.toml`)."""

import csv
import tomllib
from importlib.resources import files
from typing import Any

from msgspec import Struct, convert

_PACKAGE = "mainstem.consolidate"


class Family(Struct, frozen=True, kw_only=True):
    """Codes that name one measured thing; `part` tells the halves of a pair apart (blood pressure)."""

    family: str
    part: str


def _families() -> dict[str, Family]:
    text = (files(_PACKAGE) / "sameness.csv").read_text(encoding="utf-8")
    return {row["code"]: Family(family=row["family"], part=row["part"]) for row in csv.DictReader(text.splitlines())}


def _declared() -> dict[str, Any]:
    return tomllib.loads((files(_PACKAGE) / "sameness.toml").read_text(encoding="utf-8"))


class Blocks(Struct, frozen=True, kw_only=True):
    """How facts of each type are brought before one another."""

    whole: frozenset[str]
    """Types of which all facts of a person form one block."""
    identified: frozenset[str]
    """Types that form a block per business identifier, else per content."""
    identifier_systems: dict[str, tuple[str, ...]]
    """Per identified type: the only identifier systems that name one thing everywhere; empty = every system does."""


FAMILIES = _families()
"""LOINC code → family."""
BLOCKS = convert(_declared()["blocks"], Blocks)
