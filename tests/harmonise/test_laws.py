"""What holds for all conversions (harmonise rule book, 1.4) and for all facts."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mainstem.harmonise.analytes import LEAST_DIGITS, analytes, convert, exact, families, recipe
from mainstem.harmonise.tables import rows
from mainstem.harmonise.units import is_ucum
from mainstem.model.fact import Resource
from mainstem.model.names import LOINC, SOURCE_VALUE, UCUM

NAMES = sorted(families())
UNITS = sorted(
    {family.unit for family in families().values()}
    | {row["from"] for row in rows("equations")}
    | {"mmol/L", "umol/L", "nmol/L", "pmol/L", "meq/L", "g/L", "g/dL", "mg/dL", "ug/L", "ng/mL", "[lb_av]", "[oz_av]"}
    | {"[in_i]", "[ft_i]", "m", "[degF]", "K", "kPa", "cm[H2O]", "10*9/L", "/uL", "ukat/L", "[IU]/L", "1", "%", "/h"}
)
values = st.decimals(min_value=Decimal("0.001"), max_value=Decimal(100000), places=3)
names, units = st.sampled_from(NAMES), st.sampled_from(UNITS)


def close(left: Decimal, right: Decimal) -> bool:
    return abs(left - right) <= max(abs(left), abs(right), Decimal(1)) * Decimal("1e-30")


def linear(family: str) -> bool:
    """Equations are fitted in each direction on their own: NGSP to IFCC and back is equal to the last digit only."""
    return all(row["family"] != family for row in rows("equations"))


@given(names, units, units, values)
def test_a_round_trip_returns_to_the_value(family: str, source: str, target: str, value: Decimal) -> None:
    there, back = recipe(family, source, target), recipe(family, target, source)
    if linear(family):
        assert (there is None) == (back is None), "refusals are symmetric"
        if there and back:
            assert close(exact(exact(value, there), back), value)


@given(names, units, units, units, values)
def test_conversions_are_transitive(family: str, first: str, second: str, third: str, value: Decimal) -> None:
    steps = recipe(family, first, second), recipe(family, second, third), recipe(family, first, third)
    if linear(family) and steps[0] and steps[1]:
        assert steps[2] is not None
        assert close(exact(exact(value, steps[0]), steps[1]), exact(value, steps[2]))


@given(names, units, units, values, values)
def test_conversions_keep_the_order(family: str, source: str, target: str, low: Decimal, high: Decimal) -> None:
    how = recipe(family, source, target)
    if how and not how.power_of_ten and low < high:
        assert exact(low, how) < exact(high, how)


@given(names, units, units, values)
def test_rounding_keeps_the_sources_precision(family: str, source: str, target: str, value: Decimal) -> None:
    how = recipe(family, source, target)
    if how and how.decimals is None and not how.zero and not how.power_of_ten:
        whole = exact(value, how)
        digits = max(len(value.as_tuple().digits) + 1, LEAST_DIGITS)
        assert abs(convert(value, how) - whole) <= Decimal("0.5").scaleb(whole.adjusted() - digits + 1)


@given(units, units)
def test_without_a_molar_mass_mass_and_amount_never_meet(source: str, target: str) -> None:
    amounts = [("mol/" in unit or "eq/" in unit) and unit != "mmol/mol" for unit in (source, target)]
    for family in ("ferritin", "protein", "troponin", "lipoprotein-a-mass", "haemoglobin", "insulin"):
        if amounts[0] != amounts[1] and (family, source, target) not in {
            (row["family"], row["from"], row["to"]) for row in rows("equations")
        }:
            assert recipe(family, source, target) is None


@pytest.mark.parametrize("loinc", sorted(analytes()))
def test_each_analyte_has_a_valid_code_a_valid_unit_and_limits_in_order(loinc: str) -> None:
    analyte = analytes()[loinc]
    number, check = loinc.split("-")
    doubled = [int(digit) * (1 + (index % 2 == 0)) for index, digit in enumerate(reversed(number))]
    assert (10 - sum(each // 10 + each % 10 for each in doubled) % 10) % 10 == int(check), "LOINC's check digit"
    assert is_ucum(analyte.family.unit)
    target = analytes()[analyte.canonical] if analyte.canonical else analyte
    assert target.family is analyte.family
    assert not target.canonical
    limits = analyte.family.limits
    assert (limits.absolute is None) == (limits.plausible is None)
    if limits.absolute and limits.plausible:
        assert limits.absolute[0] <= limits.plausible[0] < limits.plausible[1] <= limits.absolute[1]


@pytest.mark.parametrize(
    "name", ["aliases", "analytes", "families", "equations", "codes", "systems", "grades", "statuses", "doses"]
)
def test_each_row_of_each_table_names_its_source(name: str) -> None:
    assert rows(name)
    assert all(row["source"] for row in rows(name))


plain = st.one_of(st.none(), st.booleans(), st.integers(-5, 500), st.text(max_size=8), values)
json = st.recursive(
    plain,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=4), inner, max_size=2),
    max_leaves=4,
)
quantities = st.fixed_dictionaries(
    {},
    optional={
        "value": st.one_of(values, st.integers(0, 400), json),
        "unit": st.one_of(st.sampled_from([*UNITS, "mmHg", "lbs", "DEG", "pH", "units"]), json),
        "code": st.one_of(st.sampled_from([*UNITS, "MM[HG]", "CEL", "K/uL"]), json),
        "system": st.one_of(st.just(UCUM), st.just("urn:local"), json),
        "comparator": st.sampled_from(["<", ">="]),
        "extension": st.one_of(st.just([{"url": "urn:x", "valueString": "kept"}]), json),
    },
)
coding = st.fixed_dictionaries(
    {},
    optional={
        "system": st.one_of(st.sampled_from([LOINC, "urn:oid:2.16.840.1.113883.6.1", "urn:local"]), json),
        "code": st.one_of(st.sampled_from(sorted(analytes())), json),
        "display": st.text(max_size=5),
    },
)
concepts = st.one_of(
    st.fixed_dictionaries({"coding": st.lists(coding, max_size=3)}, optional={"text": st.text(max_size=9)}), json
)
texts = st.sampled_from(
    ["7.2 mg/dL", "<5", "Value=5.0 units=[pH]", "2+ (100mg/dL)", "Negative", "1-2", "TNP", "98.6 F", "1.015"]
)
elements = {
    "valueQuantity": st.one_of(quantities, json),
    "valueString": st.one_of(texts, json),
    "valueCodeableConcept": concepts,
    "interpretation": st.one_of(st.lists(concepts, max_size=2), json),
    "referenceRange": st.one_of(
        st.lists(st.fixed_dictionaries({}, optional={"low": quantities, "high": quantities}), max_size=2), json
    ),
}
parts = st.fixed_dictionaries({"code": concepts}, optional=elements)
observations = st.fixed_dictionaries(
    {"resourceType": st.just("Observation"), "id": st.just("o1"), "code": concepts},
    optional={
        **elements,
        "status": st.one_of(st.sampled_from(["final", "Final", "entered_in_error"]), json),
        "component": st.one_of(st.lists(parts, max_size=2), json),
        "meta": st.one_of(st.just({"tag": [{"system": "urn:x", "code": "y"}]}), json),
    },
)


def leaves(node: object) -> list[str]:
    """Return all values in a JSON tree as text, so that what is lost can be named."""
    if isinstance(node, dict):
        return [leaf for each in node.values() for leaf in leaves(each)]
    if isinstance(node, list):
        return [leaf for each in node for leaf in leaves(each)]
    return [repr(node)]


@given(observations)
def test_whatever_comes_harmonising_is_idempotent_and_loses_nothing(
    harmonised: Callable[[Resource], Resource], resource: dict[str, Any]
) -> None:
    found = harmonised(resource)
    kept = leaves(found)
    missing = [leaf for leaf in leaves(resource) if leaf not in kept]
    assert missing == []


@given(observations)
def test_a_number_that_changed_names_what_was_sent(
    harmonised: Callable[[Resource], Resource], resource: dict[str, Any]
) -> None:
    sent, found = resource.get("valueQuantity"), harmonised(resource).get("valueQuantity")
    if isinstance(sent, dict) and found != sent:
        assert any(each.get("url") == SOURCE_VALUE for each in found["extension"])
