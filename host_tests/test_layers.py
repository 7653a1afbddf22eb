"""The check of imports finds what it is there to find."""

from __future__ import annotations

import ast
import re
import shlex
import subprocess
from pathlib import Path

import pytest

from tools.lint.circles import circles, imports, on_boards
from tools.lint.command import layer_faults, layers
from tools.make.drivers import faults
from tools.shared.imports import drivers, imported, modules
from tools.shared.paths import LIB, ROOT


def test_our_own_code_keeps_its_layers() -> None:
    assert layers() == []


def test_drivers_stand_alone_in_their_folder() -> None:
    """So the names that a config may say are those of the files."""
    there = {path.name for path in (LIB / "sensors").iterdir() if path.name != "__pycache__"}
    own = {"__init__.py", "package.json", "shared", "filters", "derived", "formula.py"}
    assert there - own == {f"{driver}.py" for driver in drivers()}
    assert faults() == []


def test_what_drivers_share_knows_no_driver() -> None:
    for path in (LIB / "sensors" / "shared").glob("*.py"):
        ours = {name for name in imported(path) if name.startswith("sensors")}
        assert all(name.startswith("sensors.shared.") for name in ours), path


def test_what_is_forgotten_or_learned_by_its_name_is_there() -> None:
    """A module that was renamed is missed by nobody there: it just stays, or is not learned."""
    there = {name.rpartition(".")[2] for name in modules()}
    found = 0
    for path in modules().values():
        for node in ast.walk(ast.parse(path.read_text())):
            names: list[object] = []
            if isinstance(node, ast.Call) and _called(node) == "forget":
                names = [each.value for each in node.args if isinstance(each, ast.Constant)]
            elif path.stem == "room" and isinstance(node, ast.For):
                match node.iter:
                    case ast.Tuple():
                        lists = [some for _, some in ast.literal_eval(node.iter)]
                        names = [*" ".join(lists).split()]
            found += len(names)
            assert set(names) <= there, f"{path}: {set(names) - there}"
    assert found > 50


def _called(node: ast.Call) -> str:
    return getattr(node.func, "id", getattr(node.func, "attr", ""))


@pytest.mark.parametrize(
    ("layer", "code", "fault"),
    [
        ("mqtt", "import machine\n", "must not import machine"),
        ("mqtt", "def f():\n    from network import WLAN\n", "must not import network"),
        ("mqtt", "from sensors import analog\n", "must not import sensors"),
        ("mqtt", "import node.app\n", "must not import node.app"),
        ("sensors", "from mqtt.client import Client\n", "must not import mqtt.client"),
        ("sensors", "import machine\n", "must not import machine"),
        ("firmware", "import mqtt\n", "must not import mqtt"),
        ("node", "import sys\nx = sys.platform\n", "asks for the platform"),
        ("node", "from sys import platform\n", "asks for the platform"),
        ("node", "import bench\n", "must not import bench"),
        ("node", "from tools import boards\n", "must not import tools"),
        ("node", "try:\n    f()\nexcept:\n    pass\n", "bare except"),
    ],
)
def test_what_is_forbidden_is_found(layer: str, code: str, fault: str, tmp_path: Path) -> None:
    path = tmp_path / "module.py"
    path.write_text(code)
    faults = layer_faults(path, layer)
    assert len(faults) == 1
    assert fault in faults[0]


def test_what_is_allowed_is_not_found(tmp_path: Path) -> None:
    path = tmp_path / "module.py"
    path.write_text("import machine\nfrom mqtt.link import Link\nfrom sensors import analog\n")
    assert layer_faults(path, "node") == []


# --- circles


@pytest.mark.parametrize(
    ("code", "circle"),
    [
        (
            {"tools/a/one": "import tools.a.two", "tools/a/two": "from tools.a import one"},
            "tools.a.one",
        ),
        (
            {"tools/a/one": "import tools.b.x", "tools/b/x": "def f():\n    import tools.a.one"},
            "tools.b.x",
        ),
        (
            {
                "tools/a/one": "import tools.b.x",
                "tools/b/y": "import tools.a.two",
                "tools/a/two": "",
                "tools/b/x": "",
            },
            "tools.b",
        ),
        (
            {"lib/mqtt/a": "from mqtt.b import x", "lib/mqtt/b": "def f():\n    import mqtt.a"},
            "mqtt.a",
        ),
        ({"boards/UNIX/pin": "import more", "boards/UNIX/more": "from pin import Pin"}, "more"),
        (
            {
                "lib/node/a/one": "import node.b.x",
                "lib/node/b/y": "def f():\n    from node.a import two",
                "lib/node/a/two": "",
                "lib/node/b/x": "",
            },
            "node.b",
        ),
    ],
    ids=[
        "two modules", "late", "two folders", "on a board", "of a board", "two folders of a node",
    ],
)  # fmt: skip
def test_a_circle_is_found(code: dict[str, str], circle: str, tmp_path: Path) -> None:
    (found,) = circles(_written(code, tmp_path))
    assert circle in found.split()


def test_imports_down_the_floors_are_no_circle(tmp_path: Path) -> None:
    tools = {"tools/a": "import tools.b", "tools/b": "import tools.c", "tools/c": "import json"}
    device = {
        "lib/a": "import b",
        "lib/b": "def f():\n    import c",
        "lib/c": "",
        "firmware/d": "",
    }
    assert circles(_written({**tools, **device}, tmp_path)) == []


def _written(code: dict[str, str], root: Path) -> Path:
    for name, text in code.items():
        path = root / f"{name}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


def test_our_own_code_runs_in_no_circle() -> None:
    assert circles() == []


def test_the_circles_are_looked_for_in_all_code() -> None:
    """An empty picture would have none either."""
    device, tools = on_boards(), imports()
    assert set(device) >= {*modules(), "boot", "machine", "machine_more"}
    assert "mqtt.engine.inbox" in device["mqtt.engine.core"], "a late one"
    assert "machine_more" in device["machine"]
    assert len(tools) > 150


# --- before a commit


def test_pre_commit_runs_what_is_here_and_fetches_nothing() -> None:
    text = (ROOT / ".pre-commit-config.yaml").read_text()
    assert re.findall(r"repo: (.*)", text) == ["local"]
    entries = re.findall(r"entry: (.*)", text)
    assert len(entries) == 3
    for entry in entries:
        done = subprocess.run([*shlex.split(entry), "--help"], cwd=ROOT, capture_output=True)
        assert done.returncode == 0, done.stderr.decode()


def test_a_fault_of_style_ends_the_commit(tmp_path: Path) -> None:
    file = tmp_path / "a.py"
    file.write_text("import os\n\n\nprint( undefined )\n")
    text = (ROOT / ".pre-commit-config.yaml").read_text()
    check, *_ = (shlex.split(entry) for entry in re.findall(r"entry: (.*ruff check.*)", text))
    done = subprocess.run([*check, str(file)], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 1 and "undefined" in done.stdout
