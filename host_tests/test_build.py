"""The build, the packages and the manifests hold what there is, and nothing else."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from mpremote import mip as mpremote  # type: ignore[import-untyped]

from tools.config.check import findings
from tools.make import mip
from tools.make.compile import Source, compile_all, modules
from tools.make.package import build, files
from tools.shared import boards
from tools.shared.errors import ToolError
from tools.shared.paths import BOARDS, FIRMWARE, LIB, ROOT


def module(path: Path, text: str) -> Source:
    path.write_text(text)
    return Source(path, f"lib/{path.stem}.mpy")


def test_every_module_is_built_and_boot_stays_source() -> None:
    folder = build("ESP8266_GENERIC", quiet=True)
    expected = {f"lib/{p.relative_to(LIB).with_suffix('.mpy')}" for p in LIB.rglob("[a-z]*.py")}
    expected |= {"boot.py", "main.py", "board.txt", "config.example.json", "lib/board.mpy"}
    expected.add("lib/stage.mpy")
    assert set(files(folder)) == expected


def test_only_what_changed_is_compiled_and_leftovers_go(tmp_path: Path) -> None:
    out = tmp_path / "out"
    a, b = (module(tmp_path / f"{name}.py", f"x = '{name}'\n") for name in "ab")
    done: list[str] = []
    compile_all([a, b], out, progress=done.append)
    assert sorted(done) == ["a", "b"]
    done.clear()
    module(tmp_path / "b.py", "x = 3\n")
    compile_all([a, b], out, progress=done.append)
    assert done == ["b"]
    compile_all([a], out)
    assert not (out / b.target).exists()
    assert (out / a.target).exists()


def test_a_source_removed_after_a_failed_build_leaves_nothing(tmp_path: Path) -> None:
    out = tmp_path / "out"
    a, b = (module(tmp_path / f"{name}.py", "x = 1\n") for name in "ab")
    compile_all([a, b], out)
    with pytest.raises(ToolError):
        compile_all([a, b, module(tmp_path / "c.py", "x = (\n")], out)
    compile_all([a], out)
    assert [path.name for path in out.rglob("*.mpy")] == ["a.mpy"]


def test_another_compiler_compiles_everything_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source, done = module(tmp_path / "a.py", "x = 1\n"), list[str]()
    compile_all([source], tmp_path / "out")
    monkeypatch.setattr("tools.make.compile.version", lambda name: "99.0")
    compile_all([source], tmp_path / "out", progress=done.append)
    assert done == ["a"]


def test_the_same_source_gives_the_same_bytes(tmp_path: Path) -> None:
    source = module(tmp_path / "a.py", "def f(x):\n    return {1: x, 'b': [x]}\n")
    for folder in ("one", "two"):
        compile_all([source], tmp_path / folder)
    assert (tmp_path / "one/lib/a.mpy").read_bytes() == (tmp_path / "two/lib/a.mpy").read_bytes()


def test_a_syntax_error_names_file_and_line(tmp_path: Path) -> None:
    with pytest.raises(ToolError) as error:
        compile_all([module(tmp_path / "bad.py", "x = 1\ny = (\n")], tmp_path / "out")
    assert error.value.message == f"{tmp_path / 'bad.py'}:3 does not compile"
    assert error.value.hint == "SyntaxError: invalid syntax"


def test_build_command_shows_sizes() -> None:
    command = [sys.executable, "-m", "tools", "build", "PYBV11"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "lib/mqtt/engine/core.mpy" in done.stdout
    said = " ".join(done.stdout.split())
    assert "bytes in blocks of 512, " in said
    assert "% of the board's 97,280; a deploy copies what the config needs" in said


def test_each_package_json_lists_every_module() -> None:
    assert {path: path.read_text() for path in mip.pages()} == mip.pages(), "make reference"


class Installed:
    """Stands in for a board: mip writes its files into a dictionary."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}

    def fs_exists(self, path: str) -> bool:
        return True

    def fs_writefile(self, path: str, data: bytes, progress_callback: Any = None) -> None:
        self.files[path] = data


@pytest.mark.parametrize("folder", mip.PACKAGES)
def test_mip_installs_the_package_from_a_clone(folder: str) -> None:
    board = Installed()
    package = str(ROOT / folder / "package.json")
    mpremote._install_package(board, package, "", "/lib", None, False)
    expected = {
        f"/lib/{path.relative_to(LIB)}": path.read_bytes()
        for name in mip.PACKAGES[folder]
        for path in (LIB / name).rglob("*.py")
    }
    assert board.files == expected


