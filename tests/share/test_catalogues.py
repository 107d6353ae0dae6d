"""Every word that the server hands to the pages stands in each of their catalogues, and none stands for nothing."""

import csv
import re
from importlib.resources import files
from pathlib import Path

import pytest

from mainstem.share.sharing import OFFERED
from mainstem.store.grants import EVERYTHING
from mainstem.trust.categories import CATEGORIES

APP = Path(__file__).resolve().parents[2] / "app" / "src"
LANGUAGES = sorted(path.name.split(".")[1] for path in APP.glob("strings.*.ts"))


def keys(language: str, block: str) -> set[str]:
    text = (APP / f"strings.{language}.ts").read_text(encoding="utf-8")
    body = text.partition(f"\n  {block}: {{\n")[2].partition("\n  }")[0]
    return {quoted or plain for quoted, plain in re.findall(r"(?:'([\w-]+)'|\b(\w+)): '", body)}


def test_more_than_one_language_is_shipped() -> None:
    assert {"de", "en"} <= set(LANGUAGES)


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_category_that_can_be_shared_has_a_word_and_no_other(language: str) -> None:
    assert {EVERYTHING, *OFFERED} <= keys(language, "categories") <= {EVERYTHING, *CATEGORIES}


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_kind_of_entry_has_a_word_and_no_other(language: str) -> None:
    table = files("mainstem.share").joinpath("kinds.csv").read_text(encoding="utf-8")
    assert keys(language, "kinds") == {row["kind"] for row in csv.DictReader(table.splitlines())}


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_deed_that_a_person_reads_of_has_a_verb(language: str) -> None:
    told = {"read", "vread", "history", "search", "everything", "source", "provenance"}
    assert told | {"share", "pause", "resume", "stop", "sign-in"} == keys(language, "verbs")
