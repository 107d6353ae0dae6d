"""Decides which site holds what, and how it wrote it down."""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal

from msgspec.structs import replace

from mainstem.simulate.chance import Random, chance
from mainstem.simulate.lives import HOME_DAYS, LATE_DAYS, POTASSIUM, Life
from mainstem.simulate.people import CASTING, Person
from mainstem.simulate.plan import Chart, Copy, Event, Holding, Kind, Part, Reading, Written
from mainstem.simulate.tables import concepts

_KINDS: tuple[Kind, ...] = ("fhir", "cda", "home")
_NAMES = {"fhir": "harbour-hospital", "cda": "valley-exchange", "home": "home-scale"}
_BOTH = {
    *CASTING.twins,
    *CASTING.same_name,
    *CASTING.conflicts,
    CASTING.misspelt,
    CASTING.nickname,
    CASTING.nothing_known,
    CASTING.two_doses,
}
_HOSPITAL = {CASTING.corrected, CASTING.retracted}
_AT_HOME = {*CASTING.gaining, CASTING.shared_scale}
_NOT_HOME = {*CASTING.strangers, *CASTING.twins, CASTING.nickname}
_ALTERED = Decimal("0.7")
_WRONG = Decimal("3.6")
_DOCUMENTS_BROKEN = 1


def holdings(seed: int, lives: Sequence[Life], sites: int, today: datetime) -> Sequence[Holding]:
    """Return what each of `sites` sites holds: hospitals, exchanges and scale programmes by turns."""
    made: list[Holding] = []
    for index in range(sites):
        kind, round_ = _KINDS[index % len(_KINDS)], index // len(_KINDS)
        rng = chance(seed, "site", index)
        present = [life for life in lives if _present(life.person, kind, rng)]
        charts = [_Clerk(kind, index, rng, today).chart(life) for life in present]
        name = _NAMES[kind] + (f"-{round_ + 1}" if round_ else "")
        broken = _DOCUMENTS_BROKEN if kind == "cda" and round_ == 0 else 0
        made.append(Holding(name=name, kind=kind, charts=charts, broken=broken))
    return _everybody(made, lives, today)


def _everybody(made: list[Holding], lives: Sequence[Life], today: datetime) -> Sequence[Holding]:
    """Put whom no site knows into the first one: the truth counts people that somebody knows."""
    known = {chart.written.person.number for holding in made for chart in holding.charts}
    first = made[0]
    clerk = _Clerk(first.kind, 0, chance("lost", len(lives)), today)
    lost = [clerk.chart(life) for life in lives if life.person.number not in known]
    return [replace(first, charts=[*first.charts, *lost]), *made[1:]]


def _present(person: Person, kind: Kind, rng: Random) -> bool:
    number, roll = person.number, rng.random()
    if kind == "home":
        return number in _AT_HOME or (number not in _NOT_HOME and roll < 0.4)  # noqa: PLR2004  # share of the people
    if number in CASTING.strangers:
        return (kind == "fhir") == (number == CASTING.strangers[0])
    if number in _BOTH or (kind == "fhir" and number in _HOSPITAL | _AT_HOME):
        return True
    return roll < (0.85 if kind == "fhir" else 0.75)


class _Clerk:
    """Writes down, at one site, what that site knows of a life."""

    def __init__(self, kind: Kind, index: int, rng: Random, today: datetime) -> None:
        self._kind, self._index, self._rng, self._today = kind, index, rng, today

    def chart(self, life: Life) -> Chart:
        written = self._written(life.person)
        if self._kind == "home":
            return Chart(written=written, copies=[self._weighed(reading, life.person) for reading in life.home])
        nothing_known = self._kind == "cda" and life.person.number == CASTING.nothing_known
        return Chart(
            written=written,
            copies=[copy for reading in life.clinic if (copy := self._copied(reading, life)) is not None],
            conditions=self._kept(life.conditions),
            allergies=self._kept(life.allergies),
            medications=life.medications if self._kind == "fhir" else self._kept(life.medications),
            immunizations=[*self._kept(life.immunizations), *(self._refused(life) if nothing_known else ())],
            visits=life.visits,
            no_known_allergies=nothing_known,
        )

    def _written(self, person: Person) -> Written:
        known_as = person.short if person.number == CASTING.nickname else ""
        misspelt = self._kind == "fhir" and person.number == CASTING.misspelt
        insured = self._kind != "home" and person.number % 4 == 0
        return Written(
            person=person,
            mrn=f"{self._index + 1}{person.number + 10_342:07d}",
            given=known_as if known_as and self._kind == "cda" else person.given,
            family=person.misspelt if misspelt else person.family,
            phone=person.phone if self._kind != "home" else "",
            email=person.email,
            address=self._kind != "home",
            member=person.member if insured else "",
            nickname=known_as if self._kind == "fhir" else "",
        )

    def _copied(self, reading: Reading, life: Life) -> Copy | None:
        potassium = reading.parts[0].analyte.loinc == POTASSIUM
        number, last = life.person.number, reading.at == life.visits[0].start
        if potassium and last and number in {CASTING.corrected, CASTING.retracted}:
            return self._mended(reading, number) if self._kind == "fhir" else None
        if potassium and last and number in CASTING.conflicts:
            return Copy(
                reading=reading, parts=reading.parts if self._kind == "fhir" else _altered(reading.parts, _ALTERED)
            )
        if self._rng.random() > (0.85 if self._kind == "fhir" else 0.7):
            return None
        day_only = self._kind == "cda" and self._rng.random() < 0.2  # noqa: PLR2004  # share of results with a date only
        return Copy(reading=reading, parts=reading.parts, day_only=day_only, phase=2 if last and number % 5 == 0 else 1)

    def _mended(self, reading: Reading, number: int) -> Copy:
        if number == CASTING.retracted:
            return Copy(reading=reading, parts=reading.parts, later=reading.parts, later_status="entered-in-error")
        wrong = _altered(reading.parts, _WRONG)
        return Copy(reading=reading, parts=wrong, later=reading.parts, later_status="corrected")

    def _weighed(self, reading: Reading, person: Person) -> Copy:
        back = (self._today - reading.at).days + 1
        shared = person.number == CASTING.shared_scale and back in {HOME_DAYS - 1, HOME_DAYS - 3}
        return Copy(reading=reading, parts=reading.parts, phase=2 if back <= LATE_DAYS else 1, ambiguous=shared)

    def _kept(self, events: Sequence[Event]) -> Sequence[Event]:
        return [event for event in events if self._rng.random() < 0.8]  # noqa: PLR2004  # share that a site knows

    def _refused(self, life: Life) -> Sequence[Event]:
        given = {event.concept.code for event in life.immunizations}
        concept = next(concept for concept in concepts("immunization") if concept.code not in given)
        return [Event(concept=concept, on=life.visits[0].start.date(), negated=True)]


def _altered(parts: tuple[Part, ...], by: Decimal) -> tuple[Part, ...]:
    return tuple(replace(part, value=part.value + by) for part in parts)
