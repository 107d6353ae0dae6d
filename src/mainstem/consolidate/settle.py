"""A source's own references become public ones; all others stay as they are (REF-1, REF-2, REF-5)."""

from collections.abc import Callable

from mainstem.fhir.references import RELATIVE, rewrite
from mainstem.model.fact import Fact, Resource
from mainstem.model.ids import Namer


def settled(fact: Fact, person: str, namer: Namer) -> Resource:
    """Return the fact's resource with its source's references turned into public ones.

    The fact's own patient becomes the person; contained, absolute and conditional references stay as they are.
    """
    return rewrite(fact.resource, _changer(fact, person, namer))


def _changer(fact: Fact, person: str, namer: Namer) -> Callable[[str], str]:
    def change(reference: str) -> str:
        match = RELATIVE.fullmatch(reference)
        if match is None:
            return reference
        type_, key = match.groups()
        if type_ == "Patient" and key == fact.subject and person:
            return f"Patient/{person}"
        return f"{type_}/{namer.record(fact.source, type_, key)}"

    return change
