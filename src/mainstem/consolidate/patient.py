"""One person's Patient from all of their source records: agreed where sources agree, nothing of the rest lost.

Survivorship is one rule: what most sources state, then what the most recent version states, then the smallest record.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, cast

from msgspec import Struct

from mainstem.consolidate.issue import Difference, issue
from mainstem.consolidate.publish import CONFLICT, VERSION, distinct, entry, member, meta
from mainstem.consolidate.settle import settled
from mainstem.consolidate.shape import dicts, sound
from mainstem.consolidate.statement import Statement
from mainstem.consolidate.value import fold
from mainstem.consolidate.words import listed, sources_words
from mainstem.fhir.references import rewrite
from mainstem.model.fact import Resource
from mainstem.model.ids import Namer
from mainstem.model.json import canonical
from mainstem.model.record import Block, Certificate, Entry, Member

_LISTS = ("identifier", "name", "telecom", "address", "contact", "communication", "generalPractitioner", "photo")
_LEFT = frozenset({"resourceType", "id", "meta", "text", "link", "contained", "extension", *_LISTS})
"""Made anew, or said otherwise: `link` would point at records that are the same person."""
_CHOICES = ("deceased", "multipleBirth")
_MAIN_USES = frozenset({"official", "usual"})
_DECISIVE = {"birthDate": "the birth date", "gender": "the sex"}
"""Elements of which a difference is shown: they tell people apart."""


class Voice(Struct, frozen=True, kw_only=True):
    """One source record with its references settled."""

    statement: Statement
    resource: Resource


class Candidate(Struct, frozen=True, kw_only=True):
    """A value and who states it."""

    value: Any
    voices: list[Voice]

    @property
    def sources(self) -> frozenset[str]:
        """Names of the sources that state it."""
        return frozenset(voice.statement.fact.source for voice in self.voices)


def one_patient(block: Block, heard: Sequence[Statement], namer: Namer) -> list[Entry]:
    """Return the Patient entry, whose id is the person's, and a DetectedIssue if sources disagree on who it is."""
    speaking = [each for each in heard if sound(each.fact.resource)]
    voices = [_voice(each, settled(each.fact, block.person, namer), alone=len(heard) == 1) for each in speaking]
    disputes = {name: found for name in _DECISIVE if len(found := _ranked(voices, name, _plain)) > 1}
    sources = [each.fact.source for each in heard]
    tags = [CONFLICT] if disputes else []
    body: Resource = {
        "resourceType": "Patient",
        "id": block.person,
        "meta": meta([each.fact.resource for each in speaking], sources, tags),
        **_elements(voices),
    }
    chosen = {name: found[0].value for name, found in disputes.items()}
    members = tuple(_member(each, chosen) for each in heard)
    entries = [entry(block, body, Certificate(rule="patient", version=VERSION, members=members))]
    return entries + [issue(block, "Patient", each, namer) for each in _difference(block, disputes, members)]


def _voice(statement: Statement, resource: Resource, *, alone: bool) -> Voice:
    """Two sources' `#1` are two things (REF-5): beside others a contained id carries its record's."""
    if alone or "contained" not in resource:
        return Voice(statement=statement, resource=resource)
    prefix = f"{statement.record[:18]}-"

    def change(reference: str) -> str:
        return f"#{prefix}{reference[1:]}" if reference.startswith("#") else reference

    named = [{**item, "id": f"{prefix}{item.get('id', '')}"} for item in resource["contained"]]
    return Voice(statement=statement, resource=rewrite({**resource, "contained": named}, change))


def _elements(voices: Sequence[Voice]) -> Resource:
    found: Resource = {name: items for name in _LISTS if (items := _listed(voices, name))}
    names = sorted({name for voice in voices for name in voice.resource if name not in _LEFT})
    for stem in sorted({_stem(name) for name in names}):
        variants = [name for name in names if _stem(name) == stem]
        ranked = _ranked_of(
            [(voice, {name: voice.resource[name]}) for voice in voices for name in variants if name in voice.resource],
            _plain,
        )
        found |= ranked[0].value
    extensions = _extensions(voices)
    contained = _contained(voices, found)
    return found | ({"extension": extensions} if extensions else {}) | ({"contained": contained} if contained else {})


def _stem(name: str) -> str:
    """The two forms of a choice are one element: deceasedBoolean and deceasedDateTime."""
    return next((choice for choice in _CHOICES if name.startswith(choice)), name)


def _ranked(voices: Sequence[Voice], name: str, key: Callable[[Any], object]) -> list[Candidate]:
    return _ranked_of([(voice, voice.resource[name]) for voice in voices if name in voice.resource], key)


