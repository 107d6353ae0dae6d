"""What a resource is and how sensitive it is, as bits; what no rule knows fails closed."""

from typing import Any

import pytest

from mainstem.trust.categories import (
    ALL,
    CATEGORIES,
    CATEGORY_WORDS,
    LABELS,
    OTHER,
    PUBLIC,
    categories,
    labels,
    mask_of,
    names_in,
)

OBSERVATION = "http://terminology.hl7.org/CodeSystem/observation-category"
ACT = "http://terminology.hl7.org/CodeSystem/v3-ActCode"
CONFIDENTIALITY = "http://terminology.hl7.org/CodeSystem/v3-Confidentiality"


def concept(code: str) -> dict[str, Any]:
    return {"coding": [{"system": OBSERVATION, "code": code}]}


@pytest.mark.parametrize(
    ("resource", "expected"),
    [
        ({"resourceType": "Condition"}, {"conditions"}),
        ({"resourceType": "Observation", "category": [concept("laboratory")]}, {"results"}),
        (
            {"resourceType": "Observation", "category": [concept("laboratory"), concept("vital-signs")]},
            {"results", "vital-signs"},
        ),
        ({"resourceType": "Observation", "category": [concept("made-up")]}, {"other"}),
        ({"resourceType": "Observation", "category": [{"text": "laboratory"}, {"coding": [{}]}]}, {"other"}),
        ({"resourceType": "Observation", "category": 7}, {"other"}),
        ({"resourceType": "AllergyIntolerance", "category": ["food"]}, {"allergies"}),
        ({"resourceType": "Basic"}, {"other"}),
    ],
)
def test_the_data_say_what_a_resource_is(resource: dict[str, Any], expected: set[str]) -> None:
    assert set(names_in(categories(resource, personal=True))) == expected


def test_what_is_about_a_person_is_never_public() -> None:
    place = {"resourceType": "Location"}
    assert categories(place, personal=False) == PUBLIC
    assert categories(place, personal=True) == OTHER


@pytest.mark.parametrize(
    ("meta", "expected"),
    [
        (None, set()),
        ("odd", set()),
        ({}, set()),
        ({"security": [{"system": CONFIDENTIALITY, "code": "N"}]}, set()),
        ({"security": [{"system": CONFIDENTIALITY, "code": "V"}]}, {"restricted"}),
        ({"security": [{"system": ACT, "code": "HIV"}, {"system": ACT, "code": "PSY"}]}, {"hiv", "mental-health"}),
        ({"security": [{"system": ACT, "code": "of-the-future"}]}, {"unknown"}),
        ({"security": [{}]}, {"unknown"}),
    ],
)
def test_a_mark_that_no_rule_knows_is_sensitive(meta: object, expected: set[str]) -> None:
    assert set(names_in(labels({"resourceType": "Observation", "meta": meta}), LABELS)) == expected


def test_names_and_masks_are_each_others_inverse() -> None:
    assert names_in(ALL) == tuple(CATEGORIES) == tuple(CATEGORY_WORDS)
    assert names_in(mask_of(["visits", "results"])) == ("results", "visits")
    assert mask_of(["hiv"], LABELS) == LABELS["hiv"]
    with pytest.raises(KeyError):
        mask_of(["secrets"])
