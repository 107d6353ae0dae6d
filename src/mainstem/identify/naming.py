"""Names of a Patient, standardised: given, first, family and generation (harmonise rule book, section 6.4)."""

from collections.abc import Iterable
from typing import Any, cast

from msgspec import Struct

from mainstem.fhir.element import parts, text
from mainstem.identify.words import GENERATIONS, PARTICLES, fold, is_placeholder
from mainstem.model.fact import Resource

_NOBODY = frozenset({"anonymous"})


class Naming(Struct, frozen=True, kw_only=True):
    """All names of a person together, each tuple sorted."""

    given: tuple[str, ...]
    first: tuple[str, ...]
    family: tuple[str, ...]
    suffixes: tuple[str, ...]


def naming(patient: Resource) -> Naming:
    """Return what the Patient's names say; placeholder names (UNKNOWN, BABY BOY) say nothing."""
    given: set[str] = set()
    first: set[str] = set()
    family: set[str] = set()
    suffixes: set[str] = set()
    for name in parts(patient, "name"):
        if text(name, "use") in _NOBODY:
            continue
        elements, surname = _stated(name)
        words, generation = _without_generation(surname)
        suffixes.update(generation, *(_without_generation(fold(each))[1] for each in _strings(name, "suffix")))
        family.update(_family_forms(words))
        firsts, others = _given_forms(elements)
        first.update(firsts)
        given.update(firsts, others)
    return Naming(
        given=tuple(sorted(given)), first=tuple(sorted(first)),
        family=tuple(sorted(family)), suffixes=tuple(sorted(suffixes)),
    )  # fmt: skip


def _strings(node: Resource, name: str) -> list[str]:
    value = node.get(name)
    return [each for each in cast("list[Any]", value) if isinstance(each, str)] if isinstance(value, list) else []


def _stated(name: Resource) -> tuple[list[str], str]:
    """Return the folded given elements and the folded family name; from `text` when the parts are not given."""
    elements, surname = [fold(each) for each in _strings(name, "given")], fold(text(name, "family"))
    if elements or surname or not text(name, "text"):
        return elements, surname
    before, comma, after = text(name, "text").partition(",")
    if comma:
        return fold(after).split(), fold(before)
    words = fold(before).split()
    ending = [words.pop()] if len(words) > 1 and words[-1] in GENERATIONS else []
    return words[:-1], " ".join(words[-1:] + ending)


def _without_generation(words: str) -> tuple[str, set[str]]:
    """Take `Jr`, `III` … off the end of a name: `bates jr` → `bates`, {jr}."""
    left, generation = words.split(), set[str]()
    while left and left[-1] in GENERATIONS:
        generation.add(GENERATIONS[left.pop()])
    return " ".join(left), generation


def _family_forms(words: str) -> set[str]:
    """Return the whole name written together and its parts that name a family: `van der berg` → vanderberg, berg."""
    if not words or is_placeholder("name", words) or is_placeholder("family", words):
        return set()
    forms = {each for each in words.split() if each not in PARTICLES and len(each) > 1}
    return {form for form in forms | {words.replace(" ", "")} if not is_placeholder("name", form)}


def _given_forms(elements: Iterable[str]) -> tuple[set[str], set[str]]:
    """Return the forms of the first name, and all others: `mary ann`, `lou` → {mary, maryann}, {ann, lou}."""
    real = [
        each for each in elements if each and not is_placeholder("name", each) and not is_placeholder("given", each)
    ]
    if not real or is_placeholder("given", " ".join(real)):
        return set(), set()
    words = real[0].split()
    others = {*words[1:], *(word for each in real[1:] for word in each.split() if word not in GENERATIONS)}
    return {words[0], "".join(words)}, others
