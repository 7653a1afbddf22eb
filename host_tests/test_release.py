"""Releases: refused with what to do, the same bytes twice, and installed as the page says."""

from __future__ import annotations

import datetime
import functools
import hashlib
import http.server
import json
import os
import shutil
import subprocess
import sys
import threading
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from host_tests.harness.serial_board import SerialBoard
from tools.make import mip
from tools.make.release import contents, ready
from tools.shared.errors import ToolError
from tools.shared.paths import MICROPYTHON, ROOT

VERSION = "9.8.7"
CHANGES = "# Changelog\n\n## {heading}\n\n- It flies.\n\n## 0.1.0 (2020-01-01)\n\n- It hatches.\n"
BOARDS = ("ESP8266_GENERIC", "PYBV11")
IDENTITY = {"GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_SYSTEM": "/dev/null"}
for _role in ("AUTHOR", "COMMITTER"):
    IDENTITY |= {f"GIT_{_role}_NAME": "A Name", f"GIT_{_role}_EMAIL": "a@name.invalid"}


def git(folder: Path, *arguments: str) -> None:
    command = ["git", "-c", "init.defaultBranch=main", *arguments]
    subprocess.run(
        command, cwd=folder, env={**os.environ, **IDENTITY}, check=True, capture_output=True
    )


def commit(folder: Path) -> None:
    git(folder, "add", "-A")
    git(folder, "commit", "-m", "All")


# --- whether a version may be released


@pytest.mark.parametrize("version", ["0.2.0", "10.0.3", "1.0.0-rc.1", "1.0.0-0a.b-c+linux.5"])
def test_a_semantic_version_is_taken(version: str) -> None:
    ready.semantic(version)


