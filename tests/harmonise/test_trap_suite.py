"""The trap suite of the harmonise rule book, section 1.2: passing UCUM's own suite is not clinical safety."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from mainstem.harmonise.analytes import analytes, convert, exact, families, recipe
from mainstem.harmonise.units import conversion, resolve
from mainstem.model.names import SOURCE_VALUE

Lab = Callable[..., dict[str, Any]]


def by(family: str, value: str, source: str, target: str) -> Decimal | None:
    how = recipe(family, source, target)
    return None if how is None else convert(Decimal(value), how)


def full(family: str, value: str, source: str, target: str) -> Decimal:
    how = recipe(family, source, target)
    assert how is not None
    return exact(Decimal(value), how)


def tags(resource: dict[str, Any]) -> list[str]:
    return [tag["code"] for tag in resource.get("meta", {}).get("tag", [])]


def test_u_01_hba1c_ngsp_to_ifcc_by_the_master_equation() -> None:
    assert by("hba1c", "7", "%", "mmol/mol") == Decimal(53)


def test_u_02_hba1c_ifcc_to_ngsp(lab: Lab) -> None:
    assert by("hba1c", "53", "mmol/mol", "%") == Decimal("7.0")
    assert lab("59261-8", 53, "mmol/mol")["valueQuantity"]["value"] == Decimal("7.0")


def test_u_03_hba1c_at_the_usual_whole_number() -> None:
    assert by("hba1c", "6.5", "%", "mmol/mol") == Decimal(48)
    assert by("hba1c", "48", "mmol/mol", "%") == Decimal("6.5")


def test_u_04_arbitrary_units_are_not_international_units() -> None:
    assert conversion("[arb'U]/mL", "[IU]/mL") is None


def test_u_05_prefixes_of_one_arbitrary_unit_convert(lab: Lab) -> None:
    found = lab("3016-3", 3, "u[IU]/mL")["valueQuantity"]
    assert (found["value"], found["code"]) == (Decimal(3), "m[IU]/L")


@pytest.mark.parametrize("loinc", ["1742-6", "3040-3"])
def test_u_06_international_units_are_enzyme_units_for_enzymes_only(lab: Lab, loinc: str) -> None:
    assert conversion("[IU]/L", "U/L") is None
    assert lab(loinc, 40, "IU/L")["valueQuantity"]["code"] == "U/L"
    assert by("insulin", "5", "U/mL", "u[IU]/mL") == by("insulin", "5", "[IU]/mL", "u[IU]/mL")
    assert recipe("glucose", "[IU]/L", "mg/dL") is None


def test_u_07_a_rate_per_body_surface_is_not_a_rate(lab: Lab) -> None:
    assert recipe("egfr", "mL/min", "mL/min/{1.73_m2}") is None
    kept = lab("33914-3", 60, "mL/min")
    assert kept["valueQuantity"]["code"] == "mL/min"
    assert tags(kept) == ["unit-mismatch"]


def test_u_08_milliequivalents_by_the_analytes_charge() -> None:
    assert by("sodium", "140", "meq/L", "mmol/L") == Decimal(140)


def test_u_09_calcium_in_three_units() -> None:
    assert full("calcium", "10", "mg/dL", "mmol/L").quantize(Decimal("0.01")) == Decimal("2.50")
    assert full("calcium", "10", "mg/dL", "meq/L").quantize(Decimal("0.01")) == Decimal("4.99")


def test_u_10_calcium_has_two_charges() -> None:
    assert by("calcium", "5", "meq/L", "mmol/L") == Decimal("2.5")


def test_u_11_magnesium_in_three_units() -> None:
    assert full("magnesium", "2", "mg/dL", "mmol/L").quantize(Decimal("0.001")) == Decimal("0.823")
    assert full("magnesium", "2", "mg/dL", "meq/L").quantize(Decimal("0.01")) == Decimal("1.65")


def test_u_12_phosphate_has_no_fixed_charge() -> None:
    assert full("phosphate", "3.5", "mg/dL", "mmol/L").quantize(Decimal("0.01")) == Decimal("1.13")
    assert recipe("phosphate", "meq/L", "mg/dL") is None


@pytest.mark.parametrize("spelling", ["ng/mL FEU", "ng{FEU}/mL", "ng/mL{FEU}", "ng/mL (FEU)"])
def test_u_13_d_dimer_keeps_its_annotation(lab: Lab, spelling: str) -> None:
    assert recipe("d-dimer-feu", "ng/mL{FEU}", "ng/mL{DDU}") is None
    assert recipe("d-dimer-ddu", "ng/mL{FEU}", "ng/mL{DDU}") is None
    assert lab("48065-7", 500, spelling)["valueQuantity"]["code"] == "ng/mL{FEU}"
    assert tags(lab("48066-5", 500, spelling)) == ["unit-mismatch"]


def test_u_14_a_logarithm_is_undone_by_the_analytes_scale_only(lab: Lab) -> None:
    found = lab("20447-9", "3.0", "log10 copies/mL")["valueQuantity"]
    assert (found["value"], found["code"]) == (Decimal(1000), "{copies}/mL")
    assert conversion("{log_copies}/mL", "{copies}/mL") is None
    assert recipe("viral-load-log", "{copies}/mL", "{log_copies}/mL") is None


@pytest.mark.parametrize(
    ("family", "source"),
    [
        ("lipoprotein-a-mass", "nmol/L"),
        ("lipoprotein-a-molar", "mg/dL"),
        ("insulin", "pmol/L"),
        ("insulin-molar", "u[IU]/mL"),
    ],
)
def test_u_15_assay_dependent_conversions_are_refused(family: str, source: str) -> None:
    assert recipe(family, source, families()[family].unit) is None
    assert analytes()["10839-9"].family is not analytes()["89579-7"].family


def test_u_16_mchc_in_per_cent_is_grams_per_decilitre(lab: Lab) -> None:
    found = lab("786-4", 33, "%")["valueQuantity"]
    assert (found["value"], found["code"]) == (Decimal(33), "g/dL")


def test_u_17_fractions_and_per_cent_are_equal(lab: Lab) -> None:
    assert lab("4544-3", "0.45", "L/L")["valueQuantity"]["value"] == Decimal(45)
    assert lab("59408-5", "0.98", "1")["valueQuantity"]["value"] == Decimal(98)


def test_u_18_urea_nitrogen_counts_two_nitrogens() -> None:
    assert full("urea-nitrogen", "14", "mg/dL", "mmol/L").quantize(Decimal("0.01")) == Decimal("5.00")
    assert full("urea", "30", "mg/dL", "mmol/L").quantize(Decimal("0.01")) == Decimal("5.00")


def test_u_19_haemoglobin_in_moles_only_where_the_monomer_is_named(lab: Lab) -> None:
    assert full("haemoglobin", "15", "g/dL", "mmol/L{Fe}").quantize(Decimal("0.01")) == Decimal("9.31")
    assert tags(lab("59260-0", "9.31", "mmol/L")) == ["unit-mismatch"]
    assert lab("59260-0", "9.31", "mmol/L{Fe}")["valueQuantity"]["code"] == "g/dL"


def test_u_20_serum_and_urine_total_and_ionised_stay_apart(lab: Lab) -> None:
    families_of = {code: analytes()[code].family.name for code in ("2345-7", "5792-7", "17861-6", "1995-0", "2889-4")}
    assert len(set(families_of.values())) == len(families_of)
    for code in families_of:
        found = lab(code, 1, analytes()[code].family.unit)
        assert [coding["code"] for coding in found["code"]["coding"]] == [code]


def test_u_21_a_difference_of_temperature_has_no_zero_point() -> None:
    assert by("temperature-difference", "1.8", "[degF]", "K") == Decimal(1)


def test_u_22_fahrenheit_to_celsius(lab: Lab) -> None:
    assert str(lab("8310-5", "101.3", "[degF]")["valueQuantity"]["value"]) == "38.5"
    assert str(lab("8310-5", "98.6", "[degF]")["valueQuantity"]["value"]) == "37.0"


def test_u_23_inches_and_pounds() -> None:
    assert by("height", "65", "[in_i]", "cm") == Decimal("165.1")
    assert full("weight", "150", "[lb_av]", "kg") == Decimal("68.0388555")


def test_u_24_pressures() -> None:
    assert full("systolic", "120", "mm[Hg]", "kPa") == Decimal("15.99864")
    assert full("gas-pressure", "10", "cm[H2O]", "mm[Hg]").quantize(Decimal("0.0001")) == Decimal("7.3556")


def test_u_25_katal_and_enzyme_unit() -> None:
    assert full("enzyme", "40", "U/L", "ukat/L").quantize(Decimal("0.00001")) == Decimal("0.66667")
    assert by("enzyme", "60", "U/L", "ukat/L") == Decimal(1)


def test_u_26_a_metre_of_mercury_as_ucum_has_it() -> None:
    found = conversion("m[Hg]", "Pa")
    assert found is not None
    assert found.scale * 2 == 266644


def test_u_27_osmoles_are_not_moles(lab: Lab) -> None:
    assert recipe("osmolality", "mmol/kg", "mosm/kg") is None
    assert lab("2692-2", 290, "mOsm/kg")["valueQuantity"]["code"] == "mosm/kg"


def test_u_28_durations_in_days() -> None:
    found = [conversion(unit, "d") for unit in ("a", "mo", "wk")]
    assert [float(each.scale) for each in found if each] == [365.25, 30.4375, 7]


@pytest.mark.parametrize(
    ("words", "comparator", "value"), [("<5 mg/dL", "<", 5), (">=90 mg/dL", ">=", 90), ("< 0.5 mmol/L", "<", "9.008")]
)
def test_u_29_a_comparator_survives(text: Lab, words: str, comparator: str, value: str | int) -> None:
    found = text("2345-7", words)["valueQuantity"]
    assert (found["comparator"], found["value"]) == (comparator, Decimal(value))


@pytest.mark.parametrize("words", ["1-2 mg/dL", "1-2", "7,2 mg/dL", "1,250", "1:80", "TNP", "see note", "120/80"])
def test_u_29_u_30_what_is_no_clear_number_stays_text(text: Lab, words: str) -> None:
    assert text("2345-7", words)["valueString"] == words


def test_u_31_an_impossible_value_is_flagged_and_kept(lab: Lab) -> None:
    hot = lab("8310-5", "98.6", "Cel")
    assert hot["valueQuantity"] == {"value": Decimal("98.6"), "unit": "Cel", "system": _UCUM, "code": "Cel"}
    assert tags(hot) == ["unit-suspect"]
    heavy = lab("29463-7", 400, "kg")
    assert heavy["valueQuantity"]["value"] == 400
    assert tags(heavy) == ["unit-suspect"]
    assert tags(lab("29463-7", 194, "kg")) == [], "194 kg is possible: only the person's own series can tell"


def test_u_32_a_missing_unit_is_filled_in_by_definition_only(lab: Lab) -> None:
    assert tags(lab("2345-7", 95)) == ["unit-missing"]
    assert "code" not in lab("2345-7", 95)["valueQuantity"]
    acid = lab("2744-1", "7.4")["valueQuantity"]
    assert acid["code"] == "[pH]"
    assert acid["extension"] == [{"url": SOURCE_VALUE, "valueQuantity": {"value": Decimal("7.4")}}]


def test_cons_4_milligrams_and_millimoles_meet(lab: Lab) -> None:
    molar = lab("14749-6", "5.0", "mmol/L")
    assert abs(molar["valueQuantity"]["value"] - 90) < Decimal("0.9")
    assert [coding["code"] for coding in molar["code"]["coding"]] == ["2345-7", "14749-6"]


def test_cons_6_a_wrong_label_is_flagged_and_a_right_one_converted(lab: Lab) -> None:
    wrong = lab("2345-7", 95, "mg/mL")
    assert (wrong["valueQuantity"]["value"], wrong["valueQuantity"]["code"]) == (95, "mg/mL")
    assert tags(wrong) == ["unit-suspect"]
    assert lab("2345-7", "0.95", "mg/mL")["valueQuantity"]["value"] == Decimal(95)


ANCHORS = [
    ("glucose", "100", "mg/dL", "mmol/L", "5.55"), ("cholesterol", "200", "mg/dL", "mmol/L", "5.17"),
    ("triglycerides", "150", "mg/dL", "mmol/L", "1.69"), ("creatinine", "1", "mg/dL", "umol/L", "88.4"),
    ("bilirubin", "1", "mg/dL", "umol/L", "17.1"), ("urate", "6", "mg/dL", "umol/L", "357"),
    ("lactate", "18", "mg/dL", "mmol/L", "2.00"), ("iron", "100", "ug/dL", "umol/L", "17.9"),
    ("thyroxine", "8", "ug/dL", "nmol/L", "103"), ("cortisol", "10", "ug/dL", "nmol/L", "276"),
    ("vitamin-d", "30", "ng/mL", "nmol/L", "74.9"), ("vitamin-b12", "400", "pg/mL", "pmol/L", "295"),
    ("folate", "10", "ng/mL", "nmol/L", "22.7"), ("testosterone", "500", "ng/dL", "nmol/L", "17.3"),
    ("estradiol", "100", "pg/mL", "pmol/L", "367"),
]  # fmt: skip


@pytest.mark.parametrize(("family", "value", "source", "target", "wanted"), ANCHORS)
def test_mass_to_molar_anchors(family: str, value: str, source: str, target: str, wanted: str) -> None:
    step = Decimal(1).scaleb(int(Decimal(wanted).as_tuple().exponent))
    assert full(family, value, source, target).quantize(step) == Decimal(wanted)


SEEN = {
    "K/uL": "10*3/uL", "m/uL": "10*6/uL", "pH": "[pH]", "F": "[degF]", "C": "Cel", "ft": "[ft_i]", "u/l": "U/L",
    "PG": "pg", "EU/dL": "{Ehrlich'U}/dL", "N/A": "", "mg/24.h": "mg/(24.h)", "in": "[in_i]",
}  # fmt: skip


@pytest.mark.parametrize(("seen", "meant"), SEEN.items())
def test_valid_ucum_that_means_something_else_is_read_as_meant(seen: str, meant: str) -> None:
    assert resolve(seen) == meant


_UCUM = "http://unitsofmeasure.org"
