"""CDA timestamps to FHIR dates with their precision; an offset is borrowed and marked, never invented (CCDA-7)."""

import re
from datetime import UTC, datetime
from typing import Any

from msgspec import Struct

from mainstem.formats.cda.nodes import V3, attribute, one
from mainstem.formats.xml import Node
from mainstem.model.names import OFFSET_INFERRED, SOURCE_VALUE

ABSENT = "http://hl7.org/fhir/StructureDefinition/data-absent-reason"

_FIRST_YEAR = 1800
"""Earlier years are placeholders of the sender's software, such as 0001-01-01."""
_PATTERN = re.compile(
    r"(\d{4})(?:(\d\d)(?:(\d\d)(?:(\d\d)(?:(\d\d)(?:(\d\d)(?:\.(\d{1,9}))?)?)?)?)?)?\s*([+-]\d{1,4})?", re.ASCII
)
_OFFSET = re.compile(r"\d{8,}(?:\.\d+)?\s*([+-]\d{1,4})\Z", re.ASCII)
_TIMES = tuple(V3 + name for name in ("effectiveTime", "low", "high", "time", "center"))


class Zone(Struct, frozen=True, kw_only=True):
    """The offset that a time without one borrows."""

    offset: str
    """`+hh:mm` or `-hh:mm`."""
    origin: str
    """`entry`, `section`, `document`, or `none`: nothing in the document states an offset, so UTC stands in."""


NO_ZONE = Zone(offset="+00:00", origin="none")


class Timestamp(Struct, frozen=True, kw_only=True):
    """A FHIR date or dateTime, and where its offset was borrowed (None = as written, or a date)."""

    text: str
    inferred: str | None = None


def read(value: str, zone: Zone) -> Timestamp | None:
    """Return the FHIR form of a CDA timestamp `YYYYMMDDHHMMSS.UUUU±ZZzz`; None when it names no real time."""
    match = _PATTERN.fullmatch(value.strip())
    if match is None:
        return None
    year, month, day, hour, minute, second, fraction, offset = match.groups()
    if int(year) < _FIRST_YEAR or not _exists(match):
        return None
    date = "-".join(part for part in (year, month, day) if part)
    if hour is None:
        return Timestamp(text=date)
    clock = f"{hour}:{minute or '00'}:{second or '00'}" + (f".{fraction}" if fraction else "")
    written = _offset(offset) if offset else None
    return Timestamp(text=f"{date}T{clock}{written or zone.offset}", inferred=None if written else zone.origin)


def _exists(match: re.Match[str]) -> bool:
    year, month, day, hour, minute, second = (int(part or 0) for part in match.groups()[:6])
    try:
        datetime(year, month or 1, day or 1, hour % 24, minute, min(second, 59), tzinfo=UTC)
    except ValueError:
        return False
    return hour < 24  # noqa: PLR2004 - hours of a day


def _offset(text: str) -> str:
    digits = text[1:]
    padded = f"{digits:0>4}" if len(digits) > 2 else f"{digits:0>2}00"  # noqa: PLR2004 - hours alone, or hours and minutes
    return f"{text[0]}{padded[:2]}:{padded[2:]}"


def first_offset(node: Node) -> str | None:
    """Return the first offset written on a time at or below an element, as `±hh:mm`."""
    for time in node.iter(*_TIMES):
        match = _OFFSET.search((time.get("value") or "").strip())
        if match:
            return _offset(match.group(1))
    return None


def put(resource: dict[str, Any], name: str, node: Node | None, zone: Zone) -> None:
    """Set a date or dateTime element from a TS, or from the start of an interval; keeps what cannot be read as text."""
    value = start_of(node)
    if value is None:
        return
    stamp = read(value, zone)
    if stamp is None:
        resource[f"_{name}"] = {"extension": [*unreadable(value)]}
        return
    resource[name] = stamp.text
    if stamp.inferred:
        resource[f"_{name}"] = {"extension": [{"url": OFFSET_INFERRED, "valueCode": stamp.inferred}]}


def unreadable(value: str) -> list[dict[str, Any]]:
    """Return extensions that say a time could not be read, with its text as sent."""
    return [{"url": ABSENT, "valueCode": "error"}, {"url": SOURCE_VALUE, "valueString": value}]


def start_of(node: Node | None) -> str | None:
    """Return the written value of a TS, or of an interval's low, center or high, in that order."""
    if node is None:
        return None
    places = (node, one(node, "low"), one(node, "center"), one(node, "high"))
    return next(
        (value for place in places if place is not None and (value := (place.get("value") or "").strip())), None
    )


def period(node: Node | None, zone: Zone) -> dict[str, Any]:
    """Return a Period from an IVL_TS; a single value is a period of one moment; empty when nothing is stated."""
    result: dict[str, Any] = {}
    if node is None:
        return result
    if (node.get("value") or "").strip():
        put(result, "start", node, zone)
        put(result, "end", node, zone)
        return result
    put(result, "start", one(node, "low"), zone)
    put(result, "end", one(node, "high"), zone)
    return result


def ended(node: Node) -> bool:
    """Return whether an end is written; a null `high` alone is what many senders write on active problems too."""
    return attribute(one(node, "effectiveTime", "high"), "value") is not None


def sortable(value: str, version: str) -> str:
    """Return a document's effectiveTime in UTC and its version number as text that sorts (CCDA-12, IDEM-4)."""
    stamp = read(value, NO_ZONE)
    number = f"{int(version):06d}" if version.isdigit() else "000000"
    if stamp is None:
        return ""
    if "T" not in stamp.text:
        return f"{stamp.text}|{number}"
    moment = datetime.fromisoformat(stamp.text).astimezone(UTC)
    return f"{moment.strftime('%Y-%m-%dT%H:%M:%S')}|{number}"
