"""Conditions, allergies, medications and the like: what each one claims, and which claims are one (CONS-7, 8, 12)."""

from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, cast

from msgspec import Struct

from mainstem.consolidate.block import codings
from mainstem.consolidate.dose import Dose, dose_of, same_dose
from mainstem.consolidate.gather import Group, Item, Rule
from mainstem.consolidate.reading import plainness, undisguised
from mainstem.consolidate.sameness import ABSENT, CODES, ClaimRule, tolerance_of
from mainstem.consolidate.statement import Statement
from mainstem.consolidate.value import Coded, coded, same
from mainstem.consolidate.when import When, as_day, when
from mainstem.consolidate.words import name_of
from mainstem.model.fact import Resource
from mainstem.model.json import canonical

_ZERO = Decimal(0)
_FOREVER = datetime.max.replace(tzinfo=UTC)
_ANY = tolerance_of("")


class Claim(Struct, frozen=True, kw_only=True):
    """What a statement claims of the person."""

    codes: frozenset[tuple[str, str]]
    text: str
    """Its words, exactly; they count only for claims without a code, and only within one source."""
    polarity: str
    """`so`, `not so`, or `none` for "nothing known of this kind"."""
    scope: str
    """For `none`: of which category nothing is known; "" = of all."""
    current: bool
    equal: tuple[str, ...]
    compatible: tuple[Coded | None, ...]
    dose: Dose


def claims(heard: Sequence[Statement], rule: ClaimRule) -> list[Item]:
    """Return the statements of one type prepared for comparison."""
    times = [when(each.fact.resource, rule.start, rule.end) for each in heard]
    plain = undisguised([(each.fact.source, time) for each, time in zip(heard, times, strict=True)])
    return [
        _item(each, as_day(time) if rule.grain == "day" or each.fact.source in plain else time, rule)
        for each, time in zip(heard, times, strict=True)
    ]


def rule_of(declared: ClaimRule) -> Rule:
    """Return the declared rule as functions."""
    return Rule(
        fits=fits,
        repeats=_repeats,
        copies=_copies,
        lasting=lambda left, right: overlapping(left, right, declared),
        undated=declared.undated,
        coarse=declared.undated == "join",
    )


def overlapping(left: Group, right: Group, declared: ClaimRule) -> bool:
    """Return whether two groups of one lasting thing held at one time: not two episodes, but two dates for one."""
    if not declared.lasting or _episode(left, declared) or _episode(right, declared):
        return False
    return _begins(left) < _ends(right, declared) and _begins(right) < _ends(left, declared)


def _episode(group: Group, declared: ClaimRule) -> bool:
    found = [stated_codes(item.statement.fact.resource, "category") for item in group.members]
    return bool(declared.episodes) and all(codes and codes <= set(declared.episodes) for codes in found)


def _begins(group: Group) -> datetime:
    return group.anchor.when.lo or _FOREVER


def _ends(group: Group, declared: ClaimRule) -> datetime:
    return when(group.best.statement.fact.resource, declared.until, ()).lo or _FOREVER


def fits(anchor: Item, item: Item) -> Decimal | None:
    """Return 0 when two claims are of one thing, apart from their times; None when they are not."""
    left, right = cast("Claim", anchor.says), cast("Claim", item.says)
    if left.polarity != right.polarity or not same_thing(anchor, item) or left.equal != right.equal:
        return None
    agreed = same_dose(left.dose, right.dose) and all(
        mine is None or theirs is None or same(mine, theirs, _ANY) is True
        for mine, theirs in zip(left.compatible, right.compatible, strict=True)
    )
    return _ZERO if agreed else None


def same_thing(anchor: Item, item: Item) -> bool:
    """Return whether the codes agree: one in common, and in each system both use, one side's codes include the other's.

    Where both name the thing itself (SNOMED CT, RxNorm, CVX), how it is classified or packed does not count.
    """
    left, right = cast("Claim", anchor.says), cast("Claim", item.says)
    if not left.codes and not right.codes:
        return bool(left.text) and left.text == right.text and anchor.source == item.source
    mine, theirs = _by_system(left.codes), _by_system(right.codes)
    both = mine.keys() & theirs.keys()
    telling = both & CODES.leading or both
    return bool(telling) and all(mine[name] <= theirs[name] or theirs[name] <= mine[name] for name in telling)


