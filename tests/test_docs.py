"""Documents that cannot lie: what they show is executed, what they name exists."""

import contextlib
import io
import re
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parent.parent
BLOCK = re.compile(r"^```(python|text)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
EXECUTED = sorted(path for path in (ROOT / "docs").glob("*.md") if "```python" in path.read_text(encoding="utf-8"))
PAGES = sorted(ROOT.glob("*.md")) + sorted((ROOT / "docs").rglob("*.md"))
FENCE = re.compile(r"^```.*?^```$", re.DOTALL | re.MULTILINE)
LINK = re.compile(r"\]\((?!https?:|#)([^)#\s]+)")


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


def test_every_command_stands_in_the_reference() -> None:
    source = (ROOT / "src" / "mainstem" / "main.py").read_text(encoding="utf-8")
    commands = set(re.findall(r'\badd\("([a-z]+)", ', source))
    told = (ROOT / "docs" / "commands.md").read_text(encoding="utf-8")
    assert commands >= {"demo", "serve", "sync", "import", "token", "check", "verify", "rebuild", "selftest"}
    assert [name for name in sorted(commands) if f"`mainstem {name}" not in told] == []
