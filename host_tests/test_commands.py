"""The commands of the Makefile in a copy of the project whose path has spaces in it.

There they work, and tell a broken driver by its file and line. `make` does not set anything up in
the copy, which shares the tools of this checkout.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tools.shared.paths import ROOT

COPIED = (
    "Makefile", "tools", "lib", "boards", "firmware", "docs", "pyproject.toml",
    *(path.name for path in ROOT.glob("requirements*.txt")),
)  # fmt: skip
_AS_SET_UP = [word for name in ("setup", "setup-host", "setup-demo") for word in ("-o", name)]
SENSOR = {"name": "door", "driver": "digital", "pin": "X1", "pull": "up"}
GOOD = '''"""Made up."""
USES = "pin"


class Tilt:
    FIELDS = (("x", ""),)


def options():
    return {}


DRIVER = Tilt
'''
BROKEN = {  # what is wrong: the driver, what is told by the commands that build, and by the others
    "a syntax error": (GOOD.replace("{}", "{"), "tilt.py:13", "tilt.py:13"),
    "no options": (
        GOOD.replace("options", "_o"),
        "tilt.py: it has no options",
        "tilt.py has no options",
    ),
    "no USES": (GOOD.replace("USES", "_U"), "tilt.py: it has no USES", "tilt.py has no USES"),
    "no DRIVER": (
        GOOD.replace("DRIVER", "_D"),
        "tilt.py: it has no DRIVER",
        "tilt.py has no DRIVER",
    ),
    "no driver": (
        "def shared():\n    return 1\n",
        "tilt.py: it has no DRIVER, no USES, no options",
        "tilt.py has no DRIVER",
    ),
    "it raises": (GOOD + "1 / 0\n", "tilt.py:14: ZeroDivisionError", "tilt.py:14"),
    "it prints": (GOOD + "print('hello')\n", "tilt.py:14: it prints", "tilt.py:14"),
    "it writes": (GOOD + "import sys\nsys.stdout.write('x')\n1 / 0\n", "tilt.py:16", "tilt.py:16"),
    "an import": (GOOD + "import nothing\n", "tilt.py:14: ImportError", "tilt.py:14"),
}


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of what the commands need."""
    root = tmp_path_factory.mktemp("a b") / "c d"
    root.mkdir()
    for name in COPIED:
        if (ROOT / name).is_dir():
            shutil.copytree(
                ROOT / name, root / name, ignore=shutil.ignore_patterns("node_modules", "__pyc*")
            )
        else:
            shutil.copy(ROOT / name, root / name)
    for name in (".venv", ".tools"):
        (root / name).symlink_to(ROOT / name)
    return root


@pytest.fixture
def tilt(copy: Path) -> Iterator[Path]:
    """Where a driver of one's own stands."""
    path = copy / "lib/sensors/tilt.py"
    yield path
    path.unlink()


def make(copy: Path, target: str, **variables: object) -> subprocess.CompletedProcess[str]:
    command = ["make", "--no-print-directory", *_AS_SET_UP, target]
    command += [f"{name}={value}" for name, value in variables.items()]
    environment = {name: os.environ[name] for name in ("PATH", "HOME")}
    return subprocess.run(command, cwd=copy, env=environment, capture_output=True, text=True)


WRONG = [
    ("demo", "SECONDS", "0"), ("demo", "PICTURE", "docs"),
    ("soak", "MINUTES", "0"), ("soak", "MINUTES", "x"),
    ("soak", "NODES", "0"), ("soak", "RATE", "0"), ("soak", "SEED", "x"),
    ("fuzz", "COUNT", "0"), ("fuzz", "COUNT", "x"), ("bench", "ROUNDS", "0"),
    ("flash", "BAUD", "x"), ("flash", "BAUD", "0"), ("bridge", "BAUD", "x"),
    ("check", "CONFIG", "no such file"), ("monitor", "HOST", "broker:x"),
    ("check", "CONFIG", "docs"), ("wiring", "CONFIG", "docs"), ("wiring", "OUT", "docs"),
    ("deploy", "CONFIG", "docs"), ("deploy", "TO", "README.md"), ("build", "FACTORY", "docs"),
    ("sim", "CONFIG", "docs"), ("flash", "FIRMWARE", "no such file"),
    ("flash", "FIRMWARE", "http://127.0.0.1:1/f.bin"),
    ("monitor", "HOST", "no.such.host.invalid"), ("usb", "TO", "no such folder"),
]  # fmt: skip


