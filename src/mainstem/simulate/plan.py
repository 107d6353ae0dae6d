"""What happened to each person and which site wrote down what: sites and truth both follow from this plan."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Literal

from msgspec import Struct

from mainstem.simulate.people import Person
from mainstem.simulate.tables import Analyte, Concept

OFFSET = timezone(timedelta(hours=-4))
ZONE = "America/New_York"
ARC = "2.25.118624203940857463219070513340122745801"
"""OID arc of one UUID (ITU-T X.667): numbers that no real assigner gives."""
Kind = Literal["fhir", "cda", "home"]
Status = Literal["final", "corrected", "entered-in-error"]


class Part(Struct, frozen=True, kw_only=True):
    """One measured number, in the analyte's first system of units."""

    analyte: Analyte
    value: Decimal


class Reading(Struct, frozen=True, kw_only=True):
    """Something measured once: one part, or the two of a blood pressure."""

    number: int
    at: datetime
    parts: tuple[Part, ...]


class Copy(Struct, frozen=True, kw_only=True):
    """How one site wrote a reading down."""

    reading: Reading
    parts: tuple[Part, ...]
    """Equal to the reading's, or altered: a planted conflict."""
    day_only: bool = False
    phase: int = 1
    """1 = there from the beginning, 2 = written between the two syncs."""
    later: tuple[Part, ...] = ()
    """Parts after a correction in phase 2."""
    later_status: Status = "final"
    ambiguous: bool = False
    """The scale could not tell who stood on it."""


class Event(Struct, frozen=True, kw_only=True):
    """A coded fact of a chart: a problem, an allergy, a medication, a vaccination."""

    concept: Concept
    on: date
    negated: bool = False
    dose: str = ""


class Visit(Struct, frozen=True, kw_only=True):
    """An encounter at one site."""

    start: datetime
    minutes: int


class Written(Struct, frozen=True, kw_only=True):
    """Demographics as one site has them; empty = not asked."""

    person: Person
    mrn: str
    given: str
    family: str
    phone: str = ""
    email: str = ""
    address: bool = True
    member: str = ""
    nickname: str = ""
    """A second name, beside the official one."""


class Chart(Struct, frozen=True, kw_only=True):
    """All that one site holds about one person."""

    written: Written
    copies: Sequence[Copy] = ()
    conditions: Sequence[Event] = ()
    allergies: Sequence[Event] = ()
    medications: Sequence[Event] = ()
    immunizations: Sequence[Event] = ()
    visits: Sequence[Visit] = ()
    no_known_allergies: bool = False


class Holding(Struct, frozen=True, kw_only=True):
    """A site: what it is and what it holds."""

    name: str
    kind: Kind
    charts: Sequence[Chart]
    broken: int = 0
    """Documents that are cut off in the middle."""
