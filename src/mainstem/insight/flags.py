"""Episodes of a rule over a person's series, each as one FHIR Flag with the evidence it rests on."""

from collections.abc import Sequence
from typing import Any

from msgspec import Struct

from mainstem.insight.judge import Finding, judge
from mainstem.insight.readings import Reading, Readings, readings
from mainstem.insight.rules import Rule
from mainstem.model.fact import Resource
from mainstem.model.ids import Namer
from mainstem.model.names import RULE, SOURCE_TAG
from mainstem.model.record import Certificate, Entry, Member

DETAIL = "http://hl7.org/fhir/StructureDefinition/flag-detail"
"""R4 extension: an Observation that the Flag rests on."""
MISSING = "urn:mainstem:missing"
"""Extension on a Flag: something that the rule would have wanted to see, in words."""
_CATEGORY = {"system": "http://terminology.hl7.org/CodeSystem/flag-category", "code": "clinical", "display": "Clinical"}


class Episode(Struct, frozen=True, kw_only=True):
    """A run of readings at each of which the rule holds."""

    start: tuple[Finding, ...]
    """What held at the first reading of the run."""
    newest: tuple[Finding, ...]
    """What held at its last reading; the same as `start` in a run of one."""
    ended: Reading | None
    """The first reading after it at which the rule no longer holds; None = it goes on."""


class Watch(Struct, frozen=True, kw_only=True):
    """A rule that watches one block of one person."""

    person: str
    block: str
    rule: Rule
    namer: Namer


def flags(watch: Watch, entries: Sequence[Entry]) -> list[Entry]:
    """Return one Flag per episode, oldest first; the same for any order of the entries."""
    found = readings(entries, watch.rule)
    return [_flag(watch, episode, found) for episode in episodes(watch.rule, found.usable)]


def episodes(rule: Rule, series: Sequence[Reading]) -> list[Episode]:
    """Return the runs of readings at which the rule holds, in order of time."""
    runs: list[Episode] = []
    current: Episode | None = None
    for index, reading in enumerate(series):
        held = tuple(judge(rule, series, index))
        if held:
            current = Episode(start=current.start if current else held, newest=held, ended=None)
        elif current:
            runs.append(Episode(start=current.start, newest=current.newest, ended=reading))
            current = None
    return [*runs, current] if current else runs


def _flag(watch: Watch, episode: Episode, found: Readings) -> Entry:
    rule, trigger = watch.rule, episode.start[0].evidence[-1]
    evidence = _evidence(episode)
    identifier = watch.namer.derived("flag", rule.id, trigger.entry.id)
    return Entry(
        type="Flag",
        id=identifier,
        person=watch.person,
        block=f"insight|{watch.block}",
        resource={
            "resourceType": "Flag",
            "id": identifier,
            "meta": {"tag": _sources(evidence)},
            "extension": _extensions(episode, evidence, found),
            "status": "inactive" if episode.ended else "active",
            "category": [{"coding": [_CATEGORY]}],
            "code": {"coding": [{"system": RULE, "code": rule.id, "display": rule.title}], "text": _text(episode)},
            "subject": {"reference": f"Patient/{watch.person}"},
            "period": _period(trigger, episode.ended),
        },
        certificate=Certificate(
            rule=rule.id,
            version=rule.version,
            members=tuple(sorted({m for each in evidence for m in each.entry.certificate.members}, key=_record)),
            notes=_notes(episode, found),
        ),
    )


def _evidence(episode: Episode) -> list[Reading]:
    """Return the readings that the episode's beginning and its newest state rest on, each once, in order of time."""
    found = {each.entry.id: each for finding in (*episode.start, *episode.newest) for each in finding.evidence}
    return sorted(found.values(), key=lambda reading: (reading.at, reading.entry.id))


def _extensions(episode: Episode, evidence: Sequence[Reading], found: Readings) -> list[dict[str, Any]]:
    details = [
        {"url": DETAIL, "valueReference": {"reference": f"{each.entry.type}/{each.entry.id}"}} for each in evidence
    ]
    return [*details, *({"url": MISSING, "valueString": words} for words in _missing(episode, found))]


def _missing(episode: Episode, found: Readings) -> list[str]:
    stated = list(dict.fromkeys(words for finding in episode.newest for words in finding.missing))
    if found.left_out:
        stated.append(f"readings left out because sources disagree or the unit is in doubt: {found.left_out}")
    return stated


def _text(episode: Episode) -> str:
    words = [finding.words for finding in episode.start]
    later = [finding.words for finding in episode.newest if finding not in episode.start]
    return " ".join([*words, *(["Newest:", *later] if later else [])])


def _period(trigger: Reading, ended: Reading | None) -> dict[str, str]:
    return {"start": trigger.when} | ({"end": ended.when} if ended else {})


def _sources(evidence: Sequence[Reading]) -> list[dict[str, str]]:
    named = {member.source for each in evidence for member in each.entry.certificate.members}
    return [{"system": SOURCE_TAG, "code": source} for source in sorted(named)]


def _notes(episode: Episode, found: Readings) -> tuple[str, ...]:
    cited = dict.fromkeys(finding.criterion.citation for finding in (*episode.start, *episode.newest))
    return (*cited, *_missing(episode, found))


def _record(member: Member) -> str:
    return member.record


def detail_references(flag: Resource) -> list[str]:
    """Return the references to the evidence, in order of time."""
    return [each["valueReference"]["reference"] for each in flag.get("extension", ()) if each.get("url") == DETAIL]
