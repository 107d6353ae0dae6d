"""FHIR JSON in and out, with decimals kept to the digit (FHIR R4 §2.24.0.1)."""

from decimal import Decimal

import msgspec

from mainstem.model.fact import Resource

_DECODER = msgspec.json.Decoder(float_hook=Decimal)
_ENCODER = msgspec.json.Encoder(decimal_format="number", order=None)
_CANONICAL = msgspec.json.Encoder(decimal_format="number", order="deterministic")


def decode(body: bytes | str) -> Resource:
    """Return decoded JSON; raises `msgspec.DecodeError` or `RecursionError` when it is malformed or too deep."""
    return _DECODER.decode(body)


def encode(value: object) -> bytes:
    """Return JSON bytes in the value's own key order."""
    return _ENCODER.encode(value)


def canonical(value: object) -> bytes:
    """Return JSON bytes with sorted keys: equal content gives equal bytes (IDEM-3)."""
    return _CANONICAL.encode(value)
