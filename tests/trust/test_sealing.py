"""A sealed body opens with its key, at its place, unaltered, and in no other way."""

import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mainstem.trust.sealing import UnsealError, seal, unseal

DEK = b"d" * 32
BODIES = st.binary(max_size=3000)


@given(BODIES, st.binary(max_size=100))
def test_what_is_sealed_opens_again(body: bytes, aad: bytes) -> None:
    assert unseal(DEK, aad, seal(DEK, aad, body, os.urandom)) == body


@given(BODIES, st.data())
def test_no_altered_bit_passes(body: bytes, data: st.DataObject) -> None:
    altered = bytearray(seal(DEK, b"here", body, os.urandom))
    bit = data.draw(st.integers(min_value=0, max_value=8 * len(altered) - 1))
    altered[bit // 8] ^= 1 << bit % 8
    with pytest.raises(UnsealError):
        unseal(DEK, b"here", bytes(altered))


@given(BODIES, st.data())
def test_no_shortened_body_passes(body: bytes, data: st.DataObject) -> None:
    sealed = seal(DEK, b"here", body, os.urandom)
    with pytest.raises(UnsealError):
        unseal(DEK, b"here", sealed[: data.draw(st.integers(min_value=0, max_value=len(sealed) - 1))])


def test_another_place_or_another_key_does_not_open_it() -> None:
    sealed = seal(DEK, b"resource:1:1", b"body", os.urandom)
    for dek, aad in ((DEK, b"resource:1:2"), (b"x" * 32, b"resource:1:1")):
        with pytest.raises(UnsealError, match="does not open here"):
            unseal(dek, aad, sealed)


def test_the_first_bytes_are_format_and_dictionary() -> None:
    sealed = seal(DEK, b"", b"body " * 100, lambda length: b"n" * length)
    assert sealed[:14] == b"\x01\x00" + b"n" * 12
    for header in (b"\x00\x00", b"\x7f\x00", b"\x01\x01", b"\x02\x01"):
        with pytest.raises(UnsealError, match="format or dictionary"):
            unseal(DEK, b"", header + sealed[2:])


def test_a_body_is_compressed_before_it_is_encrypted() -> None:
    assert len(seal(DEK, b"", b"observation " * 100, os.urandom)) < 100


def test_the_same_body_never_looks_the_same_twice() -> None:
    assert seal(DEK, b"", b"body", os.urandom) != seal(DEK, b"", b"body", os.urandom)
