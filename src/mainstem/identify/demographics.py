"""A Patient in the words in which people are compared: what is not known or stands for nothing is empty."""

from mainstem.fhir.element import text
from mainstem.identify.assigned import identifiers
from mainstem.identify.contact import addresses, cities, emails, phones, postal_codes
from mainstem.identify.naming import naming
from mainstem.identify.words import is_placeholder
from mainstem.model.fact import Fact, Resource
from mainstem.model.ids import Namer
from mainstem.model.moment import parse_moment
from mainstem.model.person import Demographics

_SEXES = frozenset({"male", "female", "other"})
_DAY = 10


def demographics(fact: Fact, namer: Namer) -> Demographics:
    """Return the standardised demographics of a Patient fact, under the public id of its record."""
    patient = fact.resource
    names, numbers = naming(patient), identifiers(patient)
    gender = text(patient, "gender")
    return Demographics(
        record=namer.record(fact.source, fact.type, fact.key),
        source=fact.source,
        identifiers=numbers.usable,
        assigned=numbers.assigned,
        given=names.given,
        first=names.first,
        family=names.family,
        suffixes=names.suffixes,
        birth_date=_birth_date(patient),
        sex=gender if gender in _SEXES else "",
        phones=phones(patient),
        emails=emails(patient),
        addresses=addresses(patient),
        postal_codes=postal_codes(patient),
        cities=cities(patient),
        multiple_birth=_multiple_birth(patient),
    )


def _birth_date(patient: Resource) -> str:
    """Return a whole date that exists; a year or a month alone is no birth date to compare."""
    day = text(patient, "birthDate")[:_DAY]
    moment = parse_moment(day)
    whole = moment is not None and moment.precision == "day"
    return day if whole and not is_placeholder("date", day) else ""


def _multiple_birth(patient: Resource) -> bool:
    order = patient.get("multipleBirthInteger")
    return patient.get("multipleBirthBoolean") is True or (isinstance(order, int) and order > 0)
