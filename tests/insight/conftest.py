"""Builders of consolidated readings, as fixtures."""

from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any

import pytest

from mainstem.insight import STAGE, Series
from mainstem.model.fact import Resource
from mainstem.model.ids import Namer
from mainstem.model.names import LOINC, UCUM
from mainstem.model.record import Certificate, Entry, Member
from mainstem.model.reference import Reference

NAMER = Namer(b"k" * 32)


def _entry(block: str, key: str, resource: Resource, source: str = "scale") -> Entry:
    record = NAMER.record(source, "Observation", key)
    member = Member(record=record, source=source, type="Observation", key=key, order="1", role="same")
    body = {"resourceType": "Observation", "id": record, "status": "final", **resource}
    certificate = Certificate(rule="observation", version=1, members=(member,))
    return Entry(type="Observation", id=record, person="p1", block=block, resource=body, certificate=certificate)


def _quantity(value: str, unit: str) -> dict[str, Any]:
    return {"value": Decimal(value), "unit": unit, "system": UCUM, "code": unit}


def _coded(code: str, value: str, unit: str) -> dict[str, Any]:
    return {"code": {"coding": [{"system": LOINC, "code": code}]}, "valueQuantity": _quantity(value, unit)}


@pytest.fixture(scope="session")
def weight() -> Callable[..., Entry]:
    """Build a consolidated weight: `weight(when, kilograms, **elements)`."""

    def build(when: str, value: str, unit: str = "kg", **elements: object) -> Entry:
        stated = when if "T" in when else f"{when}T06:30:00+01:00"
        body = {**_coded("29463-7", value, unit), "effectiveDateTime": stated, **elements}
        return _entry("Observation|weight", f"w{when}", body)

    return build


@pytest.fixture(scope="session")
def pressure() -> Callable[..., Entry]:
    """Build a consolidated blood pressure panel: `pressure(when, systolic, diastolic, **elements)`."""

    def build(when: str, systolic: str, diastolic: str, **elements: object) -> Entry:
        panel = {"coding": [{"system": LOINC, "code": "85354-9"}]}
        parts = [_coded("8480-6", systolic, "mm[Hg]"), _coded("8462-4", diastolic, "mm[Hg]")]
        body = {"code": panel, "component": parts, "effectiveDateTime": when, **elements}
        return _entry("Observation|blood-pressure", f"b{when}", body, "cuff")

    return build


@pytest.fixture(scope="session")
def alerts() -> Callable[[Sequence[Entry]], list[Entry]]:
    """Run the stage over one person's series and return the Flag entries."""

    def run(entries: Sequence[Entry]) -> list[Entry]:
        if not entries:
            return []
        series = Series(person="p1", block=entries[0].block, entries=entries)
        outcome = STAGE.run([series], Reference(namer=NAMER, readers={}))
        assert outcome.held == ()
        return list(outcome.kept)

    return run
