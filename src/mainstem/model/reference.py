"""What a stage may know beside its batch: names and readers; handed in, so that stages stay pure."""

from collections.abc import Callable, Mapping

from msgspec import Struct

from mainstem.model.fact import Delivery, Fact
from mainstem.model.ids import Namer
from mainstem.model.outcome import Outcome

Reader = Callable[[Delivery], Outcome[Fact]]
"""Turns the bytes of one delivery into facts in the source's own words; pure."""


class Reference(Struct, frozen=True, kw_only=True):
    """Passed to every stage."""

    namer: Namer
    readers: Mapping[str, Reader]
    """By media type; from `mainstem.formats` and from the source folders."""
