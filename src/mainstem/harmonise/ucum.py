"""UCUM exactly: ucumvert reads the grammar, UCUM's own table gives the values, `Fraction` keeps them whole.

Amount of substance, equivalents, osmoles, arbitrary units, special units and annotations are dimensions of their own:
a conversion that would need to know the analyte is refused here and decided in `mainstem.harmonise.analytes`.
"""

from fractions import Fraction
from functools import cache, lru_cache
from importlib.resources import files
from typing import Any
from xml.etree import ElementTree as ET

from msgspec import Struct

Dimensions = tuple[tuple[str, int], ...]
"""Base symbol and exponent, sorted, no zero exponents; an annotation counts as a symbol of its own."""

_OWN = frozenset({"mol", "eq", "osm", "[HPF]", "[LPF]"})
"""UCUM defines these as plain numbers or as each other; in a laboratory they are different quantities."""
_SAME = {"[iU]": "[IU]"}
_KELVIN: dict[Dimensions, tuple[Fraction, Fraction]] = {
    (("K", 1),): (Fraction(1), Fraction(0)),
    (("Cel", 1),): (Fraction(1), Fraction(27315, 100)),
    (("[degF]", 1),): (Fraction(5, 9), Fraction(45967, 180)),
    (("[degRe]", 1),): (Fraction(5, 4), Fraction(27315, 100)),
}
"""kelvin = scale * value + offset, for the temperature scales of UCUM §22."""


_POWER_MOST = 99


class Unit(Struct, frozen=True):
    """A unit as a factor times a product of base symbols."""

    factor: Fraction
    dimensions: Dimensions


class Conversion(Struct, frozen=True):
    """`result = value * scale + offset`, exact."""

    scale: Fraction
    offset: Fraction


class NotAUnitError(ValueError):
    """The text is not a UCUM unit, case-sensitive form."""


ONE = Unit(Fraction(1), ())


@lru_cache(maxsize=20_000)
def parse(text: str) -> Unit:
    """Return the unit that a case-sensitive UCUM code names (UCUM 2.2 §2); raises `NotAUnitError`."""
    # Loaded on first need: the hot path knows its units by name and never parses.
    from ucumvert.parser import InvalidUcumError, parse_ucum  # pyright: ignore[reportMissingTypeStubs,reportUnknownVariableType]  # ucumvert is untyped

    try:
        return _term(parse_ucum(text, _parser()))
    except InvalidUcumError as error:
        raise NotAUnitError(text) from error


def between(source: Unit, target: Unit) -> Conversion | None:
    """Return the exact conversion, or None when the two measure different things."""
    if source.dimensions == target.dimensions:
        return Conversion(source.factor / target.factor, Fraction(0))
    if source.dimensions in _KELVIN and target.dimensions in _KELVIN:
        scale, offset = _KELVIN[source.dimensions]
        to_scale, to_offset = _KELVIN[target.dimensions]
        return Conversion(source.factor * scale / (to_scale * target.factor), (offset - to_offset) / to_scale)
    return None


def times(left: Unit, right: Unit, exponent: int = 1) -> Unit:
    """Return `left * right ** exponent`."""
    powers = dict(left.dimensions)
    for symbol, power in right.dimensions:
        powers[symbol] = powers.get(symbol, 0) + power * exponent
    kept = tuple(sorted((symbol, power) for symbol, power in powers.items() if power))
    return Unit(left.factor * right.factor**exponent, kept)


@cache
def _parser() -> Any:  # noqa: ANN401  # lark's parser, from an untyped package
    from ucumvert.parser import get_ucum_parser  # pyright: ignore[reportMissingTypeStubs,reportUnknownVariableType]  # ucumvert is untyped

    return get_ucum_parser()


@cache
def _table() -> tuple[dict[str, Fraction], dict[str, Unit | tuple[str, str]]]:
    """Read UCUM's table: prefixes, and atoms as a base unit or as (value, defining unit)."""
    text = (files("ucumvert") / "vendor" / "ucum-essence.xml").read_text(encoding="ascii")
    root = ET.fromstring(text)  # noqa: S314  # UCUM's own file inside an installed package
    prefixes = {each.attrib["Code"]: Fraction(_value(each)["value"]) for each in root.iterfind(".//{*}prefix")}
    atoms: dict[str, Unit | tuple[str, str]] = {
        each.attrib["Code"]: _own(each) for each in root.iterfind(".//{*}base-unit")
    }
    return prefixes, atoms | {each.attrib["Code"]: _defined(each) for each in root.iterfind(".//{*}unit")}


def _value(element: ET.Element) -> dict[str, str]:
    return next(element.iterfind("{*}value")).attrib


def _own(element: ET.Element) -> Unit:
    code = element.attrib["Code"]
    return Unit(Fraction(1), ((_SAME.get(code, code), 1),))


def _defined(element: ET.Element) -> Unit | tuple[str, str]:
    if element.attrib["Code"] in _OWN or "yes" in (element.get("isArbitrary"), element.get("isSpecial")):
        return _own(element)
    return _value(element)["value"], _value(element)["Unit"]


@cache
def _atom(symbol: str) -> Unit:
    definition = _table()[1][symbol]
    if isinstance(definition, Unit):
        return definition
    value, unit = definition
    return times(Unit(Fraction(value), ()), parse(unit))


def _term(node: Any) -> Unit:  # noqa: ANN401  # lark's Tree or Token
    if getattr(node, "type", "") == "ANNOTATION":
        return Unit(Fraction(1), ((str(node), 1),))
    parts = node.children
    match str(node.data), len(parts):
        case "main_term", 2:
            return times(ONE, _term(parts[1]), -1)
        case "term", 3:
            return times(_term(parts[0]), _term(parts[2]), 1 if str(parts[1]) == "." else -1)
        case "component", 2:
            return times(_term(parts[0]), _term(parts[1]))
        case "annotatable", 2:
            return _power(parts[0], int(parts[1]))
        case "simple_unit", _:
            return _simple(parts)
        case _:
            return _term(parts[0])


def _power(node: Any, exponent: int) -> Unit:  # noqa: ANN401  # lark's Tree
    if node.data == "simple_unit" and node.children[0].type == "FACTOR":
        raise NotAUnitError(f"{node.children[0]} to the power of {exponent}: UCUM has no exponent on a number")
    if abs(exponent) > _POWER_MOST:
        raise NotAUnitError(f"a power of {exponent}: no quantity has it, and its size would be without bound")
    return times(ONE, _term(node), exponent)


def _simple(tokens: Any) -> Unit:  # noqa: ANN401  # lark's Tokens
    if tokens[0].type == "FACTOR":
        return Unit(Fraction(int(tokens[0])), ())
    atom = _atom(str(tokens[-1]))
    if len(tokens) == 1:
        return atom
    return Unit(_table()[0][str(tokens[0])] * atom.factor, atom.dimensions)