def _ranked_of(stated: Sequence[tuple[Voice, Any]], key: Callable[[Any], object]) -> list[Candidate]:
    """Return the distinct values, the best supported first."""
    found: dict[object, Candidate] = {}
    for voice, value in stated:
        found.setdefault(key(value), Candidate(value=value, voices=[])).voices.append(voice)
    ranked = sorted(found.values(), key=lambda each: min(voice.statement.record for voice in each.voices))
    ranked.sort(key=lambda each: max(voice.statement.fact.order for voice in each.voices), reverse=True)
    return sorted(ranked, key=lambda each: -len(each.sources))


def _listed(voices: Sequence[Voice], name: str) -> list[Any]:
    stated = [(voice, _assigned(voice, item) if name == "identifier" else item) for voice, item in _items(voices, name)]
    values = [each.value for each in _ranked_of(stated, _KEYS.get(name, _plain))]
    return _names(values) if name == "name" else distinct(values)


def _items(voices: Sequence[Voice], name: str) -> Iterator[tuple[Voice, Any]]:
    for voice in voices:
        yield from ((voice, item) for item in dicts(voice.resource.get(name)))


def _names(names: Sequence[Any]) -> list[Any]:
    """The best supported name leads; other spellings stay, but no longer claim to be the official one."""
    lead = next((name for name in names if name.get("use", "official") in _MAIN_USES), names[0] if names else None)
    rest = [
        {part: value for part, value in name.items() if part != "use" or value not in _MAIN_USES}
        for name in names
        if name is not lead
    ]
    return [lead, *rest] if lead is not None else []


def _assigned(voice: Voice, identifier: dict[str, Any]) -> dict[str, Any]:
    """An identifier without an assigner is its source's."""
    return (
        identifier if "assigner" in identifier else {**identifier, "assigner": {"display": voice.statement.fact.source}}
    )


def _extensions(voices: Sequence[Voice]) -> list[Any]:
    """Per URL the best supported value (race, ethnicity, birth sex are single in their profiles)."""
    stated = list(_items(voices, "extension"))
    urls = sorted({str(extension.get("url", "")) for _, extension in stated})
    return [_ranked_of([pair for pair in stated if pair[1].get("url", "") == url], _plain)[0].value for url in urls]


def _contained(voices: Sequence[Voice], found: Resource) -> list[Any]:
    """Contained resources that what was chosen still points at."""
    text = canonical(found)
    return [item for _, item in _items(voices, "contained") if f'"reference":"#{item.get("id", "")}"'.encode() in text]


def _member(statement: Statement, chosen: dict[str, Any]) -> Member:
    stated = statement.fact.resource
    notes = [
        f"{_DECISIVE[name]} is {stated[name]} there"
        for name, value in chosen.items()
        if stated.get(name, value) != value
    ]
    return member(statement, "differs" if notes else "same", "; ".join(notes))


def _difference(block: Block, disputes: dict[str, list[Candidate]], members: Sequence[Member]) -> list[Difference]:
    if not disputes:
        return []
    sentences = [
        f"Sources disagree on {_DECISIVE[name]}: "
        + listed([f"{each.value} ({sources_words(each.sources)})" for each in found])
        + "."
        for name, found in disputes.items()
    ]
    sources = sorted({source for found in disputes.values() for each in found for source in each.sources})
    words = " ".join(sentences)
    cited = tuple(members)
    return [Difference(code="differs", ids=(block.person,), sources=tuple(sources), sentence=words, members=cited)]


def _plain(value: object) -> object:
    return canonical(cast("Any", value))


def _name_key(name: dict[str, Any]) -> object:
    parts = [name.get("family", ""), *name.get("given", ()), *name.get("suffix", ())]
    spelled = " ".join(fold(str(part)).replace(".", "") for part in parts)
    return spelled or fold(str(name.get("text", "")))


def _telecom_key(telecom: dict[str, Any]) -> object:
    value = str(telecom.get("value", ""))
    digits = "".join(letter for letter in value if letter.isdigit())
    return telecom.get("system", ""), digits if telecom.get("system") in {"phone", "fax", "sms"} else fold(value)


def _address_key(address: dict[str, Any]) -> object:
    parts = [*address.get("line", ()), address.get("city", ""), address.get("state", ""), address.get("postalCode", "")]
    return " ".join(fold(str(part)).replace(".", "") for part in parts)


def _identifier_key(identifier: dict[str, Any]) -> object:
    if identifier.get("system"):
        return identifier["system"], identifier.get("value", "")
    return _plain(identifier)


_KEYS: dict[str, Callable[[Any], object]] = {
    "name": _name_key,
    "telecom": _telecom_key,
    "address": _address_key,
    "identifier": _identifier_key,
}
