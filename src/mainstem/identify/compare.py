"""What two patient records agree on and where they conflict, in words; the same whichever comes first."""

from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType

from rapidfuzz.distance import OSA

from mainstem.identify.assigned import NATIONAL_SYSTEMS
from mainstem.model.person import Demographics

_FULL_GIVEN = 3
_NEAR_LENGTH_MIN = 4
_LINE_ERRORS_MAX = 2
_OPPOSITE = frozenset({"male", "female"})

Test = Callable[[Demographics, Demographics], bool]


def agreements(left: Demographics, right: Demographics) -> frozenset[str]:
    """Return the words of `AGREEMENTS` that hold between two records; values that are not stated never agree."""
    return frozenset(word for word, holds in AGREEMENTS.items() if holds(left, right))


def conflicts(left: Demographics, right: Demographics) -> frozenset[str]:
    """Return the words of `CONFLICTS` that hold between two records; values that are not stated never conflict."""
    return frozenset(word for word, holds in CONFLICTS.items() if holds(left, right))


def _meet(left: tuple[str, ...], right: tuple[str, ...]) -> bool:
    return bool(left) and bool(right) and not set(left).isdisjoint(right)


def _first(left: Demographics, right: Demographics) -> bool:
    return any(len(each) > 1 and each in right.first for each in left.first)


def _family(left: Demographics, right: Demographics) -> bool:
    return _meet(left.family, right.family)


def _name(left: Demographics, right: Demographics) -> bool:
    return _family(left, right) and _first(left, right)


def _full_name(left: Demographics, right: Demographics) -> bool:
    shared = [each for each in set(left.given) & set(right.given) if len(each) > 1]
    return len(shared) >= _FULL_GIVEN and _name(left, right)


def _swapped(left: Demographics, right: Demographics) -> bool:
    return _meet(left.first, right.family) and _meet(left.family, right.first)


def _near(left: str, right: str) -> bool:
    """Tell whether two words are one typing error apart; short words must be equal."""
    if min(len(left), len(right)) < _NEAR_LENGTH_MIN:
        return left == right
    return OSA.distance(left, right, score_cutoff=1) <= 1


def _any_near(left: tuple[str, ...], right: tuple[str, ...]) -> bool:
    return any(_near(one, other) for one in left for other in right)


def _family_near(left: Demographics, right: Demographics) -> bool:
    return _first(left, right) and _any_near(left.family, right.family)


def _given_near(left: Demographics, right: Demographics) -> bool:
    return _any_near(left.first, right.given) or _any_near(left.given, right.first)


def _born(left: Demographics, right: Demographics) -> bool:
    return bool(left.birth_date) and left.birth_date == right.birth_date


def _born_near(left: Demographics, right: Demographics) -> bool:
    """Tell whether birth dates differ by one typing error: one part of three, or month and day exchanged.

    A year counts only when one digit differs: 1970 and 1984 are father and son.
    """
    if not left.birth_date or not right.birth_date or left.birth_date == right.birth_date:
        return False
    one, other = left.birth_date.split("-"), right.birth_date.split("-")
    if one[0] != other[0]:
        return one[1:] == other[1:] and sum(a != b for a, b in zip(one[0], other[0], strict=True)) == 1
    return one[1] == other[1] or one[2] == other[2] or one[1:] == other[:0:-1]


def _born_apart(left: Demographics, right: Demographics) -> bool:
    stated = left.birth_date and right.birth_date
    return bool(stated) and not _born(left, right) and not _born_near(left, right)


def _place(left: Demographics, right: Demographics) -> bool:
    """Tell whether a postal code agrees and no street address speaks against it: it may be missing or mistyped."""
    if not _meet(left.postal_codes, right.postal_codes):
        return False
    if not left.addresses or not right.addresses:
        return True
    return any(_line_near(one, other) for one in left.addresses for other in right.addresses)


def _line_near(one: str, other: str) -> bool:
    """Tell whether two lines have one house number, or are two typing errors apart."""
    number = one.split(" ", 1)[0]
    same_house = number.isdigit() and number == other.split(" ", 1)[0]
    return same_house or OSA.distance(one, other, score_cutoff=_LINE_ERRORS_MAX) <= _LINE_ERRORS_MAX