def _by_system(codes: frozenset[tuple[str, str]]) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for system, code in codes:
        found.setdefault(system, set()).add(code)
    return found


def stated_codes(resource: Resource, element: str) -> frozenset[str]:
    """Return the codes of an element, whether it holds codes, Booleans or CodeableConcepts, one or many."""
    value = resource.get(element)
    values = cast("list[object]", value if isinstance(value, list) else [value])
    return frozenset[str]().union(*map(_said, values))


def _said(value: object) -> frozenset[str]:
    if isinstance(value, dict):
        return frozenset(code for _, code in codings(cast("object", value)))
    return frozenset() if value is None else frozenset({str(value).lower()})


def _item(statement: Statement, moment: When, rule: ClaimRule) -> Item:
    resource = statement.fact.resource
    concepts = list(_concepts(statement, rule))
    codes = frozenset(pair for each in concepts for pair in codings(each) if _telling(pair))
    text = next((name_of(each) for each in concepts), "")
    scopes = [ABSENT[key] for key in ((statement.fact.type, *pair) for pair in sorted(codes)) if key in ABSENT]
    dose = dose_of(resource.get(rule.dose)) if rule.dose else Dose()
    claim = Claim(
        codes=codes,
        text=text,
        polarity="none" if scopes else "not so" if _matches(resource, rule.negative) else "so",
        scope=scopes[0] if scopes else "",
        current=not _matches(resource, rule.past),
        equal=tuple(canonical(resource.get(name)).decode() for name in rule.equal),
        compatible=tuple(_concept(resource.get(name)) for name in rule.compatible),
        dose=dose,
    )
    order = moment.lo.isoformat() if moment.lo else ""
    return Item(
        statement=statement,
        when=moment,
        keys=frozenset("|".join(pair) for pair in codes) or frozenset({f"{statement.fact.source}|{text}"}),
        rank=(order, -len(codes), sorted(codes), text, statement.record),
        worth=(*plainness(statement, moment, rule.code[0]), statement.record),
        says=claim,
        loose=bool(rule.dose) and not dose.stated,
        reported={name: words for name in rule.reported if (words := ", ".join(sorted(_words(resource, name))))},
    )


def _concepts(statement: Statement, rule: ClaimRule) -> Iterator[dict[str, Any]]:
    resource = statement.fact.resource
    for name in rule.code:
        stated: Any = resource.get(name)
        for each in cast("list[Any]", stated if isinstance(stated, list) else [stated]):
            if isinstance(each, dict):
                yield _resolved(cast("dict[str, Any]", each), statement)


def _resolved(concept: dict[str, Any], statement: Statement) -> dict[str, Any]:
    """A reference names a thing too: the contained one's code, or within its own source the target itself."""
    target = concept.get("reference")
    if not isinstance(target, str):
        return concept
    contained = cast("list[dict[str, Any]]", statement.fact.resource.get("contained", []))
    for each in contained:
        if f"#{each.get('id')}" == target:
            return cast("dict[str, Any]", each.get("code") or {})
    return {"coding": [{"system": f"reference of {statement.fact.source}", "code": target}], "text": target}


def _telling(pair: tuple[str, str]) -> bool:
    return bool(pair[0]) and pair[0] not in CODES.vague_systems and pair[1] not in CODES.vague_codes


def _matches(resource: Resource, wanted: dict[str, tuple[str, ...]]) -> bool:
    return any(stated_codes(resource, name) & set(codes) for name, codes in wanted.items())


def _concept(element: object) -> Coded | None:
    first: Any = next(iter(cast("list[Any]", element)), None) if isinstance(element, list) else element
    return coded(cast("dict[str, Any]", first)) if isinstance(first, dict) else None


def _words(resource: Resource, name: str) -> frozenset[str]:
    value: Any = resource.get(name)
    return stated_codes(resource, name) or (frozenset({name_of(value)}) if value else frozenset())


def _repeats(_member: Item, _item: Item) -> bool:
    return True


_copies: Callable[[Item, Item], bool] = same_thing
