"""The package of npm that ESP Web Tools speaks to boards with, and the Node.js to run it."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import tarfile
from pathlib import Path

from tools.shared.errors import ToolError
from tools.shared.locks import Lock
from tools.shared.paths import TOOLS, VENV

PACKAGE = "improv-wifi-serial-sdk"
VERSION = "2.8.1"
SHA512 = (
    "294d83edb35b7540d45f424ada74064c64eec49347fa5a17c8c47a0d7048cc08"
    "78ff6770891d9cc4ad2282f97e74b5a37f8c11bf8de2527fde42e502970e55de"
)
FOLDER = TOOLS / f"{PACKAGE}-{VERSION}"
OLDEST = 20  # of Node.js: it has module.register()


def node() -> str:
    """Node.js: the system's, or that of the emulator's set-up. Raises ToolError."""
    path = os.pathsep.join((os.environ.get("PATH", ""), str(VENV / "bin")))
    found = shutil.which("node", path=path)
    if not found or not shutil.which("npm", path=path):
        raise ToolError("there is no Node.js", "make test-emulated fetches one")
    said = subprocess.run([found, "--version"], capture_output=True, text=True).stdout
    if int(said.strip().lstrip("v").partition(".")[0] or 0) < OLDEST:
        raise ToolError(f"Node.js {said.strip()} is too old", f"{OLDEST} or newer is needed")
    return found


def sdk() -> Path:
    """The module of the package that speaks over a port, fetched once. Raises ToolError."""
    with Lock(TOOLS / f"{PACKAGE}.lock"):
        if not FOLDER.exists():
            _fetch()
    return FOLDER / "package" / "dist" / "serial.js"


def _fetch() -> None:
    partial = FOLDER.with_name(FOLDER.name + ".partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    path = os.pathsep.join((os.environ.get("PATH", ""), str(VENV / "bin")))
    done = subprocess.run(
        [shutil.which("npm", path=path) or "npm", "pack", f"{PACKAGE}@{VERSION}"],
        cwd=partial, capture_output=True, text=True, env={**os.environ, "PATH": path},
    )  # fmt: skip
    archive = partial / f"{PACKAGE}-{VERSION}.tgz"
    if done.returncode or not archive.exists():
        raise ToolError(f"npm has no {PACKAGE}: {done.stderr.strip()[-200:]}", "check the network")
    if hashlib.sha512(archive.read_bytes()).hexdigest() != SHA512:
        raise ToolError(f"{archive.name} is not the file that was pinned", "remove it")
    with tarfile.open(archive) as file:
        file.extractall(partial, filter="data")
    (partial / "package.json").write_text('{"type": "module"}\n')
    manifest = partial / "package" / "package.json"
    manifest.write_text('{"type": "module"}\n')  # its files are modules, which it leaves unsaid
    partial.rename(FOLDER)
