"""Quality findings of a single fact, as `meta.tag`: a finding never deletes and never repairs (rule book 4)."""

from enum import StrEnum
from typing import cast

from mainstem.harmonise.json_shapes import Json, dicts
from mainstem.model.names import QUALITY_TAG


class Finding(StrEnum):
    """What is doubtful about a value; the value stays as sent, save for a plausibility doubt."""

    UNIT_SUSPECT = "unit-suspect"
    """Value and unit together are not possible or not plausible for this measurement, or `unit` contradicts `code`."""
    UNIT_MISSING = "unit-missing"
    """No unit was sent and the measurement has more than one."""
    UNIT_UNKNOWN = "unit-unknown"
    """The unit is neither UCUM nor a known spelling."""
    UNIT_MISMATCH = "unit-mismatch"
    """The unit is known, but cannot be converted for this measurement without guessing."""


WORDS: dict[Finding, str] = {
    Finding.UNIT_SUSPECT: "value and unit do not fit this measurement",
    Finding.UNIT_MISSING: "no unit was sent",
    Finding.UNIT_UNKNOWN: "the unit is not known",
    Finding.UNIT_MISMATCH: "the unit cannot be converted for this measurement",
}
"""What each finding says to a person."""


def tagged(meta: object, findings: set[Finding]) -> Json | None:
    """Return `meta` with a tag for each finding, or None when it has them all already."""
    stated = cast("Json", meta) if isinstance(meta, dict) else {}
    tags = dicts(stated.get("tag"))
    known = {str(tag.get("code")) for tag in tags if tag.get("system") == QUALITY_TAG}
    added = [
        {"system": QUALITY_TAG, "code": finding.value, "display": WORDS[finding]}
        for finding in sorted(findings)
        if finding.value not in known
    ]
    return {**stated, "tag": [*tags, *added]} if added else None