@pytest.mark.parametrize(("target", "name", "value"), WRONG)
def test_a_wrong_value_is_refused_with_the_reason(target: str, name: str, value: str) -> None:
    """In the checkout itself: nothing begins."""
    done = make(ROOT, target, **{name: value, "BOARD": "ESP32_GENERIC"})
    assert done.returncode, done.stdout
    first = done.stderr.splitlines()[0]
    assert first.startswith("error: ") and value in first and "\n  " in done.stderr, done.stderr
    assert "Traceback" not in done.stderr and "Usage" not in done.stderr
    assert not done.stdout


def config(copy: Path, driver: str = "digital", more: str = "") -> Path:
    path = copy / "my config.json"
    sensor = {**SENSOR, "driver": driver} if driver == "digital" else {"name": "t", "pin": "X1"}
    sensor["driver"] = driver
    path.write_text(json.dumps({"mqtt": {"serial": "usb"}, "sensors": [sensor]}) + more)
    return path


def test_every_target_works_where_paths_have_spaces(copy: Path) -> None:
    file = config(copy).name
    runs: dict[str, dict[str, object]] = {
        "check": {"BOARD": "PYBV11", "CONFIG": file},
        "wiring": {"BOARD": "PYBV11", "CONFIG": file, "OUT": "a picture.svg"},
        "build": {"BOARD": "PYBV11"},
        "deploy": {"TO": "a board", "CONFIG": copy / file, "BOARD": "PYBV11"},
        "usb": {"TO": "a drive", "CONFIG": file},
        "flash": {"BOARD": "ESP32_GENERIC", "FIRMWARE": "f w.bin", "DRY_RUN": 1},
    }
    (copy / "a drive").mkdir()
    head = bytes([0xE9, *bytes(11)]) + bytes(24)
    (copy / "f w.bin").write_bytes(head)
    for target, variables in runs.items():
        done = make(copy, target, **variables)
        assert done.returncode == 0, (target, done.stdout, done.stderr)
        if target in ("deploy", "usb"):
            assert "my config.json sent as config.json" in done.stdout, done.stdout
        if target == "deploy":
            assert "the files are in a board\n" in done.stdout
    assert (copy / "a picture.svg").exists()
    assert (copy / "a board/lib/node/app.mpy").exists()
    for folder in ("a board", "a drive"):
        assert "digital" in (copy / folder / "config.json").read_text()


@pytest.mark.parametrize("fault", BROKEN)
def test_a_broken_driver_is_told_by_file_and_line(fault: str, copy: Path, tilt: Path) -> None:
    text, built, checked = BROKEN[fault]
    tilt.write_text(text)
    file = config(copy, "tilt")
    done = make(copy, "build", BOARD="PYBV11")
    assert done.returncode and f"error: lib/sensors/{built}" in done.stderr, done.stderr
    assert "Traceback" not in done.stderr
    done = make(copy, "check", BOARD="PYBV11", CONFIG=file)
    assert done.returncode and f"lib/sensors/{checked}" in done.stdout, done.stdout + done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("target", ["deploy", "usb", "wiring", "reference"])
def test_each_command_tells_a_broken_driver(target: str, copy: Path, tilt: Path) -> None:
    tilt.write_text(GOOD + "print('hello')\n")
    variables = {} if target == "reference" else {"BOARD": "PYBV11"}
    if target in ("deploy", "usb"):
        (copy / "a target").mkdir(exist_ok=True)
        variables["TO"] = "a target"
    if target == "wiring":
        variables["CONFIG"] = config(copy, "tilt").name
    done = make(copy, target, **variables)
    assert done.returncode and "lib/sensors/tilt.py:14" in done.stderr, done.stderr
    assert "Traceback" not in done.stderr
