"""All claims of one type about one person → entries, and the contradictions among them (CONS-18)."""

from collections.abc import Iterator, Sequence
from itertools import product
from typing import cast

from mainstem.consolidate.claim import Claim, claims, overlapping, rule_of, same_thing, stated_codes
from mainstem.consolidate.gather import Group, gather
from mainstem.consolidate.issue import Difference, cited, differing, issue
from mainstem.consolidate.publish import together
from mainstem.consolidate.sameness import ClaimRule
from mainstem.consolidate.statement import Statement
from mainstem.consolidate.when import agree
from mainstem.consolidate.withdraw import withdrawn
from mainstem.consolidate.words import listed, name_of, sources_words
from mainstem.model.ids import Namer
from mainstem.model.record import Block, Entry


def clinical(block: Block, heard: Sequence[Statement], declared: ClaimRule, namer: Namer) -> list[Entry]:
    """Return one entry per claim and one DetectedIssue per contradiction."""
    type_, rule = heard[0].fact.type, rule_of(declared)
    groups = gather(withdrawn(claims(heard, declared), rule), rule)
    active = sorted((group for group in groups if not group.retracted), key=lambda group: group.id)
    differences = [
        *_statuses(active, declared),
        *_onsets(active, declared),
        *_denials(active, declared),
        *_none_known(active),
    ]
    marked = differing(differences)
    entries = [together(block, group, namer, type_.lower(), differs=group.id in marked) for group in groups]
    return entries + [issue(block, type_, each, namer) for each in differences]


def _statuses(groups: Sequence[Group], declared: ClaimRule) -> Iterator[Difference]:
    """Members of one entry that differ in what a reader acts on."""
    for group in groups:
        for name in declared.shown:
            found: dict[str, set[str]] = {}
            for item in group.members:
                if name in item.reported and not item.statement.retracted:
                    found.setdefault(item.reported[name], set()).add(item.source)
            if len(found) > 1 and len(set[str]().union(*found.values())) > 1:
                stated = [f"{words} ({sources_words(sources)})" for words, sources in sorted(found.items())]
                yield _difference(
                    "differs", [group], f"Sources disagree on {name} of {_name(group)}: {listed(stated)}."
                )


def _onsets(groups: Sequence[Group], declared: ClaimRule) -> Iterator[Difference]:
    """One lasting thing, begun on two days in two sources."""
    if not declared.lasting:
        return
    left_over = [group for group in groups if _says(group).polarity == "so" and group.anchor.when.grain != "none"]
    while left_over:
        first, *rest = left_over
        same = [other for other in rest if _one_lasting(first, other, declared)]
        if same:
            stated = sorted(f"{group.anchor.when.day} ({sources_words(group.sources)})" for group in (first, *same))
            yield _difference(
                "differs", [first, *same], f"Sources disagree on when {_name(first)} began: {listed(stated)}."
            )
        left_over = [other for other in rest if not any(other is each for each in same)]


def _one_lasting(left: Group, right: Group, declared: ClaimRule) -> bool:
    if not left.sources.isdisjoint(right.sources) or not same_thing(left.anchor, right.anchor):
        return False
    return overlapping(left, right, declared)


def _denials(groups: Sequence[Group], declared: ClaimRule) -> Iterator[Difference]:
    """The same thing stated and denied: given and refused, confirmed and refuted."""
    stated = [group for group in groups if _says(group).polarity == "so"]
    denied = [group for group in groups if _says(group).polarity == "not so"]
    for so, not_so in product(stated, denied):
        timely = declared.lasting or agree(so.anchor.when, not_so.anchor.when)
        if timely and so.sources != not_so.sources and same_thing(so.anchor, not_so.anchor):
            words = f"{_name(so)} is stated by {sources_words(so.sources)}, denied by {sources_words(not_so.sources)}."
            yield _difference("contradicts-negation", [so, not_so], words)


def _none_known(groups: Sequence[Group]) -> Iterator[Difference]:
    """Nothing known beside a specific one: both stay, the finding names them."""
    for none in groups:
        if _says(none).polarity != "none":
            continue
        known = [group for group in groups if _says(group).polarity == "so" and _says(group).current]
        known = [group for group in known if _in_scope(group, _says(none).scope)]
        if known:
            named = sorted(f"{_name(group)} ({sources_words(group.sources)})" for group in known)
            words = f"{_name(none)} ({sources_words(none.sources)}) stands beside {listed(named)}."
            yield _difference("contradicts-none-known", [none, *known], words)


def _in_scope(group: Group, scope: str) -> bool:
    found = [stated_codes(item.statement.fact.resource, "category") for item in group.members]
    return not scope or any(not categories or scope in categories for categories in found)


def _difference(code: str, groups: Sequence[Group], sentence: str) -> Difference:
    return Difference(
        code=code,
        ids=tuple(sorted(group.id for group in groups)),
        sources=tuple(sorted({source for group in groups for source in group.sources})),
        sentence=sentence,
        members=cited(groups),
    )


def _name(group: Group) -> str:
    resource = group.best.statement.fact.resource
    concept = resource.get("code") or resource.get("vaccineCode") or resource.get("medicationCodeableConcept")
    return name_of(concept)


def _says(group: Group) -> Claim:
    return cast("Claim", group.anchor.says)
