"""`test-homeassistant`: installs Home Assistant for the tests that want a real one, and runs them.

Which release it is depends on the Python that this computer has beside the project's own. Where
it has none that will do, that is said, and nothing is counted as passed.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

import click

from tools.lab.test import FOR_PYTEST, pytest
from tools.shared.errors import ToolError
from tools.shared.paths import TOOLS

FOLDER = TOOLS / "homeassistant"
PYTHON = FOLDER / "bin" / "python"
# The least Python that a release needs, and the first that is too new for it; the best first.
RELEASES = (
    ((3, 14, 2), (3, 15), "2026.11.0"),
    ((3, 13, 0), (3, 14), "2025.4.4"),
)
_CONSTRAINTS = "homeassistant/package_constraints.txt"  # within the wheel
_MORE = ("paho-mqtt==2.1.0", "aiohasupervisor")  # what its MQTT integration asks for
_NONE = "there is no Python 3.13, nor 3.14.2 or later, for Home Assistant on this computer"
_HOW = "install one, or name it: make test-homeassistant HOMEASSISTANT_PYTHON=/usr/bin/python3.13"


@click.command(context_settings=FOR_PYTEST)
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def command(arguments: tuple[str, ...]) -> int:
    """Run nodes beside a real Home Assistant.

    The first time installs it from PyPI, half a gigabyte, which takes a minute or two. It needs
    Python 3.13 or 3.14.2; HOMEASSISTANT_PYTHON may name one. With ARGUMENTS, pytest's options:

    \b
    petrel test-homeassistant -k restart
    """
    try:
        install()
    except ToolError as error:
        print(f"NOT RUN: the tests with Home Assistant; {error}", file=sys.stderr)
        return 1
    return pytest("-rs", "host_tests/homeassistant", *arguments)


def install() -> None:
    """Install the newest release that a Python of this computer can run, unless it is there."""
    python, release = _choose()
    stamp = FOLDER / "release.txt"
    if stamp.exists() and stamp.read_text() == release and PYTHON.exists():
        return
    print(f"installing Home Assistant {release} for {python} ...", flush=True)
    shutil.rmtree(FOLDER, ignore_errors=True)
    _run([str(python), "-m", "venv", str(FOLDER)])
    pip = [str(PYTHON), "-m", "pip", "-q", "--disable-pip-version-check"]
    with tempfile.TemporaryDirectory() as folder:
        _run([*pip, "download", "--no-deps", "-d", folder, f"homeassistant=={release}"])
        (wheel,) = Path(folder).glob("*.whl")
        with zipfile.ZipFile(wheel) as archive:
            constraints = archive.extract(_CONSTRAINTS, folder)
        # Without its constraints pip looks for versions that go together for minutes.
        _run([*pip, "install", "uv"])
        uv = [str(FOLDER / "bin" / "uv"), "pip", "install", "-q", "--python", str(PYTHON)]
        _run([*uv, "-c", constraints, str(wheel), *_MORE])
    stamp.write_text(release)


def _choose() -> tuple[Path, str]:
    """A Python, and the release for it; raises ToolError where there is none."""
    pythons = list(_pythons())
    for least, end, release in RELEASES:
        for path, version in pythons:
            if least <= version < end:
                return path, release
    raise ToolError(_NONE, _HOW)


def _pythons() -> list[tuple[Path, tuple[int, ...]]]:
    named = os.environ.get("HOMEASSISTANT_PYTHON")
    paths = [Path(named)] if named else []
    if not named:
        found = (shutil.which(name) for name in ("python3.14", "python3.13", "python3"))
        paths = [Path(each) for each in found if each]
        paths += sorted(Path.home().glob(".pyenv/versions/3.1[34]*/bin/python"))
    script = "import sys; print(*sys.version_info[:3])"
    pythons = []
    for path in paths:
        try:
            done = subprocess.run([path, "-c", script], capture_output=True, text=True)
            pythons.append((path, tuple(map(int, done.stdout.split()))))
        except (OSError, ValueError):  # a shim without its version
            continue
    return pythons


def _run(command: list[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        said = [line for line in (done.stderr + done.stdout).splitlines() if line.strip()]
        raise ToolError(
            f"Home Assistant can't be installed: {said[-1] if said else command}",
            "check the network and run the command again",
        )
