"""A batch goes in, two come out: kept and held. The one signature that every stage of the pipeline has."""

from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

from msgspec import Struct

from mainstem.model.fact import Held

In = TypeVar("In")
Out = TypeVar("Out")
Ref = TypeVar("Ref")


class Outcome(Struct, Generic[Out], frozen=True):
    """What a stage made of a batch: nothing is silently dropped (I8)."""

    kept: Sequence[Out]
    held: Sequence[Held] = ()


class Stage(Struct, Generic[In, Out, Ref], frozen=True, kw_only=True):
    """A named pure function over a batch. A new `version` re-runs only what it touched."""

    name: str
    version: int
    key: str | None
    """How an engine may partition: None = per item, "block" or "person" = items of one block or person together."""
    run: Callable[[Sequence[In], Ref], Outcome[Out]]
