"""The real command in processes of its own, on homes of its own: as people and cron run it."""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

MAINSTEM = Path(sys.executable).with_name("mainstem")
WIDE = {**os.environ, "COLUMNS": "1000"}
"""Sentences stay on one line, so that a test can look for them."""


class Ended(NamedTuple):
    """A finished command; `peak` is the most memory that it held, in bytes."""

    status: int
    said: str
    peak: int


@contextmanager
def room() -> Generator[Path]:
    """Lend a folder that an embedded server under another user can reach; gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="mainstem-journey-") as folder:
        Path(folder).chmod(0o711)
        yield Path(folder)


def begin(home: Path, *words: str | Path) -> subprocess.Popen[str]:
    """Start a command and let it run."""
    command = [str(MAINSTEM), words[0], "--home", str(home), *map(str, words[1:])]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=WIDE)


def end(process: subprocess.Popen[str]) -> Ended:
    """Wait for a command that was started."""
    with process:
        assert process.stdout is not None
        said = process.stdout.read()
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    return Ended(process.returncode, said, used.ru_maxrss * 1024)


def run(home: Path, *words: str | Path) -> Ended:
    """Run a command to its end."""
    return end(begin(home, *words))


def ndjson(path: Path, resources: Sequence[dict[str, Any]]) -> Path:
    """Write resources as lines."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"\n".join(json.dumps(each).encode() for each in resources))
    return path
