"""Bytes to facts: one reader for each media type; pure."""

from collections.abc import Mapping
from importlib import import_module
from types import MappingProxyType

from mainstem.model.fact import Delivery, Fact
from mainstem.model.outcome import Outcome
from mainstem.model.reference import Reader


def _reader(module: str) -> Reader:
    """Return a reader that loads its module on first use, so that a FHIR-only run never pays for the XML tables."""

    def read(delivery: Delivery) -> Outcome[Fact]:
        found: Reader = import_module(module).read
        return found(delivery)

    return read


READERS: Mapping[str, Reader] = MappingProxyType(
    {
        "application/fhir+json": _reader("mainstem.formats.fhir_json"),
        "application/fhir+ndjson": _reader("mainstem.formats.fhir_json"),
        "application/cda+xml": _reader("mainstem.formats.cda"),
    }
)
"""By media type; the readers of vendors' own forms stand in their source folders."""
