"""The kinds of data that a person can share, as bits: categories say what it is, labels how sensitive it is.

Both are data (`categories.csv`, `category_rules.csv`, `labels.csv`, `label_rules.csv`). What no rule knows falls into
the category `other` and under the label `unknown`, which only a grant of everything covers: it fails closed.
"""

import csv
from collections.abc import Iterable, Mapping
from importlib.resources import files
from types import MappingProxyType
from typing import Any, cast

from mainstem.model.fact import Resource

ALL = -1
"""The mask of every category or label, future ones included."""


def _rows(name: str) -> Iterable[dict[str, str]]:
    return csv.DictReader(files("mainstem.trust").joinpath(name).read_text(encoding="utf-8").splitlines())


CATEGORIES: Mapping[str, int] = MappingProxyType({row["name"]: 1 << int(row["bit"]) for row in _rows("categories.csv")})
"""Mask of each category by name."""
CATEGORY_WORDS: Mapping[str, str] = MappingProxyType({row["name"]: row["words"] for row in _rows("categories.csv")})
"""What a person calls each category."""
LABELS: Mapping[str, int] = MappingProxyType({row["name"]: 1 << int(row["bit"]) for row in _rows("labels.csv")})
"""Mask of each sensitivity label by name."""

PUBLIC = CATEGORIES["public"]
"""About no person and no secret: clinics, clinicians, medicines. Every living grant covers it."""
OTHER = CATEGORIES["other"]
DATELESS = PUBLIC | CATEGORIES["demographics"]
"""Categories without clinical dates, which a grant's window of dates does not hide."""

_RULES: Mapping[tuple[str, str], int] = MappingProxyType(
    {(row["type"], row["code"]): CATEGORIES[row["category"]] for row in _rows("category_rules.csv")}
)
_LABEL_RULES: Mapping[tuple[str, str], int] = MappingProxyType(
    {(row["system"], row["code"]): LABELS.get(row["label"], 0) for row in _rows("label_rules.csv")}
)


def categories(resource: Resource, *, personal: bool) -> int:
    """Return the category mask of a resource; `personal` = it is about a person, so that it can never be public."""
    type_ = resource["resourceType"]
    mask = 0
    for code in _codes(resource.get("category")):
        mask |= _RULES.get((type_, code), 0)
    mask = mask or _RULES.get((type_, ""), OTHER)
    return (mask & ~PUBLIC) or OTHER if personal else mask


def labels(resource: Resource) -> int:
    """Return the label mask of a resource from its `meta.security` (FHIR R4 section 6.1.1)."""
    mask = 0
    meta = resource.get("meta")
    for coding in cast("dict[str, Any]", meta).get("security", ()) if isinstance(meta, dict) else ():
        mask |= _LABEL_RULES.get((coding.get("system", ""), coding.get("code", "")), LABELS["unknown"])
    return mask


def mask_of(names: Iterable[str], table: Mapping[str, int] = CATEGORIES) -> int:
    """Return the mask of these categories (or labels); raises KeyError for a name that there is not."""
    mask = 0
    for name in names:
        mask |= table[name]
    return mask


def names_in(mask: int, table: Mapping[str, int] = CATEGORIES) -> tuple[str, ...]:
    """Return the names whose bits are in a mask, in the order of the data."""
    return tuple(name for name, bit in table.items() if mask & bit)


def _codes(value: object) -> Iterable[str]:
    if isinstance(value, list):
        for item in cast("list[object]", value):
            yield from _codes(item)
    elif isinstance(value, dict):
        concept = cast("dict[str, Any]", value)
        yield from (coding["code"] for coding in concept.get("coding", ()) if coding.get("code"))
    elif isinstance(value, str):
        yield value
