"""Binary COPY: the fastest way into a table, with the column types said once."""

from collections.abc import Iterable, Mapping, Sequence
from struct import Struct as Packing
from typing import Any

from psycopg import postgres, sql
from psycopg.adapt import Dumper
from psycopg.pq import Format

from mainstem.store.session import Tx

_INT8 = postgres.types["int8"]
_HEAD = Packing(">iiIii")
"""Of an array on the wire: dimensions, null flag, element type, length, lower bound (PostgreSQL's array_send)."""
_EMPTY = Packing(">iiI")


class _Numbers(Dumper):
    """Dumps a list of 64-bit numbers in one stroke; the driver's own asks for a dumper for each element."""

    oid = _INT8.array_oid
    format = Format.BINARY

    def dump(self, obj: Sequence[int]) -> bytes:
        if not obj:
            return _EMPTY.pack(0, 0, _INT8.oid)
        flat = [part for number in obj for part in (8, number)]
        return _HEAD.pack(1, 0, _INT8.oid, len(obj), 1) + Packing(">" + "iq" * len(obj)).pack(*flat)


def copy_rows(tx: Tx, table: str, columns: Mapping[str, str], rows: Iterable[Sequence[Any]]) -> None:
    """Append rows to a table; `columns` maps names to PostgreSQL types in the order of each row's values."""
    command = sql.SQL("copy {} ({}) from stdin (format binary)").format(
        sql.Identifier(table), sql.SQL(", ").join(map(sql.Identifier, columns))
    )
    with tx.cursor() as cursor:
        cursor.adapters.register_dumper(list, _Numbers)
        with cursor.copy(command) as copy:
            copy.set_types(list(columns.values()))
            for row in rows:
                copy.write_row(row)