def _sex(left: Demographics, right: Demographics) -> bool:
    return bool(left.sex) and left.sex == right.sex


def _sexes_differ(left: Demographics, right: Demographics) -> bool:
    return frozenset((left.sex, right.sex)) == _OPPOSITE


def _identifier(left: Demographics, right: Demographics) -> bool:
    return (
        bool(left.identifiers) and bool(right.identifiers) and not set(left.identifiers).isdisjoint(right.identifiers)
    )


def _differing(left: Demographics, right: Demographics) -> Iterator[str]:
    """Yield the assigners that gave the two records different numbers and no number in common."""
    ours, theirs = _by_system(left), _by_system(right)
    yield from (system for system in ours.keys() & theirs.keys() if ours[system].isdisjoint(theirs[system]))


def _by_system(person: Demographics) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for system, value in person.assigned:
        found.setdefault(system, set()).add(value)
    return found


def _numbers_differ(left: Demographics, right: Demographics) -> bool:
    return any(system not in NATIONAL_SYSTEMS for system in _differing(left, right))


def _national_differs(left: Demographics, right: Demographics) -> bool:
    return any(system in NATIONAL_SYSTEMS for system in _differing(left, right))


def _generations_differ(left: Demographics, right: Demographics) -> bool:
    return bool(left.suffixes) and bool(right.suffixes) and not _meet(left.suffixes, right.suffixes)


def _given_differ(left: Demographics, right: Demographics) -> bool:
    """Tell whether given names contradict: no first name fits the other record, or no further one does.

    Twins named José Antonio and José Luis share the first; an initial fits what begins with it.
    """
    if not left.first or not right.first or _swapped(left, right):
        return False
    if not (_fits(left.first, right.given) or _fits(right.first, left.given)):
        return True
    ours, theirs = set(left.given) - set(left.first), set(right.given) - set(right.first)
    return bool(ours) and bool(theirs) and not (_fits(ours, right.given) or _fits(theirs, left.given))


def _fits(names: tuple[str, ...] | set[str], others: tuple[str, ...]) -> bool:
    return any(one == other or _initial(one, other) or _initial(other, one) for one in names for other in others)


def _initial(one: str, other: str) -> bool:
    return len(one) == 1 and other.startswith(one)


def _siblings(left: Demographics, right: Demographics) -> bool:
    return _born(left, right) and _family(left, right) and _given_differ(left, right)


def _multiple_differs(left: Demographics, right: Demographics) -> bool:
    return left.multiple_birth != right.multiple_birth


AGREEMENTS: Mapping[str, Test] = MappingProxyType(
    {
        "identifier": _identifier,
        "name": _name,
        "full name": _full_name,
        "names swapped": _swapped,
        "given name": _first,
        "given name nearly": _given_near,
        "family name": _family,
        "family name nearly": _family_near,
        "birth date": _born,
        "birth date nearly": _born_near,
        "sex": _sex,
        "address": lambda left, right: _meet(left.addresses, right.addresses),
        "place": _place,
        "postal code": lambda left, right: _meet(left.postal_codes, right.postal_codes),
        "city": lambda left, right: _meet(left.cities, right.cities),
        "phone": lambda left, right: _meet(left.phones, right.phones),
        "email": lambda left, right: _meet(left.emails, right.emails),
    }
)
"""What can agree; the words are the evidence that people read and that `rules.toml` names."""

CONFLICTS: Mapping[str, Test] = MappingProxyType(
    {
        "identifiers of one assigner differ": _numbers_differ,
        "national numbers differ": _national_differs,
        "birth dates differ": _born_apart,
        "sexes differ": _sexes_differ,
        "generations differ": _generations_differ,
        "given names differ": _given_differ,
        "given names of one family and birthday differ": _siblings,
        "multiple birth differs": _multiple_differs,
    }
)
"""What can speak against; the words are those of `rules.toml`."""
