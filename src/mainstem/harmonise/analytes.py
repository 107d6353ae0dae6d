"""What a LOINC code measures, and which conversions its chemistry allows: the layer above UCUM; default: refuse.

Mass to molar needs the molar mass, equivalents need the charge, HbA1c needs its master equation, an international
unit is an enzyme unit for enzymes only. The tables are `analytes.csv`, `families.csv` and `equations.csv`.
"""

from decimal import ROUND_HALF_EVEN, Context, Decimal
from fractions import Fraction
from functools import cache, lru_cache

from msgspec import Struct

from mainstem.harmonise.tables import rows
from mainstem.harmonise.ucum import Unit, between, parse, times
from mainstem.harmonise.units import is_ucum

LEAST_DIGITS = 4
"""A result keeps at least these significant digits: fewer would lose up to half a per cent."""

_EXACT = Context(prec=60)
_AT = tuple(Context(prec=max(digits, 1), rounding=ROUND_HALF_EVEN) for digits in range(32))
_STEPS = {exponent: Decimal(1).scaleb(exponent) for exponent in range(-120, 1)}
_NOTHING = Decimal(0)
_LARGEST_SCALE = Fraction(10**30)
"""No two units of one measurement are further apart; `10*99.g` is valid UCUM."""
_MOLE = Unit(Fraction(1), (("mol", 1),))
_EQUIVALENT = Unit(Fraction(1), (("eq", 1),))
_GRAM = Unit(Fraction(1), (("g", 1),))


class Limits(Struct, frozen=True):
    """Bands in the canonical unit: outside `absolute` no living person has it, outside `plausible` hardly anyone."""

    absolute: tuple[Decimal, Decimal] | None
    plausible: tuple[Decimal, Decimal] | None


class Family(Struct, frozen=True, kw_only=True):
    """What codes that measure the same thing have in common (a row of `families.csv`)."""

    name: str
    unit: str
    """Canonical UCUM unit."""
    molar_mass: Fraction | None
    """Grams per mole; None = mass and amount are never converted."""
    valence: int | None
    """Equivalents per mole; None = equivalents are never converted."""
    international: str
    """`U` = an international unit is an enzyme unit here, `[IU]` = the reverse; empty = neither."""
    reads: dict[str, str]
    """Units that mean another one for this analyte: `%` is `g/dL` for MCHC."""
    assumed: bool
    """Whether a missing unit can only be the canonical one, by definition (pH)."""
    limits: Limits


class Analyte(Struct, frozen=True, kw_only=True):
    """What a LOINC code measures (a row of `analytes.csv`)."""

    loinc: str
    family: Family
    canonical: str
    """LOINC code of the same component, system and time in the canonical unit's property; empty = itself."""
    name: str


class Recipe(Struct, frozen=True):
    """`result = (value * top + shift) / bottom`, then optionally ten to that power; exact integers."""

    top: Decimal
    shift: Decimal
    bottom: Decimal
    power_of_ten: bool = False
    decimals: int | None = None
    """Decimals that the result has by convention; None = by the value's own precision."""
    zero: bool = False
    """Whether the scale's zero moves (temperatures): precision is then counted in decimals."""


SAME = Recipe(Decimal(1), Decimal(0), Decimal(1))


@cache
def families() -> dict[str, Family]:
    """Return the families by name."""
    return {row["family"]: _family(row) for row in rows("families")}


@cache
def analytes() -> dict[str, Analyte]:
    """Return what is known about LOINC codes, by code."""
    return {
        row["loinc"]: Analyte(
            loinc=row["loinc"], family=families()[row["family"]], canonical=row["canonical"], name=row["name"]
        )
        for row in rows("analytes")
    }


@lru_cache(maxsize=20_000)
def recipe(family: str, source: str, target: str) -> Recipe | None:
    """Return how to convert between two UCUM units for an analyte family, or None: refused."""
    analyte = families()[family]
    source = read_as(analyte, source)
    if source == target:
        return SAME
    if (family, source, target) in _equations():
        return _equations()[family, source, target]
    if not (is_ucum(source) and is_ucum(target)):
        return None
    for unit in _readings(parse(source), analyte):
        for goal in _readings(parse(target), analyte):
            found = between(unit, goal)
            if found is not None and 1 / _LARGEST_SCALE < found.scale < _LARGEST_SCALE:
                return _recipe(found.scale, found.offset)
    return None


def read_as(family: Family, unit: str) -> str:
    """Return the unit that the text means for this analyte."""
    unit = family.reads.get(unit, unit)
    if family.international == "U" and "[IU]" in unit:
        return unit.replace("[IU]", "U")
    if family.international == "[IU]" and "U" in unit and "[IU]" not in unit:
        return unit.replace("U", "[IU]")
    return unit


