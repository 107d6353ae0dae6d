"""SMART v2 scopes: what a token may ask for, before any grant says of whom (SMART App Launch 2.2, section 3.0.2).

`system/*.cruds`, `system/Observation.rs`, `patient/Condition.r`. The letters stand in the order c r u d s, none
twice; `.dus` is refused, not repaired. Search parameters in a scope are refused until they are enforced.
"""

import re
from typing import Literal, cast

from msgspec import Struct

Context = Literal["patient", "user", "system"]
Verb = Literal["c", "r", "u", "d", "s"]

_SCOPE = re.compile(r"(patient|user|system)/(\*|[A-Z][A-Za-z]{1,60})\.(c?r?u?d?s?)")
_LENGTH_MAX = 4_000


class BadScopeError(ValueError):
    """A scope that is not one; the text says which and why."""


class Scope(Struct, frozen=True):
    """One scope: in this context, these verbs on this type (`*` = every type)."""

    context: Context
    type: str
    verbs: str


class Reach(Struct, frozen=True):
    """What a set of scopes permits for one verb."""

    types: frozenset[str] | None
    """Types that may be asked for; None = all."""
    own_types: frozenset[str] | None
    """Types that may be asked for within the token's own person; None = all."""

    def permits(self, type_: str) -> bool:
        """Whether the type may be asked for at all."""
        return self.wide(type_) or self.own_types is None or type_ in self.own_types

    def wide(self, type_: str) -> bool:
        """Whether the type may be asked for beyond the token's own person."""
        return self.types is None or type_ in self.types


def parse_scopes(text: str) -> tuple[Scope, ...]:
    """Read a space-separated scope list; raises `BadScopeError` for an empty, unknown or unordered one."""
    parts = text.split(" ")
    if len(text) > _LENGTH_MAX or not text:
        raise BadScopeError("a scope list has between 1 and 4000 characters")
    return tuple(_parse(part) for part in parts)


def reach(scopes: tuple[Scope, ...], verb: Verb) -> Reach:
    """Return what the scopes permit for a verb; scopes are a union."""
    return Reach(
        types=_types([each for each in scopes if each.context != "patient"], verb),
        own_types=_types([each for each in scopes if each.context == "patient"], verb),
    )


def _parse(part: str) -> Scope:
    match = _SCOPE.fullmatch(part)
    if match is None or not match[3]:
        if "?" in part:
            raise BadScopeError(f"scope {part!r}: search parameters in a scope are not supported")
        raise BadScopeError(f"scope {part!r} is not (patient|user|system)/(Type|*).[cruds], letters in this order")
    return Scope(cast("Context", match[1]), match[2], match[3])


def _types(scopes: list[Scope], verb: Verb) -> frozenset[str] | None:
    types = {each.type for each in scopes if verb in each.verbs}
    return None if "*" in types else frozenset(types)
