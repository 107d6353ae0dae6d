"""Documents that cannot lie: what they show is executed, what they name exists."""

import contextlib
import io
import re
import tomllib
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parent.parent
BLOCK = re.compile(r"^```(python|text)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
EXECUTED = sorted(path for path in (ROOT / "docs").glob("*.md") if "```python" in path.read_text(encoding="utf-8"))
PAGES = sorted(ROOT.glob("*.md")) + sorted((ROOT / "docs").rglob("*.md"))
FENCE = re.compile(r"^```.*?^```$", re.DOTALL | re.MULTILINE)
LINK = re.compile(r"(?:\]\(|<img src=\")(?!https?:|#)([^)#\s\"]+)")


@pytest.mark.parametrize("page", EXECUTED, ids=lambda page: page.name)
def test_a_page_prints_what_it_says(page: Path) -> None:
    names: dict[str, Any] = {}
    printed = ""
    for kind, body in BLOCK.findall(page.read_text(encoding="utf-8")):
        if kind == "text":
            assert printed == body, f"{page.name} shows other words than its code prints"
            continue
        out = io.StringIO()
        with contextlib.redirect_stdout(out):
            exec(compile(body, str(page), "exec"), names)  # noqa: S102  # our own page
        printed = out.getvalue()


def test_one_page_at_least_is_executed() -> None:
    assert ROOT / "docs" / "follow-one-value.md" in EXECUTED


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_leads_somewhere(page: Path) -> None:
    prose = FENCE.sub("", page.read_text(encoding="utf-8"))
    for target in LINK.findall(prose):
        assert (page.parent / target).exists(), f"{page.name} links to {target}"


def test_every_library_has_its_reason() -> None:
    written = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["dependencies"]
    needed = {re.split(r"[\[><=]", each)[0] for each in written}
    decision = (ROOT / "docs" / "decisions" / "0001-the-house-and-its-law.md").read_text(encoding="utf-8")
    table = decision.partition("\n## Dependencies")[2].partition("\n## ")[0]
    reasoned = {name for row in re.findall(r"^\| ([a-z][a-z, -]*) \|", table, re.MULTILINE) for name in row.split(", ")}
    assert reasoned - {"library"} == needed


def test_decisions_are_numbered_without_a_gap() -> None:
    numbers = sorted(int(path.name[:4]) for path in (ROOT / "docs" / "decisions").glob("*.md"))
    assert numbers == list(range(1, len(numbers) + 1))


def test_every_command_stands_in_the_reference() -> None:
    source = (ROOT / "src" / "mainstem" / "main.py").read_text(encoding="utf-8")
    commands = set(re.findall(r'\badd\("([a-z]+)", ', source))
    told = (ROOT / "docs" / "commands.md").read_text(encoding="utf-8")
    assert commands >= {"demo", "serve", "sync", "import", "token", "check", "verify", "rebuild", "selftest"}
    assert [name for name in sorted(commands) if f"`mainstem {name}" not in told] == []


def test_every_mark_of_a_rule_is_explained() -> None:
    marks = re.compile(r"\b(I[1-8]|(?:IDEM|REF|RID|LINK|CONS|GONE|SYNC|REST|BULK|CCDA|WEAR|U)(?=-\d))\b")
    used = {mark for path in (ROOT / "src").rglob("*.py") for mark in marks.findall(path.read_text(encoding="utf-8"))}
    told = set(
        re.findall(r"^\| ([A-Z]+[0-9]?) \|", (ROOT / "docs" / "rules.md").read_text(encoding="utf-8"), re.MULTILINE)
    )
    assert used <= told
