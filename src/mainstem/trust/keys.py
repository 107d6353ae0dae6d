"""The root secret in its file, and the keys that are derived from it (trust rule book, §4.2).

The file holds one line, `mainstem-key-1:` and 64 hex digits, and must have mode 600. From the 32 bytes that it states
HKDF-SHA256 (RFC 5869) derives the namer's key and the key-encryption key; neither is ever written down. A data key is
wrapped by AES-256 key wrap (RFC 3394) together with its owner's number, so that it opens for that owner only.
"""

import contextlib
import os
import stat
from collections.abc import Callable
from pathlib import Path

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.keywrap import InvalidUnwrap, aes_key_unwrap, aes_key_wrap
from msgspec import Struct

from mainstem.model.ids import Namer
from mainstem.model.trouble import SetupError

KEY_LENGTH = 32
"""Bytes of the root secret, of a data key and of every derived key."""
_HEADER = "mainstem-key-1:"
_WRAP_FORMAT = b"\x01"
_OWNER_LENGTH = 8


class WrongKeyError(Exception):
    """A wrapped data key does not open: another root secret, another owner, or altered bytes."""


class Keys(Struct, frozen=True, kw_only=True):
    """What an installation can name and open with; shows nothing of itself when printed."""

    namer: Namer
    kek: bytes
    """Key-encryption key, 32 bytes."""

    def __repr__(self) -> str:
        return "Keys(…)"

    def wrap(self, owner: int, dek: bytes) -> bytes:
        """Return the 49 bytes that keep a 32-byte data key, bound to its owner (a signed 64-bit number)."""
        return _WRAP_FORMAT + aes_key_wrap(self.kek, _owner_bytes(owner) + dek)

    def unwrap(self, owner: int, wrapped: bytes) -> bytes:
        """Return the data key; raises `WrongKeyError` when it is not this owner's under this root secret."""
        if wrapped[:1] != _WRAP_FORMAT:
            raise WrongKeyError("the wrapped key has a format that this version does not know")
        try:
            opened = aes_key_unwrap(self.kek, wrapped[1:])
        except (InvalidUnwrap, ValueError) as error:
            raise WrongKeyError("the wrapped key does not open with this key file") from error
        if opened[:_OWNER_LENGTH] != _owner_bytes(owner):
            raise WrongKeyError("the wrapped key belongs to another owner")
        return opened[_OWNER_LENGTH:]


def derive(root: bytes) -> Keys:
    """Return the keys of a 32-byte root secret."""
    return Keys(namer=Namer(_derived(root, b"mainstem/1/namer")), kek=_derived(root, b"mainstem/1/kek"))


def load_or_create(path: Path, random_bytes: Callable[[int], bytes]) -> Keys:
    """Read the key file, or make it when there is none; two processes that start together get the same keys.

    Raises `SetupError` when the file is open to others, malformed, unreadable, or cannot be made.
    """
    try:
        if not path.exists():
            _create(path, random_bytes(KEY_LENGTH))
        return derive(_read(path))
    except OSError as error:
        raise SetupError(
            f"The key file cannot be used: {error.strerror}.",
            where=path,
            remedy="Make its folder readable and writable for the user who runs mainstem, on a disk with free space.",
        ) from error


def _create(path: Path, root: bytes) -> None:
    """Write beside and link into place: whoever comes first wins, and no half-written file is ever seen."""
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    draft.unlink(missing_ok=True)
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(f"{_HEADER}{root.hex()}\n")
            file.flush()
            os.fsync(file.fileno())
        with contextlib.suppress(FileExistsError):
            os.link(draft, path)
    finally:
        draft.unlink()


def _read(path: Path) -> bytes:
    with path.open(encoding="ascii", errors="replace") as file:
        _refuse_loose_mode(path, os.fstat(file.fileno()))
        text = file.read(len(_HEADER) + 2 * KEY_LENGTH + 2).strip()
    digits = text.removeprefix(_HEADER)
    with contextlib.suppress(ValueError):
        if text.startswith(_HEADER) and len(digits) == 2 * KEY_LENGTH:
            return bytes.fromhex(digits)
    raise SetupError(
        "The key file does not hold a mainstem key.",
        where=path,
        remedy="Put the original file back from its backup. Without it nothing that was sealed can be read; "
        "a new key is right only for a new, empty database.",
    )


def _refuse_loose_mode(path: Path, status: os.stat_result) -> None:
    mode = stat.S_IMODE(status.st_mode)
    if mode & 0o077:
        raise SetupError(
            f"The key file is open to other users (mode {mode:03o}).",
            where=path,
            remedy=f"Run: chmod 600 {path}. If somebody else may have read it, restore from a backup under a new key.",
        )


def _derived(root: bytes, purpose: bytes) -> bytes:
    return HKDF(algorithm=SHA256(), length=KEY_LENGTH, salt=None, info=purpose).derive(root)


def _owner_bytes(owner: int) -> bytes:
    return owner.to_bytes(_OWNER_LENGTH, "big", signed=True)
