"""Set-up: what it leaves behind runs, a second time costs nothing, a failure says what to do."""

from __future__ import annotations

import fcntl
import os
import select
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from host_tests.harness.interpreter import Interpreter
from tools.shared.errors import ToolError
from tools.shared.paths import MOSQUITTO, ROOT, TOOLS
from tools.start import bootstrap, debian

Programs = Callable[..., None]


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Programs:
    """Makes shell scripts that stand in for Debian's programs; nothing else is in PATH."""
    folder = tmp_path / "bin"
    folder.mkdir()
    (folder / "env").symlink_to("/usr/bin/env")
    monkeypatch.setenv("PATH", str(folder))
    monkeypatch.delenv("DEBIAN_MIRROR", raising=False)
    keys = tmp_path / "keys.gpg"
    keys.touch()
    monkeypatch.setattr(debian, "KEYS", keys)

    def make(**scripts: str) -> None:
        for name, script in scripts.items():
            path = folder / name.replace("_", "-")
            path.write_text(f"#!/bin/sh\n{script}\n")
            path.chmod(0o755)

    return make


def set_up(folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run the set-up of a checkout."""
    return subprocess.run(
        [sys.executable, "tools/start/bootstrap.py"],
        cwd=folder,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=100,
    )


# --- what stands after it


def test_the_interpreters_have_the_width_and_the_age_they_are_used_for(
    interpreter: Interpreter,
) -> None:
    code = "import sys; print(sys.maxsize > 1 << 32, sys.implementation.version >= (1, 24))"
    done = interpreter.run(code)
    assert done.stdout.split() == [str(interpreter.bits == "64"), "True"], done.stderr


def test_mosquitto_starts() -> None:
    done = subprocess.run([MOSQUITTO, "-h"], capture_output=True, text=True)
    assert done.stdout.startswith("mosquitto version ")


def test_a_second_set_up_does_nothing_and_says_nothing() -> None:
    done = set_up(ROOT, PATH="/usr/bin:/bin", PIP_INDEX_URL="http://127.0.0.1:1/")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_what_is_complete_waits_for_no_other_set_up() -> None:
    with (TOOLS / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        done = set_up(ROOT)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


_INCOMPLETE = """
import sys
from pathlib import Path
from tools.start import bootstrap
bootstrap.TOOLS = Path(sys.argv[1])
made = bootstrap.TOOLS / "made"
step = bootstrap.Step("a step", "1", (made,), lambda: made.write_text("") or "made")
bootstrap.steps = lambda level: [step]
sys.exit(bootstrap.main())
"""


def test_two_at_once_take_turns(tmp_path: Path) -> None:
    with (tmp_path / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with subprocess.Popen(
            [sys.executable, "-c", _INCOMPLETE, tmp_path],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            text=True,
        ) as second:
            try:
                assert second.stdout
                ready, _, _ = select.select([second.stdout], [], [], 20)
                assert ready
                assert "waiting" in second.stdout.readline()
                assert second.poll() is None and not (tmp_path / "made").exists()
            finally:
                fcntl.flock(lock, fcntl.LOCK_UN)
            assert second.wait(60) == 0 and (tmp_path / "made").exists()


# --- what is set up for whom


def test_a_board_is_flashed_without_waiting_for_what_only_tests_need() -> None:
    names = {level: [step.name for step in bootstrap.steps(level)] for level in bootstrap.LEVELS}
    assert names["host"] == ["host packages", "MicroPython, 64 bit"]
    assert names["demo"] == [*names["host"], "Mosquitto"]
    assert names["backend"] == [*names["demo"], "back-end packages"]
    assert names["test"][:4] == names["backend"]


@pytest.mark.parametrize(
    ("target", "level"),
    [("flash", "host"), ("check", "host"), ("deploy", "host"), ("demo", "demo"), ("test", "")],
)
def test_a_target_sets_up_no_more_than_it_needs(target: str, level: str) -> None:
    environment = {**os.environ, "MAKEFLAGS": ""}  # not those of the make that runs the tests
    command = ["make", "-n", target, "BOARD=ESP32_GENERIC", "PYTHON=python3"]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
    assert f"python3 tools/start/bootstrap.py {level}".rstrip() in done.stdout.splitlines()


def test_the_commands_need_no_test_package() -> None:
    code = (
        "import click, tools.__main__ as m; "
        "context = click.Context(m.main); "
        "[m.main.get_command(context, n) for n, e in m.COMMANDS.items() if e.level != 'test']"
    )
    missing = "import sys; sys.modules.update(dict.fromkeys(%r));" % [
        "hypothesis", "mypy", "pytest", "trustme"
    ]  # fmt: skip
    done = subprocess.run([sys.executable, "-c", missing + code], cwd=ROOT, capture_output=True)
    assert done.returncode == 0, done.stderr.decode()


# --- when a step is done


def test_a_step_is_done_while_what_it_made_stands_and_fits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bootstrap, "TOOLS", tmp_path)
    program = tmp_path / "program"
    program.touch()
    link = tmp_path / "link"
    link.symlink_to(program)
    step = bootstrap.Step("a step", "1", (link,), lambda: "")
    assert not step.is_done()
    step.stamp.parent.mkdir()
    step.stamp.write_text("1")
    assert step.is_done()
    assert not step._replace(made_from="2").is_done()
    program.unlink()  # such as a system's program that was removed
    assert not step.is_done()


# --- failures


def test_without_a_network_one_message_says_so(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "tools", tmp_path / "tools")
    for packages in ("", "-backend", "-test"):
        shutil.copy(ROOT / f"requirements{packages}.txt", tmp_path)
    done = set_up(
        tmp_path, PIP_CONFIG_FILE="/dev/null", PIP_INDEX_URL="http://127.0.0.1:1/", PIP_RETRIES="1"
    )
    assert done.returncode == 1
    assert done.stdout == "set-up 1/7: host packages ... failed\n"
    assert done.stderr.splitlines() == [
        "error: pip failed: can't reach the package index",
        "  check the network, then run make setup again",
    ]
    assert list((tmp_path / ".tools" / "stamps").iterdir()) == []


def test_an_index_that_cannot_be_fetched_names_apts_reason(
    programs: Programs, tmp_path: Path
) -> None:
    programs(
        apt_get='case "$*" in\n*indextargets*) echo http://mirror.test/debian trixie;;\n'
        '*) echo "Reading package lists..."; echo "E: Failed to fetch x" >&2; exit 100;;\nesac'
    )
    with pytest.raises(ToolError, match="apt-get update failed: Failed to fetch x") as caught:
        debian.fetch(tmp_path / "tree", "trixie", "amd64", "micropython")
    assert "check the network" in caught.value.hint


def test_a_failed_download_leaves_what_stood_before(programs: Programs, tmp_path: Path) -> None:
    programs(
        apt_get='case "$*" in\n*indextargets*) echo http://mirror.test/debian trixie;;\n'
        "*update*) ;;\n*) exit 100;;\nesac",
        apt_cache="echo micropython",
    )
    tree = tmp_path / "tree"
    tree.mkdir()
    (tree / "program").touch()
    with pytest.raises(ToolError, match="apt-get download micropython failed"):
        debian.fetch(tree, "trixie", "amd64", "micropython")
    assert (tree / "program").exists()


@pytest.mark.parametrize(
    ("targets", "release", "mirror"),
    [
        ("http://a.test/security sid-security\nhttp://a.test/debian/ sid", {}, "http://a.test/debian/"),
        ("http://a.test/x other\nhttp://a.test/snapshot/1 trixie", {"ID": "debian"}, "http://a.test/snapshot/1"),
    ],
    ids=["named debian", "of the release"],
)  # fmt: skip
def test_the_mirror_is_the_one_of_the_machines_own_sources(
    programs: Programs,
    monkeypatch: pytest.MonkeyPatch,
    targets: str,
    release: dict[str, str],
    mirror: str,
) -> None:
    # As apt does with empty lists: targets are known, the release's facts are not.
    programs(apt_get=f"case \"$*\" in\n*--no-release-info*) printf '{targets}';;\nesac")
    facts = {"VERSION_CODENAME": "trixie", **release}
    monkeypatch.setattr(debian, "_os_release", lambda: facts)
    assert debian.mirror() == mirror


def test_a_machine_of_another_archive_is_told_to_name_a_mirror(
    programs: Programs, monkeypatch: pytest.MonkeyPatch
) -> None:
    programs(apt_get="echo http://a.test/ubuntu noble")
    monkeypatch.setattr(
        debian, "_os_release", lambda: {"ID": "ubuntu", "VERSION_CODENAME": "noble"}
    )
    with pytest.raises(ToolError) as caught:
        debian.mirror()
    assert "DEBIAN_MIRROR=" in caught.value.hint
    monkeypatch.setenv("DEBIAN_MIRROR", "http://b.test/debian")
    assert debian.mirror() == "http://b.test/debian"


def test_a_system_without_debians_tools_does_without_32_bit(
    programs: Programs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reason = tmp_path / "no-micropython32"
    monkeypatch.setattr(bootstrap, "NO_32", reason)
    monkeypatch.setattr(bootstrap, "MICROPYTHON", {"32": tmp_path / "micropython32"})
    assert "done without" in bootstrap.micropython32()
    assert "Debian's archive" in reason.read_text()
    with pytest.raises(ToolError, match="no micropython of"):
        bootstrap.micropython64()


@pytest.mark.parametrize(("version", "taken"), [("1 25 0", True), ("1 22 1", False)])
def test_the_systems_micropython_is_used_if_it_is_new_enough(
    programs: Programs,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    version: str,
    taken: bool,
) -> None:
    link = tmp_path / "tools" / "micropython"
    monkeypatch.setattr(bootstrap, "MICROPYTHON", {"64": link})
    programs(micropython=f'case "$2" in\n*maxsize*) echo 64;;\n*) echo {version};;\nesac')
    if taken:
        assert bootstrap.micropython64() == "1.25.0, this system's"
        assert link.resolve() == tmp_path / "bin" / "micropython"
    else:
        with pytest.raises(ToolError):
            bootstrap.micropython64()
        assert not link.exists()
