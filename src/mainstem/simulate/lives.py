"""Gives each person a course: visits with results, problems, and a month on the scale at home."""

from collections.abc import Iterator, Sequence
from datetime import datetime, time, timedelta
from decimal import Decimal

from msgspec import Struct

from mainstem.simulate.chance import Random, chance
from mainstem.simulate.people import CASTING, Person
from mainstem.simulate.plan import OFFSET, Event, Part, Reading, Visit
from mainstem.simulate.tables import Analyte, Concept, analytes, concepts, rounded

HOME_DAYS = 21
LATE_DAYS = 2
"""The last days at home reach the vendor between the two syncs."""
_PARTS_MAX = 1000
_SYSTOLIC, _DIASTOLIC, _PULSE, _WEIGHT, _FAT, _HEIGHT = "8480-6", "8462-4", "8867-4", "29463-7", "41982-0", "8302-2"
POTASSIUM = "2823-3"
_DAILY = "1 tablet by mouth once a day"
_TWICE = "1 tablet by mouth twice a day"


class Life(Struct, frozen=True, kw_only=True):
    """What happened to one person."""

    person: Person
    visits: Sequence[Visit]
    clinic: Sequence[Reading]
    home: Sequence[Reading]
    conditions: Sequence[Event]
    allergies: Sequence[Event]
    medications: Sequence[Event]
    immunizations: Sequence[Event]


def live(seed: int, person: Person, today: datetime) -> Life:
    """Return one person's course up to `today` (a midnight at home)."""
    rng = chance(seed, "life", person.number)
    visits = [Visit(start=start, minutes=rng.randrange(20, 60, 5)) for start in _visit_times(rng, today)]
    numbers = iter(range(person.number * _PARTS_MAX, (person.number + 1) * _PARTS_MAX))
    course = _Course(rng, person)
    clinic = [reading for visit in visits for reading in course.measured(visit.start, numbers)]
    return Life(
        person=person,
        visits=visits,
        clinic=clinic,
        home=list(course.home(today, numbers)),
        conditions=_some(rng, "condition", today, 2),
        allergies=() if person.number == CASTING.nothing_known else _some(rng, "allergy", today, 1),
        medications=_medications(rng, person, today),
        immunizations=_some(rng, "immunization", today, 2),
    )


class _Course:
    """A person's usual values, around which each measurement lies."""

    def __init__(self, rng: Random, person: Person) -> None:
        self._rng = rng
        self._person = person
        self._usual = {code: _between(rng, analyte) for code, analyte in analytes().items()}

    def measured(self, at: datetime, numbers: Iterator[int]) -> Iterator[Reading]:
        """Yield what a visit measures; a blood pressure is one reading of two parts."""
        for analyte in analytes().values():
            if analyte.kind == "home" or analyte.loinc == _DIASTOLIC:
                continue
            codes = (_SYSTOLIC, _DIASTOLIC) if analyte.loinc == _SYSTOLIC else (analyte.loinc,)
            yield Reading(number=next(numbers), at=at, parts=tuple(self._near(code) for code in codes))

    def home(self, today: datetime, numbers: Iterator[int]) -> Iterator[Reading]:
        """Yield a weighing each morning, and a blood pressure with pulse each third day."""
        for back in range(HOME_DAYS, 0, -1):
            at = today - timedelta(days=back) + timedelta(hours=7, minutes=self._rng.randrange(50), seconds=17)
            weight = self._usual[_WEIGHT] + self._gain(back) + Decimal(self._rng.randrange(-15, 16)) / 100
            yield Reading(number=next(numbers), at=at, parts=(_part(_WEIGHT, weight, 2),))
            yield Reading(number=next(numbers), at=at, parts=(_part(_FAT, self._usual[_FAT], 2),))
            if back % 3 == 0:
                cuff = at + timedelta(minutes=4)
                pressure = (self._near(_SYSTOLIC), self._near(_DIASTOLIC))
                yield Reading(number=next(numbers), at=cuff, parts=pressure)
                yield Reading(number=next(numbers), at=cuff, parts=(self._near(_PULSE),))

    def _gain(self, back: int) -> Decimal:
        """Fluid: 0.9 kg a day over the last three days, more than 2 kg in 3 days."""
        days = max(0, 4 - back) if self._person.number in CASTING.gaining else 0
        return Decimal("0.9") * days

    def _near(self, code: str) -> Part:
        analyte, usual = analytes()[code], self._usual[code]
        step = Decimal(1).scaleb(-analyte.decimals)
        value = usual if code == _HEIGHT else usual + step * self._rng.randrange(-2, 3)
        return _part(code, min(max(value, analyte.low), analyte.high), analyte.decimals)


def _part(code: str, value: Decimal, decimals: int) -> Part:
    return Part(analyte=analytes()[code], value=rounded(value, decimals))


def _between(rng: Random, analyte: Analyte) -> Decimal:
    low, high = (int(bound.scaleb(analyte.decimals)) for bound in (analyte.low, analyte.high))
    return Decimal(rng.randrange(low, high + 1)).scaleb(-analyte.decimals)


def _visit_times(rng: Random, today: datetime) -> Sequence[datetime]:
    """Return visits on days far apart, all before the month at home."""
    days = [60 + 180 * turn + rng.randrange(100) for turn in range(rng.choice((2, 3, 3)))]
    return [
        (today - timedelta(days=back)).replace(hour=rng.randrange(8, 17), minute=rng.randrange(0, 60, 5))
        for back in days
    ]


def _some(rng: Random, kind: str, today: datetime, most: int) -> Sequence[Event]:
    chosen = rng.sample(list(concepts(kind)), rng.randrange(most + 1))
    return [Event(concept=concept, on=(today - timedelta(days=rng.randrange(90, 3000))).date()) for concept in chosen]


def _medications(rng: Random, person: Person, today: datetime) -> Sequence[Event]:
    chosen: list[Concept] = rng.sample(list(concepts("medication")), rng.randrange(3))
    if person.number == CASTING.two_doses and not chosen:
        chosen = [concepts("medication")[0]]
    on = (today - timedelta(days=rng.randrange(90, 900))).date()
    daily = [Event(concept=concept, on=on, dose=_DAILY) for concept in chosen]
    twice = [Event(concept=chosen[0], on=on, dose=_TWICE)] if person.number == CASTING.two_doses else []
    return [*daily, *twice]


def midnight(day: datetime) -> datetime:
    """Return the beginning of a day at home."""
    return datetime.combine(day.date(), time(), tzinfo=OFFSET)
