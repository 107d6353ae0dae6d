"""The key file is private and made once; what is derived from it never changes; a data key opens for its owner only."""

import os
import re
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mainstem.model.trouble import SetupError
from mainstem.trust.keys import WrongKeyError, derive, load_or_create

ROOT = bytes(range(32))
OWNERS = st.integers(min_value=-(2**63), max_value=2**63 - 1)
DATA_KEYS = st.binary(min_size=32, max_size=32)


def counting() -> Callable[[int], bytes]:
    numbers = iter(range(1, 256))
    return lambda length: bytes([next(numbers)]) * length


def test_the_file_is_made_private_and_read_again(tmp_path: Path) -> None:
    path = tmp_path / "key"
    made = load_or_create(path, counting())
    assert path.stat().st_mode & 0o777 == 0o600
    assert re.fullmatch(r"mainstem-key-1:[0-9a-f]{64}\n", path.read_text(encoding="ascii"))
    again = load_or_create(path, counting())
    assert (again.kek, again.namer) == (made.kek, made.namer)
    assert list(tmp_path.iterdir()) == [path]


def test_two_processes_that_start_together_get_the_same_keys(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Between our look and our making, another process makes the file."""
    path = tmp_path / "key"
    first = load_or_create(path, lambda length: b"1" * length)
    monkeypatch.setattr(Path, "exists", lambda _path: False)
    second = load_or_create(path, lambda length: b"2" * length)
    assert second.kek == first.kek


def test_a_draft_that_a_crash_left_is_no_obstacle(tmp_path: Path) -> None:
    (tmp_path / f".key.{os.getpid()}").touch()
    load_or_create(tmp_path / "key", counting())
    assert [path.name for path in tmp_path.iterdir()] == ["key"]


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o620, 0o601, 0o666])
def test_a_file_that_others_may_touch_is_refused(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "key"
    load_or_create(path, counting())
    path.chmod(mode)
    with pytest.raises(SetupError, match=f"open to other users .mode {mode:03o}") as caught:
        load_or_create(path, counting())
    assert f"chmod 600 {path}" in caught.value.remedy


@pytest.mark.parametrize("mode", [0o600, 0o400])
def test_a_private_file_is_read(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "key"
    made = load_or_create(path, counting())
    path.chmod(mode)
    assert load_or_create(path, counting()).kek == made.kek


@pytest.mark.parametrize(
    "text",
    [
        "",
        "0" * 64,
        "mainstem-key-2:" + "0" * 64,
        "mainstem-key-1:" + "0" * 62,
        "mainstem-key-1:" + "0" * 66,
        "mainstem-key-1:" + "g" * 64,
    ],
)
def test_a_file_that_holds_no_key_is_refused_and_not_repeated(tmp_path: Path, text: str) -> None:
    path = tmp_path / "key"
    path.touch(0o600)
    path.write_text(text, encoding="ascii")
    with pytest.raises(SetupError, match="does not hold a mainstem key") as caught:
        load_or_create(path, counting())
    assert "0000" not in str(caught.value)


def test_a_folder_that_is_not_there_is_said_in_words(tmp_path: Path) -> None:
    with pytest.raises(SetupError, match="No such file or directory"):
        load_or_create(tmp_path / "absent" / "key", counting())


def test_derived_keys_differ_from_the_root_and_from_one_another() -> None:
    keys = derive(ROOT)
    assert len({ROOT, keys.kek, keys.namer.key}) == 3
    assert [len(keys.kek), len(keys.namer.key)] == [32, 32]


def test_derivation_never_changes() -> None:
    """RFC 5869 with SHA-256, no salt; computed here by its two steps, so that a library's change would be seen."""
    from hmac import digest

    extracted = digest(bytes(32), ROOT, "sha256")
    expected = [digest(extracted, b"mainstem/1/" + purpose + b"\x01", "sha256") for purpose in (b"namer", b"kek")]
    keys = derive(ROOT)
    assert [keys.namer.key, keys.kek] == expected


def test_keys_show_nothing_when_printed() -> None:
    assert f"{derive(ROOT)!r} {derive(ROOT)}" == "Keys(…) Keys(…)"


@given(OWNERS, DATA_KEYS)
def test_a_wrapped_key_opens_for_its_owner(owner: int, dek: bytes) -> None:
    keys = derive(ROOT)
    wrapped = keys.wrap(owner, dek)
    assert keys.unwrap(owner, wrapped) == dek
    assert len(wrapped) == 49
    assert dek not in wrapped


@given(OWNERS, OWNERS, DATA_KEYS)
def test_a_wrapped_key_opens_for_nobody_else(owner: int, other: int, dek: bytes) -> None:
    keys = derive(ROOT)
    if owner != other:
        with pytest.raises(WrongKeyError, match="another owner"):
            keys.unwrap(other, keys.wrap(owner, dek))


@given(OWNERS, DATA_KEYS, st.integers(min_value=0, max_value=49 * 8 - 1))
def test_no_altered_bit_of_a_wrapped_key_passes(owner: int, dek: bytes, bit: int) -> None:
    keys = derive(ROOT)
    altered = bytearray(keys.wrap(owner, dek))
    altered[bit // 8] ^= 1 << bit % 8
    with pytest.raises(WrongKeyError):
        keys.unwrap(owner, bytes(altered))


@pytest.mark.parametrize("wrapped", [b"", b"\x01", b"\x01" + b"x" * 40, b"\x02" + b"x" * 48])
def test_what_is_no_wrapped_key_is_refused(wrapped: bytes) -> None:
    with pytest.raises(WrongKeyError):
        derive(ROOT).unwrap(1, wrapped)


def test_another_root_opens_nothing() -> None:
    wrapped = derive(ROOT).wrap(1, b"d" * 32)
    with pytest.raises(WrongKeyError, match="this key file"):
        derive(b"x" * 32).unwrap(1, wrapped)


def test_names_under_two_roots_have_nothing_in_common() -> None:
    one, two = derive(ROOT).namer, derive(b"x" * 32).namer
    names = [namer.record("a", "Patient", str(n)) for namer in (one, two) for n in range(50)]
    assert all(left != right for left, right in pairwise(sorted(names)))
