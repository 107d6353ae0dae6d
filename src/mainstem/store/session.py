"""A database connection that remembers the data keys which its open transaction has made, until that is settled."""

from collections.abc import Generator
from contextlib import contextmanager

from psycopg import Connection, Transaction
from psycopg.rows import TupleRow

Tx = Connection[TupleRow]
"""A connection inside its caller's transaction."""


class Session(Connection[TupleRow]):
    """A connection lent by `Database.connection`.

    A key that this transaction inserted may yet be rolled back; a body sealed with it afterwards could never be read.
    So such keys are kept here, not in the vault's cache, and are forgotten at every rollback.
    """

    fresh: dict[int, bytes] | None = None
    """Data keys by owner that may be uncommitted; None = this unit of work has made none."""

    def forget(self) -> None:
        """Start a new unit of work: whatever was made is now either committed or gone."""
        self.fresh = None

    def rollback(self) -> None:
        """Roll back, and forget the keys that went with it."""
        self._lapse()
        super().rollback()

    @contextmanager
    def transaction(self, savepoint_name: str | None = None, force_rollback: bool = False) -> Generator[Transaction]:  # noqa: FBT001, FBT002 - psycopg's own signature
        """As psycopg's; forgets keys when the block is rolled back."""
        kept = False
        with super().transaction(savepoint_name, force_rollback) as transaction:
            try:
                yield transaction
                kept = not force_rollback
            finally:
                if not kept:
                    self._lapse()

    def _lapse(self) -> None:
        if self.fresh is not None:
            self.fresh = {}
