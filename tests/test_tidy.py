"""The style as a test (what ruff and pyright cannot say): sizes, names, reasons, and what stands nowhere.

Each rule is a function from a text to the list of its breaches, and is shown to find one.
"""

import ast
import re
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
SOURCE = ROOT / "src" / "mainstem"
FUNCTION_LINES_MAX = 70
FILE_LINES_MAX = 500
POSITIONAL_MAX = 5
BANNED_NAMES = {"common", "utils", "util", "helpers", "helper", "base", "core", "misc", "manager", "handler", "service"}
CHANGES = {"Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"}
# Put together here, so that this file does not name them either.
REGISTRIES = ["pypi" + ".org", "pythonhosted" + ".org", "npmjs" + ".org", "npmjs" + ".com", "yarnpkg" + ".com"]
NOQA, IGNORE = "# no" + "qa", "# type: " + "ignore"
UNFINISHED = ["TO" + "DO", "FIX" + "ME", "XX" + "X", "HA" + "CK"]
MACHINE_PATHS = re.compile(r"(?<![\w.])/(?:work|root|home/\w+|Users/\w+|opt/wheels)/")
Rule = Callable[[str], list[str]]


def tracked(*suffixes: str) -> list[Path]:
    """Return the project's own files; those that git knows, or all in an unpacked archive."""
    if (ROOT / ".git").exists():
        listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, check=True, capture_output=True, text=True)
        paths = [ROOT / name for name in listed.stdout.split("\0") if name]
    else:
        built = {".venv", ".uv", "node_modules", "static", "__pycache__", ".hypothesis"}
        paths = [path for path in ROOT.rglob("*") if not built & set(path.parts)]
    return sorted(path for path in paths if path.is_file() and (not suffixes or path.suffix in suffixes))


def breaches(rule: Rule, paths: list[Path]) -> list[str]:
    found = []
    for path in paths:
        text = path.read_bytes().decode("utf-8", errors="ignore")
        found += [f"{path.relative_to(ROOT)}: {words}" for words in rule(text)]
    return found


def functions(text: str) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    return (node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))


def long_functions(text: str) -> list[str]:
    sizes = ((node.name, (node.end_lineno or node.lineno) - node.lineno + 1) for node in functions(text))
    return [f"{name} has {lines} lines" for name, lines in sizes if lines > FUNCTION_LINES_MAX]


def long_files(text: str) -> list[str]:
    lines = text.count("\n")
    return [f"{lines} lines"] if lines > FILE_LINES_MAX else []


def many_positional(text: str) -> list[str]:
    counts = ((node.name, len(_positional(node))) for node in functions(text))
    return [f"{name} takes {count} positional arguments" for name, count in counts if count > POSITIONAL_MAX]


def _positional(node: ast.FunctionDef | ast.AsyncFunctionDef) -> list[str]:
    return [each.arg for each in (*node.args.posonlyargs, *node.args.args) if each.arg not in {"self", "cls"}]


def broad_excepts(text: str) -> list[str]:
    handlers = (node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.ExceptHandler))
    return [f"line {node.lineno} catches everything" for node in handlers if _is_broad(node.type)]


def _is_broad(caught: ast.expr | None) -> bool:
    names = caught.elts if isinstance(caught, ast.Tuple) else [caught]
    return any(
        name is None or (isinstance(name, ast.Name) and name.id in {"Exception", "BaseException"}) for name in names
    )


def unreasoned_exemptions(text: str) -> list[str]:
    """`noqa: CODE` and `type: ignore[code]` say which rule, and after a dash or a second hash, why."""
    good = re.compile(
        r"#\s*(?:(?:ruff: )?noqa: [A-Z]+[0-9]+(?:, ?[A-Z]+[0-9]+)*|(?:type|pyright): ignore\[[\w, -]+\])"
        r"\s+[-#]\s*\S.{5}"
    )
    marks = re.compile(r"#\s*(?:ruff: )?(?:noqa|type: ignore|pyright: (?:ignore|basic|standard))\b")
    lines = enumerate(text.splitlines(), 1)
    return [f"line {n}: {line.strip()}" for n, line in lines if marks.search(line) and not good.search(line)]


def unfinished(text: str) -> list[str]:
    marks = re.compile(rf"\b(?:{'|'.join(UNFINISHED)})\b")
    return [f"line {n}: {line.strip()}" for n, line in enumerate(text.splitlines(), 1) if marks.search(line)]


def registries(text: str) -> list[str]:
    return [f"names {host}" for host in REGISTRIES if host in text]


def machine_paths(text: str) -> list[str]:
    return [f"line {n}: {line.strip()}" for n, line in enumerate(text.splitlines(), 1) if MACHINE_PATHS.search(line)]


