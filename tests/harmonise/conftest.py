"""Builders of what sources send, as fixtures."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from mainstem.harmonise import harmonise
from mainstem.model.fact import Fact, Resource
from mainstem.model.names import LOINC, UCUM


def observation(loinc: str, **elements: object) -> Resource:
    return {
        "resourceType": "Observation",
        "id": "o1",
        "status": "final",
        "code": {"coding": [{"system": LOINC, "code": loinc}]},
        **elements,
    }


def quantity(value: str | int, unit: str | None = None, *, coded: bool = True) -> dict[str, Any]:
    stated: dict[str, Any] = {"value": Decimal(value)}
    if unit is not None:
        stated |= {"unit": unit, "system": UCUM, "code": unit} if coded else {"unit": unit}
    return stated


def fact(resource: Resource) -> Fact:
    type_ = resource["resourceType"]
    return Fact(source="lab", type=type_, key=resource["id"], subject="p1", order="1", resource=resource, path="")


@pytest.fixture(scope="session")
def harmonised() -> Callable[[Resource], Resource]:
    """Harmonise a resource, and check on the way what must hold for every one of them."""

    def run(resource: Resource) -> Resource:
        before = repr(resource)
        once = harmonise(fact(resource))
        assert repr(resource) == before, "a fact's resource is never changed in place"
        assert harmonise(once) is once, "harmonising twice is harmonising once"
        return once.resource

    return run


@pytest.fixture(scope="session")
def lab(harmonised: Callable[[Resource], Resource]) -> Callable[..., Resource]:
    """Harmonise an Observation with a quantity: `lab(loinc, value, unit)`."""

    def run(loinc: str, value: str | int, unit: str | None = None, **elements: object) -> Resource:
        return harmonised(observation(loinc, valueQuantity=quantity(value, unit), **elements))

    return run


@pytest.fixture(scope="session")
def text(harmonised: Callable[[Resource], Resource]) -> Callable[[str, str], Resource]:
    """Harmonise an Observation with a text: `text(loinc, words)`."""
    return lambda loinc, words: harmonised(observation(loinc, valueString=words))
