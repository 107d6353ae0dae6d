"""People for the tests of identification: one line each."""

from typing import Any

from mainstem.identify import demographics
from mainstem.model.fact import Fact
from mainstem.model.ids import Namer
from mainstem.model.person import Demographics
from mainstem.model.reference import Reference

NAMER = Namer(b"t" * 32)
REFERENCE = Reference(namer=NAMER, readers={})


def fact(key: str = "1", source: str = "clinic", **patient: Any) -> Fact:  # noqa: ANN401 - any JSON value
    resource = {"resourceType": "Patient", "id": key, **patient}
    return Fact(source=source, type="Patient", key=key, subject=key, order="", resource=resource, path="")


def person(  # noqa: PLR0913 - one line a person
    given: str = "Ann", family: str = "Lee", born: str = "1980-05-17", sex: str = "female", *,
    line: str = "12 Oak Street", postal: str = "97006", city: str = "Beaverton", phone: str = "503-555-0188",
    key: str = "1", source: str = "clinic", **more: Any,  # noqa: ANN401 - any JSON value
) -> Demographics:  # fmt: skip
    """Return the demographics of a Patient; an empty text leaves the element out."""
    patient = {
        "name": [{"given": given.split("|"), "family": family}],
        **({"birthDate": born} if born else {}),
        **({"gender": sex} if sex else {}),
        "address": [{"line": [line], "postalCode": postal, "city": city}],
        "telecom": [{"system": "phone", "value": phone}],
        **more,
    }
    return demographics(fact(key, source, **patient), NAMER)