def changelog_breaches(text: str) -> list[str]:
    """Keep a Changelog: newest first, a date each, changes under six headings only."""
    releases = re.findall(r"^## (.*)$", text, re.MULTILINE)
    wrong = [line for line in releases[1:] if not re.fullmatch(r"\[\d+\.\d+\.\d+\] - \d{4}-\d\d-\d\d", line)]
    headings = [line for line in re.findall(r"^### (.*)$", text, re.MULTILINE) if line not in CHANGES]
    first = [] if releases[:1] == ["[Unreleased]"] else ["does not begin with [Unreleased]"]
    return first + [f"strange heading: {line}" for line in wrong + headings]


def naming(source: str) -> Rule:
    """Make the rule that a text does not name this source folder; a plain word may stand where it means itself."""
    plain = rf"\b(?:sources[./]|vnd\.|(?:kind|connector|source)(?: =|=|: | == ) ?[\"']){source}\b"
    pattern = re.compile(plain if source.isalpha() else rf"\b{source}\b")
    return lambda text: [f"names the source {source}"] if pattern.search(text) else []


def sources() -> list[str]:
    return sorted(path.parent.name for path in SOURCE.glob("sources/*/manifest.toml"))


@pytest.mark.parametrize(
    ("rule", "bad"),
    [
        (long_functions, "def f():\n" + "    pass\n" * 70),
        (long_files, "\n" * 501),
        (many_positional, "def f(a, b, c, d, e, f): ..."),
        (broad_excepts, "try: ...\nexcept (OSError, Exception): ..."),
        (broad_excepts, "try: ...\nexcept: ..."),
        (unreasoned_exemptions, f"x = 1  {NOQA}"),
        (unreasoned_exemptions, f"x = 1  {NOQA}: E501"),
        (unreasoned_exemptions, f"x = 1  {IGNORE}[attr]"),
        (unfinished, f"# {UNFINISHED[0]} later"),
        (registries, "https://" + REGISTRIES[0]),
        (machine_paths, f"see {ROOT.anchor}work/main"),
        (changelog_breaches, "## [0.1.0]\n### News"),
        (naming("a_folder"), "x = a_folder"),
        (naming("word"), 'if source == "word"'),
    ],
)
def test_each_rule_finds_its_breach(rule: Rule, bad: str) -> None:
    assert rule(bad)


@pytest.mark.parametrize(
    ("rule", "good"),
    [
        (unreasoned_exemptions, f"x = 1  {NOQA}: E501 - the table reads better whole"),
        (unreasoned_exemptions, f"x = 1  {IGNORE}[attr]  # the library is untyped"),
        (many_positional, "def f(self, a, b, c, d, e, *, f): ..."),
        (naming("word"), "# a word in prose"),
        (machine_paths, "GET /fhir/work/x"),
    ],
)
def test_no_rule_refuses_what_is_right(rule: Rule, good: str) -> None:
    assert not rule(good)


@pytest.mark.parametrize("rule", [long_functions, long_files, many_positional, unreasoned_exemptions])
def test_code_is_small_and_its_exemptions_have_reasons(rule: Rule) -> None:
    assert breaches(rule, tracked(".py")) == []


def test_scripts_styles_and_statements_are_small() -> None:
    assert breaches(long_files, tracked(".ts", ".tsx", ".css", ".sql")) == []


def test_at_most_one_file_catches_everything() -> None:
    found = breaches(broad_excepts, [path for path in tracked(".py") if path.is_relative_to(SOURCE)])
    assert len({words.partition(":")[0] for words in found}) <= 1, found


def test_no_module_has_a_name_that_says_nothing() -> None:
    paths = [path.relative_to(SOURCE) for path in tracked(".py") if path.is_relative_to(SOURCE)]
    assert [path for path in paths if BANNED_NAMES & {*path.parts[:-1], path.stem}] == []


@pytest.mark.parametrize("rule", [unfinished, registries, machine_paths])
def test_nothing_is_left_unfinished_or_bound_to_one_machine(rule: Rule) -> None:
    assert breaches(rule, tracked()) == []


@pytest.mark.parametrize("source", sources())
def test_a_source_is_named_in_its_folder_only(source: str) -> None:
    house = [
        path for path in tracked(".py", ".sql", ".toml", ".csv", ".ts", ".tsx") if path.is_relative_to(ROOT / "src")
    ]
    elsewhere = [path for path in house if not {source, "simulate"} & set(path.relative_to(SOURCE).parts)]
    assert breaches(naming(source), elsewhere) == []


def test_the_changelog_has_its_form() -> None:
    assert breaches(changelog_breaches, [ROOT / "CHANGELOG.md"]) == []
