"""The declared rules of sameness, read once: code families and tolerances (CSV), rules per type (`sameness.toml`)."""

import csv
import tomllib
from decimal import Decimal
from importlib.resources import files
from typing import Any, Literal

from msgspec import Struct, convert

_PACKAGE = "mainstem.consolidate"


class Family(Struct, frozen=True, kw_only=True):
    """Codes that name one measured thing; `part` tells the halves of a pair apart (blood pressure)."""

    family: str
    part: str
    name: str
    window: Literal["", "day", "ever"]
    """How long a statement holds: its instant, its calendar day (a height), or always (the sex at birth)."""


class Blocks(Struct, frozen=True, kw_only=True):
    """How facts of each type are brought before one another."""

    whole: frozenset[str]
    """Types of which all facts of a person form one block."""
    identified: frozenset[str]
    """Types that form a block per business identifier, else per content."""
    identifier_systems: dict[str, tuple[str, ...]]
    """Per identified type: the only identifier systems that name one thing everywhere; empty = every system does."""


class Tolerance(Struct, frozen=True, kw_only=True):
    """How far apart two numbers of one unit may be and still be the same; `absolute` stands in place of `relative`."""

    relative: Decimal
    rounding: Decimal
    """Rounding counts for converted values only, where half of the last digit is at most this share of the value."""
    absolute: Decimal | None = None


class Joined(Struct, frozen=True, kw_only=True):
    """What the shown body takes over from the other members of its group (CONS-13)."""

    union: tuple[str, ...] = ()
    """Lists of which every member's items are kept."""
    fill: tuple[str, ...] = ()
    """Elements taken from the next best member that states them, where the best one does not."""
    time: tuple[str, ...] = ()
    """Elements of time, taken from a timed part where the body itself is only dated."""
    codes: tuple[str, ...] = ()
    """CodeableConcepts of which every member's codings are kept."""


class Jump(Struct, frozen=True, kw_only=True):
    """A change that no body makes: by `ratio` or more within `days`; `factor` leads to the unit that is often meant."""

    ratio: Decimal
    days: int
    factor: Decimal
    unit: str


class Codes(Struct, frozen=True, kw_only=True):
    """What codings say of sameness."""

    vague_systems: frozenset[str]
    vague_codes: frozenset[str]
    """Codings that name no particular thing: nothing is the same because of one of them."""
    leading: frozenset[str]
    """Systems that name the thing itself; where both sides use one, classifications and packages do not count."""


class ClaimRule(Struct, frozen=True, kw_only=True):
    """When two facts of a type state the same thing."""

    code: tuple[str, ...]
    """Elements that say what it is; any shared coding counts."""
    start: tuple[str, ...]
    end: tuple[str, ...] = ()
    grain: Literal["minute", "day"]
    """Whether the time of day tells two of them apart."""
    undated: Literal["join", "content", "never"]
    """join = an undated one belongs to the only one that fits; content = only to its own repetition; never = stays."""
    negative: dict[str, tuple[str, ...]] = {}
    """Element → codes under which the statement says that it is not so; never grouped with the positive (CCDA-3)."""
    past: dict[str, tuple[str, ...]] = {}
    """Element → codes under which it no longer holds: no contradiction to "none known"."""
    until: tuple[str, ...] = ()
    """Elements that say when it stopped to hold."""
    equal: tuple[str, ...] = ()
    """Elements that must be equal, also in being absent."""
    compatible: tuple[str, ...] = ()
    """CodeableConcepts that must share a coding or words where both state them."""
    dose: str = ""
    """Element of Dosage items that must agree (CONS-7)."""
    reported: tuple[str, ...] = ()
    """Elements in which members may differ; the difference is said in the certificate and marked."""
    shown: tuple[str, ...] = ()
    """Those of `reported` whose difference is also raised as an issue."""
    episodes: tuple[str, ...] = ()
    """Categories whose statements are of one visit each: two onsets of them are two, and they contradict nothing."""
    lasting: bool = False
    """One thing with two onsets in two sources is a difference to show, not two things to count."""


def _rows(name: str) -> list[dict[str, str]]:
    text = (files(_PACKAGE) / name).read_text(encoding="utf-8")
    return list(csv.DictReader(text.splitlines()))


def _declared() -> dict[str, Any]:
    return tomllib.loads((files(_PACKAGE) / "sameness.toml").read_text(encoding="utf-8"), parse_float=Decimal)


_DECLARED = _declared()
_FAMILY = ("family", "part", "name", "window")

FAMILIES = {row["code"]: convert({name: row[name] for name in _FAMILY}, Family) for row in _rows("sameness.csv")}
"""LOINC code → family."""
JUMPS = {
    row["family"]: Jump(
        ratio=Decimal(row["ratio"]), days=int(row["days"]), factor=Decimal(row["factor"]), unit=row["unit"]
    )
    for row in _rows("jumps.csv")
}
"""Family → implausible change."""
ABSENT = {(row["type"], row["system"], row["code"]): row["scope"] for row in _rows("absent.csv")}
"""(type, system, code) that states that nothing of a scope is known → the scope; "" = of the whole type (CONS-18)."""
BLOCKS = convert(_DECLARED["blocks"], Blocks)
CLAIMS = convert(_DECLARED["claims"], dict[str, ClaimRule])
"""Type → rule, for all types but Patient and Observation."""
DOCUMENTS = convert(_DECLARED["documents"], dict[str, tuple[str, ...]])
"""Identified type → elements that must agree beside the identifier."""
CODES = convert(_DECLARED["codes"], Codes)
JOINED = convert(_DECLARED["joined"], dict[str, Joined])
"""Type → what its shown body takes over; `Any` for the types that are not named."""
_TOLERANCE = convert(_DECLARED["tolerance"], Tolerance)
_TOLERANCES = {
    row["code"]: Tolerance(
        relative=_TOLERANCE.relative, rounding=_TOLERANCE.rounding, absolute=Decimal(row["absolute"])
    )
    for row in _rows("tolerances.csv")
}


def tolerance_of(code: str) -> Tolerance:
    """Return the tolerance of a LOINC code, or the default of ±1 %."""
    return _TOLERANCES.get(code, _TOLERANCE)


def joined_of(type_: str) -> Joined:
    """Return what the shown body of a type takes over from its other members."""
    return JOINED.get(type_, JOINED["Any"])
