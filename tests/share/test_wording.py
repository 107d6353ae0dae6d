from decimal import Decimal
from typing import Any

import pytest
from house import coded, observation, pressure
from hypothesis import given
from hypothesis import strategies as st

from mainstem.fhir.types import TYPES
from mainstem.model.names import CONFLICT_TAG, SOURCE_TAG
from mainstem.share import wording
from mainstem.share.series import POINTS_MAX, series_of


def of(type_: str = "Observation", **more: Any) -> dict[str, Any]:  # noqa: ANN401 - FHIR JSON
    return {"resourceType": type_, "id": "x", **more}


@pytest.mark.parametrize(
    ("stated", "words"),
    [
        ({"valueQuantity": {"value": Decimal("1.00"), "unit": "mm[Hg]", "code": "mm[Hg]"}}, "1.00 mmHg"),
        ({"valueQuantity": {"value": Decimal(5), "comparator": "<", "unit": "mg/L"}}, "<5 mg/L"),
        ({"valueQuantity": {"value": Decimal(7), "code": "{score}"}}, "7"),
        ({"valueQuantity": {"unit": "kg"}}, "kg"),
        ({"valueCodeableConcept": {"coding": [{"code": "N"}, {"code": "M", "display": "Normal"}]}}, "Normal"),
        ({"valueString": "positive"}, "positive"),
        ({"valueInteger": 3}, "3"),
        ({"valueBoolean": True}, "yes"),
        ({"valueBoolean": False}, "no"),
        ({"valueRange": {"low": {"value": Decimal(1)}, "high": {"value": Decimal(2)}}}, "1 to 2"),
        ({"valueRatio": {"numerator": {"value": Decimal(1)}, "denominator": {"value": Decimal(128)}}}, "1 : 128"),
        ({"valuePeriod": {"start": "2026"}}, "2026 to"),
        ({"dataAbsentReason": coded("not done")}, "not done"),
        ({}, ""),
    ],
)
def test_a_value_in_words(stated: dict[str, Any], words: str) -> None:
    assert wording.value_of(of(**stated)).text == words


def test_parts_with_one_unit_are_read_as_people_say_them() -> None:
    assert wording.value_of(pressure("x", "2026", 120, 80)).text == "120 / 80 mmHg"


def test_parts_of_several_kinds_keep_their_own_units() -> None:
    parts = [{"code": coded("a"), "valueString": "x"}, {"code": coded("b"), "valueInteger": 2}]
    assert wording.value_of(of(component=parts)).text == "x / 2"


def test_a_title_leaves_out_the_property_of_a_loinc_name_and_a_source_is_quoted_with_it() -> None:
    resource = of(code=coded("Glucose [Mass/volume] in Urine"))
    assert wording.title_of(resource) == "Glucose in Urine"
    assert wording.called(resource) == "Glucose [Mass/volume] in Urine"


def test_a_medicine_is_named_by_what_it_refers_to() -> None:
    medicine = {"resourceType": "Medication", "id": "m", "code": coded("Aspirin")}
    assert (
        wording.title_of(of("MedicationRequest", medicationReference={"reference": "#m"}, contained=[medicine]))
        == "Aspirin"
    )
    assert (
        wording.title_of(of("MedicationRequest", medicationReference={"reference": "M/1", "display": "Zinc"})) == "Zinc"
    )
    assert wording.title_of(of("MedicationRequest", medicationReference={"reference": "M/1"})) == "MedicationRequest"


@pytest.mark.parametrize("type_", sorted(wording.KINDS))
def test_every_type_of_the_timeline_is_one_of_r4_and_has_a_name_even_when_it_says_nothing(type_: str) -> None:
    assert type_ in TYPES
    assert wording.title_of(of(type_)) == type_
    assert wording.detail_of(of(type_)) == ""
    assert wording.date_of(of(type_)) == ""


def test_tags_tell_sources_and_differences() -> None:
    tags = [
        {"system": SOURCE_TAG, "code": "a"},
        {"system": CONFLICT_TAG, "code": "differs"},
        {"system": "x", "code": "y"},
    ]
    assert wording.sources_of(of(meta={"tag": tags})) == ["a"]
    assert wording.differs(of(meta={"tag": tags}))
    assert not wording.differs(of())


def test_a_unit_that_differs_is_a_series_of_its_own_and_never_on_the_same_axis() -> None:
    two = [
        observation("a", "2345-7", "Glucose", "2026-01-01", 100, unit="mg/dL"),
        observation("b", "2345-7", "Glucose", "2026-01-02", 5, unit="mmol/L"),
    ]
    made = series_of(two)
    assert sorted(one.lines[0].unit for one in made) == ["mg/dL", "mmol/L"]
    assert len({one.key for one in made}) == 2


def test_a_long_series_sends_its_newest_points() -> None:
    many = [
        observation(f"o{n:04}", "8867-4", "Pulse", f"2026-01-01T{n // 60:02}:{n % 60:02}:00Z", n, unit="/min")
        for n in range(700)
    ]
    (one,) = series_of(many)
    assert (len(one.points), one.points[-1].values) == (POINTS_MAX, ["699"])


READINGS = st.builds(
    observation,
    st.uuids().map(str), st.sampled_from(["2345-7", "8867-4"]), st.sampled_from(["Glucose", "Pulse"]),
    st.dates().map(str), st.integers(0, 300), unit=st.sampled_from(["mg/dL", "/min"]),
)  # fmt: skip


BATCHES = st.lists(READINGS, max_size=12, unique_by=lambda one: one["id"])


@given(BATCHES.flatmap(lambda batch: st.tuples(st.just(batch), st.permutations(batch))))
def test_i2_series_do_not_depend_on_the_order_in_which_readings_came(orders: tuple[list[Any], list[Any]]) -> None:
    batch, shuffled = orders
    assert _values(series_of(shuffled)) == _values(series_of(batch))
    assert sum(len(one.points) for one in series_of(batch)) == len(batch)


def _values(made: list[Any]) -> list[Any]:
    return [(one.key, one.lines, one.points) for one in made]


LEAF = st.one_of(st.none(), st.booleans(), st.integers(), st.text(max_size=4), st.decimals(allow_nan=False))
NAMES = st.sampled_from(
        ["code", "coding", "text", "display", "system", "value", "unit", "low", "high", "component", "valueQuantity",
        "meta", "tag",
     "valueString", "referenceRange", "reference", "contained", "status", "category", "effectiveDateTime", "valueRatio"]
)  # fmt: skip
ANYTHING = st.recursive(
    LEAF, lambda inner: st.lists(inner, max_size=2) | st.dictionaries(NAMES, inner, max_size=3), max_leaves=8
)


@given(st.sampled_from(sorted(wording.KINDS)), st.dictionaries(NAMES, ANYTHING, max_size=5))
def test_one_misshapen_entry_never_closes_the_whole_page(type_: str, rest: dict[str, Any]) -> None:
    from mainstem.share.record import _item

    resource = of(type_, **rest)
    assert _item(resource).title
    series_of([{**resource, "resourceType": "Observation", "effectiveDateTime": "2026"}])
