"""`test-homeassistant`: installs Home Assistant for the tests that want a real one, and runs them.

Which release it is depends on the Python that this computer has beside the project's own. Where
it has none that will do, that is said, and nothing is counted as passed.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import click

from tools.lab import browser
from tools.lab.test import FOR_PYTEST, pytest
from tools.shared.errors import ToolError
from tools.shared.locks import Lock
from tools.shared.paths import ROOT, TOOLS, VENV
from tools.start import bootstrap, debian

FOLDER = TOOLS / "homeassistant"  # a link to that of the release in use
PYTHON = FOLDER / "bin" / "python"
PINNED = ROOT / "requirements-homeassistant.txt"
# The least Python that a release needs, and the first that is too new for it; the best first.
RELEASES = {
    "2026.11.0": ((3, 14, 2), (3, 15)),
    "2025.4.4": ((3, 13, 0), (3, 14)),
}
_MORE = ("paho-mqtt==2.1.0", "aiohasupervisor")  # what its MQTT integration asks for
_DEBIAN = TOOLS / "python3.14"
_SUITE = "forky"
_PACKAGES = ("python3.14", "python3.14-minimal", "libpython3.14-stdlib", "libpython3.14-minimal")
_WRAPPER = """#!/bin/sh
# Starts Python with the libraries it was built for, under the name that it was called by.
here=$(dirname "$(readlink -f "$0")")
libraries="$here/../lib/{triplet}"
exec "$libraries/{loader}" --argv0 "$0" --library-path "$libraries" "$here/python3.14-program" "$@"
"""
_NONE = "there is no Python {python} for Home Assistant {release} on this computer"
_HOW = "install one, or name it: make test-homeassistant HOMEASSISTANT_PYTHON=/usr/bin/python3.13"


@click.command(context_settings=FOR_PYTEST)
@click.option("--release", type=click.Choice([*RELEASES]), help="Of Home Assistant.")
@click.option("--pictures", is_flag=True, help="Take the pictures of the documentation again.")
@click.option("--optional", is_flag=True, help="If it can't be installed, say so and succeed.")
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def command(
    release: str | None, pictures: bool, optional: bool, arguments: tuple[str, ...]
) -> int:
    """Run nodes beside a real Home Assistant.

    The first time installs it from PyPI, half a gigabyte, which takes a minute or two: the newest
    release, which needs Python 3.14.2. Where this computer has none, it comes from Debian's
    archive, without changing the system; HOMEASSISTANT_PYTHON may name one. With ARGUMENTS,
    pytest's options:

    \b
    petrel test-homeassistant -k restart
    petrel test-homeassistant --release 2025.4.4
    """
    try:
        with Lock(TOOLS / "homeassistant.lock"):
            install(release)
            if pictures:
                install_page()
        if pictures:
            browser.fetch()
            return browser.take("host_tests/homeassistant", *arguments)
    except ToolError as error:
        print(f"NOT RUN: the tests with Home Assistant; {error}", file=sys.stderr)
        return 0 if optional else 1
    return pytest("-rs", "host_tests/homeassistant", *arguments)


def install(wanted: str | None = None) -> None:
    """Install a release, by default the newest that can run here, unless it is there."""
    python, release = _choose(wanted)
    folder = TOOLS / f"homeassistant-{release}"
    stamp = folder / "release.txt"
    if not stamp.exists():
        print(f"installing Home Assistant {release} for {python} ...", flush=True)
        bootstrap.pip("install", "-r", str(PINNED))
        shutil.rmtree(folder, ignore_errors=True)
        _run([str(python), "-m", "venv", "--without-pip", str(folder)])
        uv = [str(VENV / "bin" / "uv"), "pip", "install", "-q"]
        uv += ["--python", str(folder / "bin" / "python"), f"homeassistant=={release}"]
        # Its constraints are within it, and without them the search takes minutes.
        _run([*uv, "--no-deps"])
        (constraints,) = folder.glob("lib/*/site-packages/homeassistant/package_constraints.txt")
        _run([*uv, "-c", str(constraints), *_MORE])
        stamp.write_text(release)
    if FOLDER.is_dir() and not FOLDER.is_symlink():
        shutil.rmtree(FOLDER)
    FOLDER.unlink(missing_ok=True)
    FOLDER.symlink_to(folder.name)


def install_page() -> None:
    """Install the web page of the release in use, 60 MB."""
    (found,) = FOLDER.glob("lib/*/site-packages/homeassistant/components/frontend/manifest.json")
    wanted = json.loads(found.read_text())["requirements"]
    _run([str(VENV / "bin" / "uv"), "pip", "install", "-q", "--python", str(PYTHON), *wanted])


def _choose(wanted: str | None) -> tuple[Path, str]:
    """A Python, and the release for it; raises ToolError where there is none."""
    pythons = list(_pythons())
    for release, (least, end) in RELEASES.items():
        if wanted in (None, release):
            for path, version in pythons:
                if least <= version < end:
                    return path, release
            if least[:2] == (3, 14) and not os.environ.get("HOMEASSISTANT_PYTHON"):
                try:
                    return _of_debian(), release
                except ToolError as error:
                    print(f"no Python 3.14 from Debian's archive: {error}", file=sys.stderr)
    release = wanted or min(RELEASES)
    python = ".".join(map(str, RELEASES[release][0][:2]))
    raise ToolError(_NONE.format(python=python, release=release), _HOW)


def _of_debian() -> Path:
    """Python 3.14, unpacked from Debian's archive; it runs with the libraries from there."""
    python = _DEBIAN / "usr" / "bin" / "python3.14"
    program = python.with_name("python3.14-program")
    if program.exists():
        return python
    if not debian.available():
        raise ToolError("this system isn't based on Debian")
    print(f"fetching Python 3.14 from Debian {_SUITE} ...", flush=True)
    arch = debian.architecture()
    debian.fetch(_DEBIAN, _SUITE, arch, *_PACKAGES)
    triplet, loader = debian.LOADERS[arch]
    text = _WRAPPER.format(triplet=triplet, loader=loader)
    python.rename(program)
    python.write_text(text)
    python.chmod(0o755)
    return python


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
    return [each for each in pythons if each[1]]


def _run(command: list[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        said = [line for line in (done.stderr + done.stdout).splitlines() if line.strip()]
        raise ToolError(
            f"Home Assistant can't be installed: {said[-1] if said else command}",
            "check the network and run the command again",
        )
