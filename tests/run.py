"""Behind `make test` and `make lint`: every check that the project has, then the tests.

    python tests/run.py [--lint-only] [arguments of pytest …]

With `CI=true` hypothesis searches deeper and the tests marked `deep` run too. All checks run even when one fails; the
output ends with pytest's own closing line; the exit code is 0 only when everything passed.
"""

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
TOOLS = Path(sys.executable).parent
CHECKS = (
    ("ruff", "check", "."),
    ("ruff", "format", "--check", "."),
    ("pyright",),
    ("lint-imports",),
    ("deptry", "."),
)
COVERED_MIN = "95"
WHOLE = ("trust", "harmonise", "identify", "consolidate")
"""Rooms of which every branch is covered."""


def main(arguments: Sequence[str]) -> int:
    failed = [" ".join(check) for check in CHECKS if not passes(check)]
    if failed:
        say(f"FAILED: {'; '.join(failed)}")
    if "--lint-only" in arguments:
        return 1 if failed else 0
    return max(tested(list(arguments)), 1 if failed else 0)


def passes(check: Sequence[str]) -> bool:
    say(f"$ {' '.join(check)}")
    return subprocess.run([TOOLS / check[0], *check[1:]], cwd=ROOT, check=False).returncode == 0


def tested(arguments: list[str]) -> int:
    """Run pytest; its last line is held back until the rooms that must be covered whole were looked at."""
    command = [TOOLS / "python", "-m", "pytest", *(arguments or everything())]
    say(f"$ {' '.join(map(str, command[1:]))}")
    environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
    with subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE) as pytest:
        held = b""
        for line in pytest.stdout or ():
            show(held)
            held = line
    code = pytest.returncode
    if not arguments and code == 0 and not whole():
        code = 1
    show(held)
    return code


def everything() -> list[str]:
    workers = os.environ.get("PYTEST_WORKERS", "2")
    return ["-n", workers, "--dist", "loadfile", "--cov", "--cov-report=term", f"--cov-fail-under={COVERED_MIN}"]


def whole() -> bool:
    """Whether the pure rooms are covered whole; pytest-cov has left the figures in `.coverage`."""
    include = ",".join(f"src/mainstem/{room}/*" for room in WHOLE)
    command = [TOOLS / "coverage", "report", f"--include={include}", "--fail-under=100", "--show-missing"]
    return subprocess.run(command, cwd=ROOT, check=False).returncode == 0


def say(words: str) -> None:
    show(f"{words}\n".encode())


def show(line: bytes) -> None:
    sys.stdout.buffer.write(line)
    sys.stdout.buffer.flush()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