def exact(value: Decimal, how: Recipe) -> Decimal:
    """Return the converted value, not rounded (60 digits)."""
    result = _EXACT.divide(_EXACT.add(_EXACT.multiply(value, how.top), how.shift), how.bottom)
    return _EXACT.power(Decimal(10), result) if how.power_of_ten else result


def convert(value: Decimal, how: Recipe) -> Decimal:
    """Return the converted value with one significant digit more than the source's, at least `LEAST_DIGITS`.

    Zeros that the source's own precision does not cover are dropped: 7.2 stays 7.2, 101.3 [degF] is 38.5 Cel.
    """
    if how is SAME:
        return value
    if how.decimals is not None:
        return _to_decimals(exact(value, how), how.decimals, how.decimals)
    parts = value.as_tuple()
    if how.zero:
        decimals = max(0, -int(parts.exponent))
        return _to_decimals(exact(value, how), decimals + 1, decimals)
    digits = len(parts.digits)
    # One division at the wanted precision rounds once, and rounds right.
    rounded = _AT[max(digits + 1, LEAST_DIGITS)].divide(_EXACT.fma(value, how.top, how.shift), how.bottom)
    return _trim(rounded, rounded.adjusted() - digits + 1)


def _to_decimals(value: Decimal, most: int, least: int) -> Decimal:
    return _trim(value.quantize(_STEPS[-most], ROUND_HALF_EVEN, _EXACT), -least)


def _trim(value: Decimal, least: int) -> Decimal:
    """Drop trailing zeros down to the exponent `least`, or to the whole number; never in exponent notation."""
    if not value:
        return _NOTHING
    plain = value.normalize(_EXACT)
    exponent = int(plain.as_tuple().exponent)
    wanted = min(exponent, least, 0)
    return plain if wanted == exponent else plain.quantize(_STEPS[wanted], ROUND_HALF_EVEN, _EXACT)


def _recipe(scale: Fraction, offset: Fraction) -> Recipe:
    bottom = scale.denominator * offset.denominator
    return Recipe(
        Decimal(scale.numerator * offset.denominator),
        Decimal(offset.numerator * scale.denominator),
        Decimal(bottom),
        zero=offset != 0,
    )


def _readings(unit: Unit, family: Family) -> list[Unit]:
    """Return the unit as it is, and with equivalents and moles turned into mass as far as the analyte allows."""
    found = [unit]
    if family.valence is not None:
        found += [_swap(unit, "eq", _EQUIVALENT, times(_MOLE, Unit(Fraction(1, family.valence), ())))]
    if family.molar_mass is not None:
        found += [_swap(each, "mol", _MOLE, times(_GRAM, Unit(family.molar_mass, ()))) for each in found]
    return found


def _swap(unit: Unit, symbol: str, old: Unit, new: Unit) -> Unit:
    exponent = dict(unit.dimensions).get(symbol, 0)
    return times(times(unit, old, -exponent), new, exponent)


def _family(row: dict[str, str]) -> Family:
    return Family(
        name=row["family"],
        unit=row["unit"],
        molar_mass=Fraction(row["molar_mass"]) if row["molar_mass"] else None,
        valence=int(row["valence"]) if row["valence"] else None,
        international=row["international"],
        reads=dict(pair.split("=", 1) for pair in row["reads"].split(";") if pair),  # type: ignore[misc]  # two parts
        assumed=row["assumed"] == "yes",
        limits=Limits(_band(row, "low_absolute", "high_absolute"), _band(row, "low", "high")),
    )


def _band(row: dict[str, str], low: str, high: str) -> tuple[Decimal, Decimal] | None:
    return (Decimal(row[low]), Decimal(row[high])) if row[low] else None


@cache
def _equations() -> dict[tuple[str, str, str], Recipe]:
    return {(row["family"], row["from"], row["to"]): _equation(row) for row in rows("equations")}


def _equation(row: dict[str, str]) -> Recipe:
    decimals = int(row["decimals"]) if row["decimals"] else None
    if row["power_of_ten"]:
        return Recipe(Decimal(1), Decimal(0), Decimal(1), power_of_ten=True, decimals=decimals)
    numerator, _, denominator = row["factor"].partition("/")
    scale = Fraction(numerator) / Fraction(denominator or "1")
    found = _recipe(scale, Fraction(row["offset"]))
    return Recipe(found.top, found.shift, found.bottom, decimals=decimals)
