"""SQL that is longer than three lines stands in `store/sql/<name>.sql`; this reads it once."""

from functools import cache
from importlib.resources import files
from typing import LiteralString, cast


@cache
def statement(name: str) -> LiteralString:
    """Return the text of `sql/<name>.sql`; the files are part of the package, never of a request."""
    return cast("LiteralString", files("mainstem.store").joinpath("sql", f"{name}.sql").read_text("utf-8"))
