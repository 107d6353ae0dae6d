"""The alias stage: what real laboratories write, before any parser is asked."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mainstem.harmonise.tables import rows
from mainstem.harmonise.ucum import parse
from mainstem.harmonise.units import UNSTATED, conversion, folded, is_ucum, resolve

ALIASES = rows("aliases")

DIRT = {
    "mEq/L": "meq/L", "IU/L": "[IU]/L", "K/mcL": "10*3/uL", "x10E3/uL": "10*3/uL", "10e3/uL": "10*3/uL",
    "thou/uL": "10*3/uL", "k/cumm": "10*3/uL", "M/uL": "10*6/uL", "Bil/L": "10*9/L", "#/uL": "/uL", "cells/uL": "/uL",
    "mm Hg": "mm[Hg]", "mmHg": "mm[Hg]", "MM[HG]": "mm[Hg]", "cm H2O": "cm[H2O]", "mg/DL": "mg/dL", "MG/DL": "mg/dL",
    "[ph]": "[pH]", "/MIN": "/min", "bpm": "/min", "CEL": "Cel", "°C": "Cel", "degC": "Cel", "[DEGF]": "[degF]",
    "°F": "[degF]", "deg F": "[degF]", "lbs": "[lb_av]", "lb": "[lb_av]", "hr": "h", "D": "d", "yr": "a", "sec": "s",
    "mm/hr": "mm/h", "mg/24hr": "mg/(24.h)", "g/24h": "g/(24.h)", "mcg": "ug", "µmol/L": "umol/L", "μmol/L": "umol/L",
    "mcmol/L": "umol/L", "MMOL/L": "mmol/L", "gm": "g", "gm/dl": "g/dL", "cc": "mL", "mOsm/kg": "mosm/kg",
    "uIU/mL": "u[IU]/mL", "nM": "nmol/L", "mM": "mmol/L", "torr": "mm[Hg]", "/HPF": "/[HPF]",
    "mL/min/1.73m2": "mL/min/{1.73_m2}", "mL/min/1.73 m^2": "mL/min/{1.73_m2}", "INR": "{INR}", "ratio": "{ratio}",
    "copies/mL": "{copies}/mL", "log10 copies/mL": "{log_copies}/mL", "units": "", "+/-": "", " ": "",
    "kg/m²": "kg/m2", "㎎/dL": "mg/dL", "  mm   Hg ": "mm[Hg]", "mg\u2215dL": "mg/dL",
}  # fmt: skip


@pytest.mark.parametrize(("seen", "meant"), DIRT.items())
def test_the_dirt_list_of_section_1_3(seen: str, meant: str) -> None:
    assert resolve(seen) == meant


@pytest.mark.parametrize("row", ALIASES, ids=lambda row: row["spelling"])
def test_each_alias_names_valid_ucum_gives_a_source_and_is_stable(row: dict[str, str]) -> None:
    assert row["case"] in {"exact", "any"}
    assert row["source"]
    assert row["ucum"] == UNSTATED or is_ucum(row["ucum"])
    assert resolve(row["spelling"]) == row["ucum"]
    assert resolve(row["ucum"]) == row["ucum"], "what an alias gives is never read as something else"


def test_no_spelling_stands_twice() -> None:
    keys = [(row["case"], row["spelling"] if row["case"] == "exact" else folded(row["spelling"])) for row in ALIASES]
    assert len(keys) == len(set(keys))


def test_a_spelling_for_any_case_hides_no_unit_of_another_size() -> None:
    """`MG` may be megagauss on paper; a lower-case or as-written reading must be what is meant."""
    for row in ALIASES:
        seen, meant = row["spelling"], row["ucum"]
        if row["case"] == "any" and meant and "{" not in seen and is_ucum(seen):
            assert seen in MEANT_OTHERWISE or parse(seen) == parse(meant), row


MEANT_OTHERWISE = frozenset(
    [
        "K/mm3",
        "mm/Hg",
        "ph",
        "b/min",
        "MG",
        "MG/L",
        "MG/ML",
        "PG/ML",
        "MG/G",
        "mL/min/1.73",
        "mL/min/(1.73.m2)",
        "mL/min/1.73.m2",
        "mL/min/1.73m2",
    ]
)
"""Valid UCUM that no laboratory means: kelvin per mm3, millimetre per henry-gram, phot, barn per minute …"""


@pytest.mark.parametrize("seen", ["DEG", "hands", "mg per", "x" * 100, "kg²/", "\u0000", "10+3/ul", "C°C"])
def test_an_unknown_spelling_is_unknown(seen: str) -> None:
    assert resolve(seen) is None


@pytest.mark.parametrize("unit", ["mg/dL", "{score}", "10*3/uL", "mL/min/{1.73_m2}", "mmol/L{Fe}", "U/L", "%"])
def test_ucum_itself_is_read_as_it_is(unit: str) -> None:
    assert resolve(unit) == unit


def test_a_conversion_with_what_is_no_unit_is_refused() -> None:
    assert conversion("hands", "cm") is None
    assert conversion("cm", "hands") is None


@given(st.text(max_size=70))
def test_any_text_is_read_or_refused_and_reading_is_idempotent(text: str) -> None:
    found = resolve(text)
    assert found is None or found == UNSTATED or (is_ucum(found) and resolve(found) == found)