OF_THE_PORT = ("inisetup.py", "_boot.py")


class Manifest:
    """Reads manifest.py files as MicroPython's build does, as far as ours go.

    Source: tools/manifestfile.py of MicroPython. Paths are relative to the manifest that names
    them, a folder is read whole, and metadata() may be said once in all that is included.
    """

    def __init__(self) -> None:
        self.frozen = [SimpleNamespace(target_path=name) for name in OF_THE_PORT]
        self.of_micropython: list[str] = []
        self._at = Path()
        self._described = False

    @property
    def modules(self) -> list[str]:
        """What is frozen, sorted, without what the port brings."""
        return sorted(
            file.target_path for file in self.frozen if file.target_path not in OF_THE_PORT[1:]
        )

    def files(self) -> list[SimpleNamespace]:
        """What is frozen, to be changed by a manifest."""
        return self.frozen

    def include(self, name: str) -> None:
        """Read another manifest; one of MicroPython's is noted."""
        if name.startswith("$("):
            self.of_micropython.append(name)
            return
        before, path = self._at, (self._at / name).resolve()
        self._at = path.parent
        names = {"include": self.include, "package": self.package, "module": self.module}
        exec(path.read_text(), {**names, "metadata": self.metadata})
        self._at = before

    def package(self, name: str, base_path: str = ".") -> None:
        """Freeze a folder."""
        base = self._at / base_path
        assert (base / name).is_dir(), base / name
        for path in (base / name).rglob("*.py"):
            self._freeze(str(path.relative_to(base)))

    def module(self, name: str, base_path: str = ".") -> None:
        """Freeze a file."""
        assert (self._at / base_path / name).is_file(), name
        self._freeze(name)

    def metadata(self, **about: str) -> None:
        """Say what it is, once."""
        assert not self._described, "Duplicate call to metadata()"
        assert "version" not in about, "it is said in one place: see tools.make.mip"
        self._described = True

    def _freeze(self, name: str) -> None:
        self.frozen.append(SimpleNamespace(target_path=name))


@pytest.mark.parametrize("name", [name for name in boards.names() if name != "UNIX"])
def test_manifest_freezes_everything_once(name: str) -> None:
    build(name, quiet=True)
    manifest = Manifest()
    manifest.include(str(BOARDS / name / "manifest.py"))
    expected = [str(path.relative_to(LIB)) for path in LIB.rglob("*.py")]
    expected += ["boot.py", "main.py", "stage.py", "board.py"]
    expected += ["inisetup.py"]  # one of the two
    assert manifest.modules == sorted(expected)
    assert len(manifest.of_micropython) == 1  # what stock firmware freezes comes along


def test_a_frozen_esp8266_keeps_asyncio() -> None:
    # There the port's own manifest has none; that of the 2 MiB build adds it.
    manifest = Manifest()
    manifest.include(str(BOARDS / "ESP8266_GENERIC" / "manifest.py"))
    assert manifest.of_micropython == ["$(BOARD_DIR)/manifest_2MiB.py"]


def test_the_example_config_is_good_for_an_esp32_once_it_is_filled_in() -> None:
    config = json.loads((FIRMWARE / "config.json").read_text())
    faults = findings(config, "ESP32_GENERIC")[0]
    assert [line.partition(":")[0] for line in faults] == ["wifi.ssid", "wifi.password"]
    config["wifi"] = {"ssid": "net", "password": "a password"}
    assert findings(config, "ESP32_GENERIC") == ([], [])


def test_modules_keep_their_folders(tmp_path: Path) -> None:
    (tmp_path / "p").mkdir()
    (tmp_path / "p" / "m.py").touch()
    assert [source.target for source in modules(tmp_path, "lib/")] == ["lib/p/m.mpy"]


def test_a_package_without_code_is_a_folder_and_no_file(tmp_path: Path) -> None:
    for name, code in (("empty", '"""Only words."""\n'), ("full", "x = 1\n")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").write_text(code)
        (tmp_path / name / "m.py").touch()
    made = [source.target for source in modules(tmp_path)]
    assert made == ["empty/m.mpy", "full/__init__.mpy", "full/m.mpy"]


def test_a_second_build_leaves_what_others_may_be_copying() -> None:
    out = build("UNIX", quiet=True)
    before = {name: (out / name).stat() for name in files(out)}
    build("UNIX", quiet=True)
    after = {name: (out / name).stat() for name in files(out)}
    assert {name: (its.st_ino, its.st_mtime_ns) for name, its in before.items()} == {
        name: (its.st_ino, its.st_mtime_ns) for name, its in after.items()
    }
