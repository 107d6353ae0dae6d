"""Reads the CSV tables beside the code: clinical knowledge is data, each row with its source."""

import csv
from functools import cache
from importlib.resources import files


@cache
def rows(name: str) -> tuple[dict[str, str], ...]:
    """Return the rows of `name`.csv in this folder, in order, by column name."""
    text = (files("mainstem.harmonise") / f"{name}.csv").read_text(encoding="utf-8")
    return tuple(csv.DictReader(text.splitlines()))
