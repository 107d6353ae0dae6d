"""Telephones, e-mail and postal addresses of a Patient, standardised (USPS Publication 28, Project US@)."""

import re
from typing import Any, cast

from mainstem.fhir.element import parts, text
from mainstem.identify.words import STREETS, fold, is_placeholder
from mainstem.model.fact import Resource

_EXTENSION = re.compile(r"(?:ext|x|#|;).*$", re.IGNORECASE)
_NOT_DIGIT = re.compile(r"\D")
_DIGITS_MIN, _DIGITS_MAX, _NATIONAL = 7, 15, 10
_US_POSTAL = re.compile(r"(\d{5})(?:-?\d{4})?")
_PHONES = frozenset({"phone", "sms"})


def phones(patient: Resource) -> tuple[str, ...]:
    """Return telephone numbers as digits in national form (NANP: ten digits), without placeholders."""
    found = {_phone(text(each, "value")) for each in parts(patient, "telecom") if text(each, "system") in _PHONES}
    return tuple(sorted(found - {""}))


def _phone(value: str) -> str:
    digits = _NOT_DIGIT.sub("", _EXTENSION.sub("", value.lower().removeprefix("tel:")))
    if len(digits) == _NATIONAL + 1 and digits[0] == "1":
        digits = digits[1:]
    if not _DIGITS_MIN <= len(digits) <= _DIGITS_MAX or len(set(digits)) == 1 or is_placeholder("phone", digits):
        return ""
    return digits


def emails(patient: Resource) -> tuple[str, ...]:
    """Return e-mail addresses in lower case, without placeholders."""
    values = (
        text(each, "value").strip().lower() for each in parts(patient, "telecom") if text(each, "system") == "email"
    )
    clean = {each.removeprefix("mailto:") for each in values}
    return tuple(sorted(each for each in clean if "@" in each and not is_placeholder("email", each)))


def addresses(patient: Resource) -> tuple[str, ...]:
    """Return each address as `line|postal code`, whole and with the street line alone: a flat is often left out.

    An address without a line or without a postal code is left out.
    """
    found = {(line, _postal(text(each, "postalCode"))) for each in parts(patient, "address") for line in _lines(each)}
    return tuple(sorted(f"{line}|{code}" for line, code in found if line and code))


def postal_codes(patient: Resource) -> tuple[str, ...]:
    """Return postal codes; of a ZIP+4 the first five digits."""
    return tuple(sorted({_postal(text(each, "postalCode")) for each in parts(patient, "address")} - {""}))


def cities(patient: Resource) -> tuple[str, ...]:
    """Return the names of cities, folded."""
    found = {fold(text(each, "city")) for each in parts(patient, "address")}
    return tuple(sorted(each for each in found if each and not is_placeholder("name", each)))


def _lines(address: Resource) -> set[str]:
    """Return the standardised lines as one, and the first that begins with a house number and names a street."""
    stated = address.get("line")
    lines = [each for each in cast("list[Any]", stated) if isinstance(each, str)] if isinstance(stated, list) else []
    plain = [_standard(each) for each in lines]
    street = next((each for each in plain if each[:1].isdigit() and " " in each), "")
    return {each for each in (" ".join(filter(None, plain)), street) if not is_placeholder("address", each)}


def _standard(line: str) -> str:
    return " ".join(STREETS.get(word, word) for word in fold(line.replace("#", " apt ")).split())


def _postal(value: str) -> str:
    code = value.strip()
    match = _US_POSTAL.fullmatch(code)
    plain = match[1] if match else fold(code).replace(" ", "")
    return "" if is_placeholder("postal", plain) else plain
