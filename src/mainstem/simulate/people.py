"""Invented people, among them those that matching gets wrong: twins, same names, nicknames, misspellings."""

from collections.abc import Sequence
from datetime import date, timedelta

from msgspec import Struct
from msgspec.structs import replace

from mainstem.simulate.chance import Random, chance
from mainstem.simulate.tables import names

_YEAR_DAYS = 365


class Person(Struct, frozen=True, kw_only=True):
    """One human being, as they are."""

    number: int
    given: str
    short: str
    """Nickname."""
    family: str
    misspelt: str
    """How a hurried clerk writes the family name."""
    sex: str
    birth_date: date
    phone: str
    email: str
    line: str
    city: str
    state: str
    postal: str
    member: str
    """Number at the health plan, which some sites know."""


class Casting(Struct, frozen=True, kw_only=True):
    """Who plays which planted part; everybody else is ordinary."""

    twins: tuple[int, int] = (0, 1)
    same_name: tuple[int, int] = (2, 3)
    """Same name, other birth date."""
    strangers: tuple[int, int] = (4, 5)
    """Same name, birth date and sex, nothing else in common; each is known to one site only."""
    misspelt: int = 6
    nickname: int = 7
    """One site has both names, another only the short one."""
    conflicts: tuple[int, ...] = (8, 15, 19)
    corrected: int = 9
    retracted: int = 10
    gaining: tuple[int, ...] = (11, 12)
    """Heart-failure-like weight gain at home."""
    shared_scale: int = 13
    nothing_known: int = 14
    """No known allergies, and a vaccine that was refused."""
    two_doses: int = 16


CASTING = Casting()


def people(seed: int, count: int) -> Sequence[Person]:
    """Return `count` people, distinct but for the planted parts."""
    made = [_person(chance(seed, "person", number), number) for number in range(count)]
    for copy, original, kept in _doubles():
        if copy < count:
            made[copy] = _alike(made[original], made[copy], kept)
    return made


def _doubles() -> Sequence[tuple[int, int, tuple[str, ...]]]:
    home = ("family", "misspelt", "birth_date", "phone", "email", "line", "city", "state", "postal")
    name = ("given", "short", "family", "misspelt", "sex")
    return (
        (CASTING.twins[1], CASTING.twins[0], (*home, "sex")),
        (CASTING.same_name[1], CASTING.same_name[0], name),
        (CASTING.strangers[1], CASTING.strangers[0], (*name, "birth_date")),
    )


def _alike(original: Person, copy: Person, kept: tuple[str, ...]) -> Person:
    return replace(copy, **{name: getattr(original, name) for name in kept})


def _person(rng: Random, number: int) -> Person:
    words = names()
    sex = CASTING_SEX.get(number) or rng.choice(("female", "male"))
    given, short = _distinct(words.female if sex == "female" else words.male, number)
    family, misspelt = _distinct(words.family, number + number // 100)
    city, state, postal = words.places[number % len(words.places)]
    return Person(
        number=number,
        given=given,
        short=short,
        family=family,
        misspelt=misspelt,
        sex=sex,
        birth_date=date(1940, 1, 1) + timedelta(days=rng.randrange(62 * _YEAR_DAYS)),
        phone=f"617-555-{number:04d}",
        email=f"{given}.{family}{number}@example.org".lower(),
        line=f"{rng.randrange(1, 900)} {rng.choice(words.streets)}",
        city=city,
        state=state,
        postal=postal,
        member=f"MB{rng.randrange(10**8, 10**9)}",
    )


CASTING_SEX = dict.fromkeys(CASTING.twins, "female")
"""Twins of one sex are the harder case."""


def _distinct(pairs: Sequence[tuple[str, str]], turn: int) -> tuple[str, str]:
    """Return a pair far from its neighbour's; 20 given and 25 family names meet each other once in 100 turns."""
    return pairs[turn * 7 % len(pairs)]
