"""FHIR dates and times with their precision: a date stays a date, never an invented midnight (CCDA-7, SYNC-16)."""

import re
from datetime import UTC, datetime, timedelta, timezone
from functools import lru_cache
from typing import Literal

from msgspec import Struct

Precision = Literal["year", "month", "day", "minute", "second"]
_PATTERN = re.compile(
    r"(\d{4})(?:-(\d\d)(?:-(\d\d)(?:T(\d\d):(\d\d)(?::(\d\d)(?:\.(\d{1,9}))?)?(Z|[+-]\d\d:\d\d)?)?)?)?", re.ASCII
)
_LAST_YEAR = 9999


class Moment(Struct, frozen=True, kw_only=True):
    """The half-open interval `[lo, hi)` in UTC that a FHIR date, dateTime or instant covers, and the day as written."""

    lo: datetime
    hi: datetime
    precision: Precision
    day: str
    """Calendar day as the source wrote it, `YYYY-MM-DD` as far as given; independent of any server's zone (CONS-11)."""

    @property
    def timed(self) -> bool:
        """Whether a time of day is stated."""
        return self.precision in {"minute", "second"}


@lru_cache(maxsize=20_000)
def parse_moment(text: str) -> Moment | None:
    """Read a FHIR R4 date, dateTime or instant (§2.24.0.1); None when it is not one or does not exist in the calendar.

    A date without a zone is placed in UTC for ordering only; `day` keeps what was written.
    """
    match = _PATTERN.fullmatch(text)
    if match is None:
        return None
    year, month, day, hour, minute, second, fraction, zone = match.groups()
    try:
        lo = datetime(
            int(year), int(month or 1), int(day or 1), int(hour or 0), int(minute or 0), int(second or 0),
            int((fraction or "0")[:6].ljust(6, "0")), tzinfo=_zone(zone),
        ).astimezone(UTC)  # fmt: skip
        precision = _precision(month, day, hour, second)
        return Moment(lo=lo, hi=_end(lo, precision), precision=precision, day=text[:10])
    except (ValueError, OverflowError):
        return None


def _zone(text: str | None) -> timezone:
    if text is None or text == "Z":
        return UTC
    sign = -1 if text[0] == "-" else 1
    return timezone(sign * timedelta(hours=int(text[1:3]), minutes=int(text[4:6])))


def _precision(month: str | None, day: str | None, hour: str | None, second: str | None) -> Precision:
    if month is None:
        return "year"
    if day is None:
        return "month"
    if hour is None:
        return "day"
    return "minute" if second is None else "second"


def _end(lo: datetime, precision: Precision) -> datetime:
    match precision:
        case "year":
            return lo.replace(year=lo.year + 1) if lo.year < _LAST_YEAR else datetime.max.replace(tzinfo=UTC)
        case "month":
            return (lo.replace(day=1) + timedelta(days=32)).replace(day=1)
        case "day":
            return lo + timedelta(days=1)
        case "minute":
            return lo + timedelta(minutes=1)
        case "second":
            return lo + timedelta(seconds=1)
