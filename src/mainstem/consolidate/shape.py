"""Whether a resource has the shapes that the rules of this room read (FHIR R4 datatypes); what has not passes alone."""

from typing import Any, cast

from msgspec import Struct, ValidationError, convert

from mainstem.model.fact import Resource

_Element = dict[str, Any]


class _Coding(Struct, rename="camel", frozen=True):
    system: str = ""
    code: str = ""
    display: str = ""


class _Extension(Struct, rename="camel", frozen=True):
    url: str = ""
    value_quantity: _Element = {}
    value_string: str = ""


class _Concept(Struct, rename="camel", frozen=True):
    """A CodeableConcept, or a Reference."""

    coding: list[_Coding] = []
    text: str = ""
    reference: str = ""
    extension: list[_Extension] = []


class _Quantity(Struct, rename="camel", frozen=True):
    unit: str = ""
    code: str = ""
    comparator: str = ""
    extension: list[_Extension] = []


class _Component(Struct, rename="camel", frozen=True):
    code: _Concept = _Concept()
    value_quantity: _Quantity = _Quantity()
    value_codeable_concept: _Concept = _Concept()


class _Rate(Struct, rename="camel", frozen=True):
    dose_quantity: _Quantity = _Quantity()
    dose_range: _Element = {}
    rate_quantity: _Quantity = _Quantity()
    rate_ratio: _Element = {}
    rate_range: _Element = {}


class _Timing(Struct, rename="camel", frozen=True):
    repeat: _Element = {}


class _Dosage(Struct, rename="camel", frozen=True):
    text: str = ""
    timing: _Timing = _Timing()
    dose_and_rate: list[_Rate] = []


class _Tag(Struct, rename="camel", frozen=True):
    system: str = ""
    code: str = ""


class _Meta(Struct, rename="camel", frozen=True):
    tag: list[_Tag] = []
    security: list[_Element] = []
    profile: list[str] = []


class _Contained(Struct, rename="camel", frozen=True):
    id: str = ""
    code: _Concept | str = ""


class _Name(Struct, rename="camel", frozen=True):
    use: str = ""
    family: str = ""
    given: list[str] = []
    suffix: list[str] = []


class _Contact(Struct, rename="camel", frozen=True):
    """A ContactPoint or an Address."""

    system: str = ""
    value: str = ""
    line: list[str] = []


class _Identifier(Struct, rename="camel", frozen=True):
    system: str = ""
    value: str = ""


class _Read(Struct, rename="camel", frozen=True):
    """All that this room reads by name, of any type that it has rules for."""

    meta: _Meta = _Meta()
    identifier: list[_Identifier] | _Identifier = []
    master_identifier: _Identifier = _Identifier()
    status: str = ""
    code: _Concept = _Concept()
    vaccine_code: _Concept = _Concept()
    medication_codeable_concept: _Concept = _Concept()
    medication_reference: _Concept = _Concept()
    type: list[_Concept] | _Concept | str = ""
    category: list[_Concept | str] | _Concept = []
    verification_status: _Concept = _Concept()
    clinical_status: _Concept = _Concept()
    method: _Concept = _Concept()
    body_site: list[_Concept] | _Concept = []
    value_quantity: _Quantity = _Quantity()
    value_codeable_concept: _Concept = _Concept()
    component: list[_Component] = []
    dosage: list[_Dosage] = []
    dosage_instruction: list[_Dosage] = []
    contained: list[_Contained] = []
    extension: list[_Extension] = []
    name: list[_Name] | str = []
    telecom: list[_Contact] = []
    address: list[_Contact] | _Contact = []


_LISTS = (
    "note", "performer", "participant", "diagnosis", "evidence", "reaction", "protocolApplied", "qualification",
    "alias",
    "contact", "communication", "generalPractitioner", "photo", "interpretation", "referenceRange", "content",
)  # fmt: skip
"""Elements that are lists in every type that has rules here, read item by item."""


def sound(resource: Resource) -> bool:
    """Return whether every element that a rule would read has its R4 shape; null is none."""
    try:
        convert(resource, _Read)
    except ValidationError:
        return False
    return all(isinstance(resource[name], list) for name in _LISTS if name in resource)


def dicts(value: object) -> list[dict[str, Any]]:
    """Return the objects of a list; nothing of what is no list."""
    items = cast("list[object]", value) if isinstance(value, list) else []
    return [cast("dict[str, Any]", item) for item in items if isinstance(item, dict)]