@pytest.mark.parametrize(
    ("version", "meant"),
    [("v0.2.0", "Write 0.2.0."), ("0.2", "three numbers"), ("", "three numbers"),
     ("01.2.3", "three numbers"), ("1.0.0-", "three numbers"), ("1.0.0-01", "three numbers"),
     ("1.0.0\n", "three numbers"), ("../1.0.0", "three numbers")],
)  # fmt: skip
def test_any_other_is_refused_with_what_to_write(version: str, meant: str) -> None:
    with pytest.raises(ToolError, match="is not a semantic version") as caught:
        ready.semantic(version)
    assert meant in caught.value.hint


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A small project, committed, whose version can be released."""
    (tmp_path / "CHANGELOG.md").write_text(CHANGES.format(heading=f"{VERSION} (2026-11-27)"))
    code = tmp_path / mip.VERSION_FILE
    code.parent.mkdir(parents=True)
    code.write_text(f'"""Made up."""\n\nVERSION = "{VERSION}"\n')
    for path, text in mip.pages(tmp_path).items():
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    git(tmp_path, "init")
    commit(tmp_path)
    return tmp_path


def refused(tree: Path, version: str = VERSION) -> str:
    """What is said, in both lines."""
    with pytest.raises(ToolError) as caught:
        ready.check(version, tree)
    return f"{caught.value.message}\n{caught.value.hint}"


def test_the_notes_are_the_section_of_the_changelog(tree: Path) -> None:
    assert ready.check(VERSION, tree) == "- It flies."


def test_a_changed_file_is_named(tree: Path) -> None:
    (tree / "new.txt").touch()
    assert "not committed: new.txt\nCommit or stash" in refused(tree)


def test_a_version_without_a_section_is_told_how_to_begin_one(tree: Path) -> None:
    said = refused(tree, "9.9.9")
    assert said.startswith("CHANGELOG.md has no section 9.9.9\n")
    assert "## 9.9.9 (unreleased)" in said and VERSION in said


@pytest.mark.parametrize(
    ("heading", "fault"),
    [(f"{VERSION} (unreleased)", "says (unreleased)"), (VERSION, "says no date")],
)
def test_a_section_without_its_date_is_refused(tree: Path, heading: str, fault: str) -> None:
    (tree / "CHANGELOG.md").write_text(CHANGES.format(heading=heading))
    said = refused(tree)
    assert fault in said and "--prepare" in said


def test_an_empty_section_is_refused(tree: Path) -> None:
    (tree / "CHANGELOG.md").write_text(f"## {VERSION} (2026-11-27)\n\n## 0.1.0 (2020-01-01)\n")
    assert "says nothing about 9.8.7\nWrite what users will notice" in refused(tree)


def test_code_of_another_version_is_refused(tree: Path) -> None:
    code = tree / mip.VERSION_FILE
    code.write_text(code.read_text().replace(VERSION, "0.1.0"))
    assert f"{mip.VERSION_FILE} says 0.1.0, not {VERSION}\nRun petrel release" in refused(tree)


def test_a_tag_keeps_a_version_to_its_commit(tree: Path) -> None:
    git(tree, "tag", "-a", f"v{VERSION}", "-m", "Petrel")
    ready.check(VERSION, tree)
    (tree / "new.txt").touch()
    commit(tree)
    assert f"{VERSION} was released from another commit\nTake the next version" in refused(tree)


def test_an_archive_without_git_is_refused(tree: Path) -> None:
    shutil.rmtree(tree / ".git")
    assert "in a clone, not in an unpacked archive" in refused(tree)


def test_prepare_writes_the_version_everywhere_and_nothing_twice(tree: Path) -> None:
    changelog = tree / "CHANGELOG.md"
    changelog.write_text(CHANGES.format(heading="10.0.0 (unreleased)"))
    day = datetime.date(2026, 12, 1)
    changed = {path.relative_to(tree).as_posix() for path in ready.prepare("10.0.0", tree, day)}
    packages = {f"{folder}/package.json" for folder in mip.PACKAGES}
    assert changed == {"CHANGELOG.md", mip.VERSION_FILE, *packages}
    assert "## 10.0.0 (2026-12-01)\n" in changelog.read_text()
    commit(tree)
    assert ready.prepare("10.0.0", tree) == []
    assert ready.check("10.0.0", tree) == "- It flies."


# --- what is in it


@pytest.fixture(scope="module")
def copies(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """The same release of a project with two boards, made in two places; its folders."""
    return released(tmp_path_factory.mktemp("one")), released(tmp_path_factory.mktemp("t w o"))


def released(root: Path) -> Path:
    """Prepare, commit and make a release in a copy of the project."""
    names = ("tools", "lib", "boards", "firmware", ".gitignore", "CHANGELOG.md")
    for name in (*names, *(path.name for path in ROOT.glob("requirements*.txt"))):
        if (ROOT / name).is_dir():
            junk = shutil.ignore_patterns("node_modules", "__pycache__")
            shutil.copytree(ROOT / name, root / name, ignore=junk)
        else:
            shutil.copy(ROOT / name, root / name)
    for board in (root / "boards").glob("*/board.json"):
        if board.parent.name not in (*BOARDS, "UNIX"):
            shutil.rmtree(board.parent)
    (root / "CHANGELOG.md").write_text(CHANGES.format(heading=f"{VERSION} (unreleased)"))
    git(root, "init")
    (root / ".git/info/exclude").write_text("/.venv\n/.tools\n")  # links, not folders
    for name in (".venv", ".tools"):
        (root / name).symlink_to(ROOT / name)
    release(root, "--prepare")
    commit(root)
    release(root)
    return root / "build" / "release" / VERSION


def release(root: Path, *options: str) -> None:
    """Run the command in a copy of the project."""
    command = [sys.executable, "-m", "tools", "release", VERSION, *options]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def everything(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def test_the_same_commit_gives_the_same_bytes(copies: tuple[Path, Path]) -> None:
    one, two = map(everything, copies)
    assert one == two
    assert len(one) > 100


def test_the_checksums_are_those_of_all_files(copies: tuple[Path, Path]) -> None:
    found = everything(copies[0])
    listed = found.pop("SHA256SUMS").decode()
    lines = [f"{hashlib.sha256(found[name]).hexdigest()}  {name}" for name in sorted(found)]
    assert sorted(listed.splitlines()) == sorted(lines)


def test_each_board_has_its_bundle_and_its_image_if_it_can_use_one(
    copies: tuple[Path, Path],
) -> None:
    there = {path.name for path in copies[0].iterdir()}
    bundles = {f"petrel-{VERSION}-{board}.zip" for board in BOARDS}
    images = {f"petrel-{VERSION}-ESP8266_GENERIC.romfs"}
    assert there == {*bundles, *images, "mip", "RELEASE_NOTES.md", "SHA256SUMS"}
    with zipfile.ZipFile(copies[0] / f"petrel-{VERSION}-PYBV11.zip") as bundle:
        names = bundle.namelist()
        assert bundle.read("board.txt") == b"PYBV11"
    assert {"boot.py", "main.py", "lib/board.mpy", "lib/node/app.mpy"} <= {*names}
    assert names == sorted(names)
    notes = (copies[0] / "RELEASE_NOTES.md").read_text()
    assert notes.startswith(f"# Petrel {VERSION}\n\n- It flies.\n")
    assert (
        "ESP8266_GENERIC: the firmware variant FLASH_2M_ROMFS" in notes
        and "It hatches" not in notes
    )


def test_the_image_is_a_rom_file_system_that_micropython_imports_from(
    copies: tuple[Path, Path],
) -> None:
    image = copies[0] / f"petrel-{VERSION}-ESP8266_GENERIC.romfs"
    code = (
        "import sys, vfs\n"
        f"vfs.mount(vfs.VfsRom(open({str(image)!r}, 'rb').read()), '/rom')\n"
        "sys.path[:] = ['/rom']\n"
        "import node.health.telemetry as t\n"
        "print(t.VERSION, t.__file__)\n"
    )
    done = subprocess.run([MICROPYTHON["64"], "-c", code], capture_output=True, text=True)
    assert done.stdout == f"{VERSION} /rom/node/health/telemetry.mpy\n", done.stderr


def test_an_image_that_does_not_fit_is_refused(tmp_path: Path) -> None:
    image = tmp_path / "image"
    image.write_bytes(bytes(1001))
    contents._fits("X", image, {"firmware": "a", "bytes": 1001})
    with pytest.raises(ToolError, match="the image for X has 1,001 bytes"):
        contents._fits("X", image, {"firmware": "a", "bytes": 1000})


# --- installing it


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *arguments: object) -> None:
        pass


@pytest.fixture(scope="module")
def server(copies: tuple[Path, Path]) -> Iterator[str]:
    """The address of a web server that offers the release as it is."""
    handler = functools.partial(_Quiet, directory=str(copies[0]))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def modules(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*.mpy")}


def expected(copies: tuple[Path, Path], package: str) -> set[str]:
    listed = json.loads((copies[0] / f"mip/package/6/{package}/{VERSION}.json").read_text())
    return {target for target, _ in listed["hashes"]}


def test_mpremote_copies_an_unpacked_bundle_onto_a_board(
    copies: tuple[Path, Path], tmp_path: Path
) -> None:
    """As docs/releases.md says it: in the folder, `mpremote fs cp -r . :`."""
    unpacked = tmp_path / "unpacked"
    with zipfile.ZipFile(copies[0] / f"petrel-{VERSION}-PYBV11.zip") as bundle:
        bundle.extractall(unpacked)
    with SerialBoard(tmp_path / "board") as board:
        command = [sys.executable, "-m", "mpremote", "connect", board.port, "fs", "cp"]
        done = subprocess.run(
            [*command, "-r", ".", ":"], cwd=unpacked, capture_output=True, text=True, timeout=100
        )
        assert done.returncode == 0, done.stdout + done.stderr
    assert everything(tmp_path / "board") == everything(unpacked)


@pytest.mark.parametrize("how", ["by name", "by its version", "by address"])
def test_mpremote_installs_a_package_on_a_board(
    how: str, server: str, copies: tuple[Path, Path], tmp_path: Path
) -> None:
    what = {
        "by name": ["--index", f"{server}/mip", "petrel-mqtt"],
        "by its version": ["--index", f"{server}/mip", f"petrel-mqtt@{VERSION}"],
        "by address": [f"{server}/mip/petrel-mqtt.json"],
    }[how]
    with SerialBoard(tmp_path / "board") as board:
        command = [sys.executable, "-m", "mpremote", "connect", board.port, "mip", "install"]
        done = subprocess.run(
            [*command, "--target", "lib", *what], capture_output=True, text=True, timeout=100
        )
        assert done.returncode == 0, done.stdout + done.stderr
    assert modules(tmp_path / "board" / "lib") == expected(copies, "petrel-mqtt")


def test_a_board_installs_a_package_by_itself(
    server: str, copies: tuple[Path, Path], tmp_path: Path
) -> None:
    """MicroPython's own mip, with its own HTTP client; then the modules are imported."""
    code = (
        "import mip, sys\n"
        f"mip.install('petrel-esp8266-generic', index='{server}/mip', target='lib')\n"
        "sys.path[:] = ['lib']\n"
        "import node.health.telemetry as t\n"
        "print(t.VERSION)\n"
    )
    done = subprocess.run(
        [MICROPYTHON["64"], "-c", code], cwd=tmp_path, capture_output=True, text=True, timeout=100
    )
    assert done.stdout.endswith(f"{VERSION}\n"), done.stdout + done.stderr
    assert modules(tmp_path / "lib") == expected(copies, "petrel-esp8266-generic")
