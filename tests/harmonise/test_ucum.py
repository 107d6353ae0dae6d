"""The exact unit engine: UCUM's own functional tests, and what must never convert."""

import os
from collections.abc import Iterator
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from mainstem.harmonise.ucum import NotAUnitError, Unit, between, parse, times

SUITE = Path(os.environ.get("MAINSTEM_FIXTURES", "../shared/fixtures")) / "conformance/ucum/UcumFunctionalTests.xml"


def cases(section: str) -> Iterator[dict[str, str]]:
    if not SUITE.is_file():
        pytest.skip(f"the shared fixtures are not at {SUITE}")
    root = ET.fromstring(SUITE.read_bytes())  # noqa: S314  # a fixed file of the test equipment
    yield from (case.attrib for case in root.iterfind(f"./{section}/case"))


def valid(unit: str) -> bool:
    try:
        parse(unit)
    except NotAUnitError:
        return False
    return True


@pytest.mark.fixtures
def test_ucum_529_of_529_codes_are_judged_right() -> None:
    stated = list(cases("validation"))
    wrong = [case["id"] for case in stated if valid(case["unit"]) != (case["valid"] == "true")]
    assert (len(stated), wrong) == (529, [])


def rounded(value: Fraction, like: str) -> Decimal:
    """Round to the precision in which the suite writes its outcome."""
    step = Decimal(1).scaleb(int(Decimal(like).as_tuple().exponent))
    scaled = value / Fraction(step)
    whole = Decimal(scaled.numerator) / Decimal(scaled.denominator)
    return whole.quantize(Decimal(1), ROUND_HALF_UP) * step


@pytest.mark.fixtures
def test_ucum_30_of_30_conversions_are_exact() -> None:
    stated = list(cases("conversion"))
    wrong = []
    for case in stated:
        found = between(parse(case["srcUnit"]), parse(case["dstUnit"]))
        assert found is not None, case
        got = rounded(Fraction(case["value"]) * found.scale + found.offset, case["outcome"])
        if got != Decimal(case["outcome"]):
            wrong.append((case["id"], got, case["outcome"]))
    assert (len(stated), wrong) == (30, [])


@pytest.mark.fixtures
@pytest.mark.parametrize(("section", "exponent", "count"), [("multiplication", 1, 2), ("division", -1, 3)])
def test_ucum_products_and_quotients(section: str, exponent: int, count: int) -> None:
    stated = list(cases(section))
    for case in stated:
        number = Fraction(case["v1"]) * Fraction(case["v2"]) ** exponent
        product = times(Unit(number, ()), times(parse(case["u1"]), parse(case["u2"]), exponent))
        wanted = parse(case["uRes"] or "1")
        assert product.dimensions == wanted.dimensions, case
        assert rounded(product.factor / wanted.factor, case["vRes"]) == Decimal(case["vRes"]), case
    assert len(stated) == count


@pytest.mark.parametrize(
    "text", ["", "10+3/ul", "mg//dL", "m/", "kg(", "mm Hg", "hands", "{", "2^3", "mgg", "°C", "10*99999999", "Ym-100"]
)
def test_what_is_no_ucum_is_said_to_be_none(text: str) -> None:
    with pytest.raises(NotAUnitError):
        parse(text)


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ("mol", "1"), ("eq", "mol"), ("osm", "mol"), ("[IU]", "U"), ("[arb'U]", "1"), ("/[HPF]", "/[LPF]"),
        ("/[HPF]", "1"), ("{copies}/mL", "/mL"), ("mL/min/{1.73_m2}", "mL/min"), ("[pH]", "mol/L"), ("B", "1"),
        ("Cel/min", "K/min"), ("g", "mol"), ("m", "s"), ("Cel2", "K2"),
    ],
)  # fmt: skip
def test_what_would_need_to_know_the_analyte_is_refused_both_ways(left: str, right: str) -> None:
    assert between(parse(left), parse(right)) is None
    assert between(parse(right), parse(left)) is None


@pytest.mark.parametrize(
    ("source", "target", "value", "wanted"),
    [
        ("Cel", "K", 0, "273.15"), ("[degF]", "Cel", 212, "100"), ("[degRe]", "Cel", 80, "100"),
        ("K", "[degF]", 0, "-459.67"),
        ("[degF]", "[degF]", 7, "7"), ("mCel", "Cel", 1000, "1"), ("[iU]/L", "[IU]/L", 3, "3"), ("%", "1", 50, "0.5"),
    ],
)  # fmt: skip
def test_special_units_are_functions_not_factors(source: str, target: str, value: int, wanted: str) -> None:
    found = between(parse(source), parse(target))
    assert found is not None
    assert value * found.scale + found.offset == Fraction(wanted)
