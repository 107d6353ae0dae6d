"""The one place that makes random numbers, always from a seed: the same seed gives the same world on every machine."""

from random import Random  # noqa: TID251  # seeded here and handed on; nothing else in the project may import it

__all__ = ["Random", "chance"]


def chance(*parts: object) -> Random:
    """Return a generator for one thing, so that a change of one person leaves every other as it was."""
    return Random("|".join(str(part) for part in parts))  # noqa: S311  # a simulation, not a secret
