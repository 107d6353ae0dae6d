"""Data keys, one an owner, and the bodies sealed with them (trust rule book, §4.2)."""

import threading
from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import Any

from psycopg import Connection

from mainstem.model.trouble import SetupError
from mainstem.store.session import Session
from mainstem.trust.keys import KEY_LENGTH, Keys, WrongKeyError
from mainstem.trust.sealing import seal, unseal

_CACHED_MAX = 20_000
_SELECT = "select owner, wrapped from data_key where owner = any(%s)"
_INSERT = """
insert into data_key (owner, wrapped, created)
select owner, wrapped, %s from unnest(%s::bigint[], %s::bytea[]) as t (owner, wrapped)
on conflict do nothing
"""


class Vault:
    """Seals and opens bodies under the data key of their owner; keeps opened keys that are known to be committed."""

    def __init__(self, keys: Keys, random_bytes: Callable[[int], bytes]) -> None:
        self.keys = keys
        self._random_bytes = random_bytes
        self._opened: OrderedDict[int, bytes] = OrderedDict()
        self._lock = threading.Lock()

    def ensure(self, connection: Connection[Any], owners: Iterable[int], now: datetime) -> None:
        """Give every owner a data key; call it in each transaction before sealing for these owners."""
        wanted = sorted(set(owners))
        missing = sorted(set(wanted) - set(self._load(connection, wanted)))
        if not missing:
            return
        if isinstance(connection, Session) and connection.fresh is None:
            connection.fresh = {}
        wrapped = [self.keys.wrap(owner, self._random_bytes(KEY_LENGTH)) for owner in missing]
        connection.execute(_INSERT, [now, missing, wrapped])
        self._load(connection, missing)

    def seal(self, connection: Connection[Any], owner: int, aad: bytes, body: bytes) -> bytes:
        """Return `body` compressed and encrypted for its owner; `LookupError` when `ensure` did not come first."""
        return seal(self._key(connection, owner), aad, body, self._random_bytes)

    def unseal(self, connection: Connection[Any], owner: int, aad: bytes, sealed: bytes) -> bytes:
        """Return the body; raises `UnsealError` when it was altered or moved, `LookupError` when the key was erased."""
        return unseal(self._key(connection, owner), aad, sealed)

    def prepare(self, connection: Connection[Any], owners: Iterable[int]) -> None:
        """Open the keys of many owners in one query, before unsealing their bodies one by one."""
        with self._lock:
            wanted = sorted({owner for owner in owners if owner not in self._opened})
        if wanted:
            self._load(connection, wanted)

    def forget(self, owner: int) -> None:
        """Drop an owner's opened key, after its row was deleted."""
        with self._lock:
            self._opened.pop(owner, None)

    def prove(self, connection: Connection[Any]) -> None:
        """Raise `SetupError` when the key file is not the one that this database was sealed with."""
        row = connection.execute("select owner, wrapped from data_key limit 1").fetchone()
        try:
            if row is not None:
                self.keys.unwrap(row[0], row[1])
        except WrongKeyError as error:
            raise SetupError(
                "The key file does not belong to this database.",
                where=f"database {connection.info.dbname}",
                remedy="Put the key file of this database back from its backup, or use another, empty database.",
            ) from error

    def _key(self, connection: Connection[Any], owner: int) -> bytes:
        fresh = connection.fresh if isinstance(connection, Session) else None
        if fresh is not None and owner in fresh:
            return fresh[owner]
        with self._lock:
            if owner in self._opened:
                self._opened.move_to_end(owner)
                return self._opened[owner]
        try:
            return self._load(connection, [owner])[owner]
        except KeyError:
            raise LookupError(f"owner {owner} has no data key: none was made, or it was erased") from None

    def _load(self, connection: Connection[Any], owners: Sequence[int]) -> dict[int, bytes]:
        """Read keys from the database and keep them; a key that may be uncommitted stays with its connection."""
        rows = connection.execute(_SELECT, [list(owners)]).fetchall()
        opened = {owner: self.keys.unwrap(owner, wrapped) for owner, wrapped in rows}
        if isinstance(connection, Session):
            if connection.fresh is not None:
                connection.fresh.update(opened)
            else:
                self._keep(owners, opened)
        return opened

    def _keep(self, owners: Sequence[int], opened: dict[int, bytes]) -> None:
        with self._lock:
            for owner in owners:
                self._opened.pop(owner, None)
            self._opened.update(opened)
            while len(self._opened) > _CACHED_MAX:
                self._opened.popitem(last=False)
