"""Canonical codings beside the source's own: a coding is added where a table says that it means the same, none is lost.

Two codes that are merely about the same thing (measured and stated weight) are not equivalent: `consolidate` knows
that they meet, this room does not re-code them.
"""

from functools import cache
from typing import cast

from mainstem.harmonise.analytes import Analyte, analytes
from mainstem.harmonise.json_shapes import Json, dicts, mapped
from mainstem.harmonise.tables import rows
from mainstem.harmonise.values import Grade, grade, graded
from mainstem.model.names import LOINC

ORDINAL = "urn:mainstem:ordinal"
"""Code system of ordinal steps (`negative`, `trace`, `1+` …): one word for what sources code or write differently."""

Pair = tuple[str, str]

_ANALYTES = analytes()


def codings(concept: object) -> list[Json]:
    """Return the codings of a CodeableConcept in its own order."""
    return dicts(cast("Json", concept).get("coding")) if isinstance(concept, dict) else []


def analyte_of(concept: object) -> Analyte | None:
    """Return what the first known LOINC coding measures, equivalents included."""
    for coding in codings(concept):
        system, code = _pair(coding)
        if system != LOINC:
            system, code = _equivalents().get((system, code), (_systems().get(system, ""), code))
        if system == LOINC and code in _ANALYTES:
            return _ANALYTES[code]
    return None


def canonical_code(concept: object, extra: str) -> Json | None:
    """Return the CodeableConcept with its canonical coding first, or None when it is so already.

    `extra` is the LOINC code that a converted value has earned (moles to mass), or empty.
    """
    stated = codings(concept)
    if not stated:
        return None
    known = {_pair(coding) for coding in stated}
    added = [pair for pair in (_added(coding) for coding in stated) if pair and pair not in known]
    first = [(LOINC, extra)] if extra and (LOINC, extra) not in known else []
    fresh = list(dict.fromkeys(first + added))
    ordered = [{"system": system, "code": code} for system, code in fresh] + stated
    ordered = _canonical_first(ordered)
    return {**cast("Json", concept), "coding": ordered} if ordered != stated else None


def graded_concept(concept: object) -> Json | None:
    """Return a coded answer with its ordinal step beside it, or None when it has it or means none."""
    stated = codings(concept)
    if any(coding.get("system") == ORDINAL for coding in stated):
        return None
    steps = {graded(*_pair(coding)) for coding in stated} - {None}
    if not stated and isinstance(concept, dict):
        steps = {grade(str(cast("Json", concept).get("text", "")))} - {None}
    if len(steps) != 1:
        return None
    return {**cast("Json", concept), "coding": [*stated, ordinal(cast("Grade", steps.pop()))]}


def ordinal(step: Grade) -> Json:
    """Return the Coding of an ordinal step."""
    return {"system": ORDINAL, "code": step.code, "display": step.display}


def interpretations(concepts: object) -> list[Json] | None:
    """Return interpretations with the FHIR R4 coding first, the source's beside; None when nothing is to be added."""
    return mapped(concepts, _interpretation)


def _interpretation(concept: Json) -> Json:
    stated = codings(concept)
    known = {_pair(coding) for coding in stated}
    found = [_equivalents().get(_pair(coding)) for coding in stated]
    if not stated:
        found = [_equivalents().get(("text:interpretation", str(concept.get("text", "")).strip().casefold()))]
    added = [{"system": pair[0], "code": pair[1]} for pair in dict.fromkeys(found) if pair and pair not in known]
    return {**concept, "coding": [*added, *stated]} if added else concept


def _canonical_first(stated: list[Json]) -> list[Json]:
    """Move the first LOINC coding to the front, one of a known analyte before others; the rest keeps its order."""
    loinc = [coding for coding in stated if coding.get("system") == LOINC]
    best = next((coding for coding in loinc if _pair(coding)[1] in _ANALYTES), loinc[0] if loinc else None)
    if best is None or best is stated[0]:
        return stated
    return [best, *(coding for coding in stated if coding is not best)]


def _added(coding: Json) -> Pair | None:
    pair = _pair(coding)
    if pair in _equivalents():
        return _equivalents()[pair]
    system = _systems().get(pair[0])
    return (system, pair[1]) if system and pair[1] else None


def _pair(coding: Json) -> Pair:
    system, code = coding.get("system"), coding.get("code")
    return system if isinstance(system, str) else "", code if isinstance(code, str) else ""


@cache
def _equivalents() -> dict[Pair, Pair]:
    return {(row["system"], row["code"]): (row["to_system"], row["to_code"]) for row in rows("codes")}


@cache
def _systems() -> dict[str, str]:
    return {row["spelling"]: row["system"] for row in rows("systems")}
