"""A source's own references become public ones; all others stay as they are (REF-1, REF-2, REF-5)."""

from collections.abc import Callable
from functools import lru_cache

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
        if person and reference.startswith("Patient/"):
            match = RELATIVE.fullmatch(reference)
            if match is not None and match[2] == fact.subject:
                return f"Patient/{person}"
        return _public(namer, fact.source, reference)

    return change


@lru_cache(maxsize=20_000)
def _public(namer: Namer, source: str, reference: str) -> str:
    """A source refers to the same encounter, the same practitioner again and again."""
    match = RELATIVE.fullmatch(reference)
    return reference if match is None else f"{match[1]}/{namer.record(source, match[1], match[2])}"
