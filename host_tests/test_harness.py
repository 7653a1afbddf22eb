"""The device tests' own harness: a test that fails in there fails out here, whatever the way."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from host_tests.harness import device
from host_tests.harness.device import DeviceRun
from host_tests.harness.interpreter import WIDTHS
from tools.shared.paths import ROOT
from tools.shared.process import popen

PASSES_AND_FAILS = """\
import asyncio


def test_passes():
    assert 1 + 1 == 2


def test_fails():
    assert 1 + 1 == 3, "sums"


async def test_waits_and_passes():
    await asyncio.sleep_ms(1)


async def test_waits_and_fails():
    await asyncio.sleep_ms(1)
    raise ValueError("late")


def helper():
    raise ValueError("is no test")
"""


def write(folder: Path, text: str) -> Path:
    """A file of device tests in a folder of its own."""
    path = folder / "device" / "test_sample.py"
    path.parent.mkdir()
    path.write_text(text)
    return path


def run(path: Path, *names: str, bits: str = "64", heap: str | None = None) -> DeviceRun:
    """The run of the named functions in one interpreter."""
    return DeviceRun(path, bits, list(names), heap, port=False)


def pytest_on(path: Path) -> subprocess.CompletedProcess[str]:
    """Pytest on a file of device tests, as `make test` runs it."""
    command = [sys.executable, "-m", "pytest", "-p", "host_tests.conftest", "-rA", "--color=no"]
    command += ["--rootdir", str(path.parent), "-c", str(ROOT / "pyproject.toml"), str(path)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60)


def test_each_function_is_an_item_in_each_interpreter(tmp_path: Path) -> None:
    done = pytest_on(write(tmp_path, PASSES_AND_FAILS))
    assert done.returncode == 1
    for bits in WIDTHS:
        for name, outcome in (
            ("test_passes", "PASSED"),
            ("test_fails", "FAILED"),
            ("test_waits_and_passes", "PASSED"),
            ("test_waits_and_fails", "FAILED"),
        ):
            lines = [line for line in done.stdout.splitlines() if f"::{name}[{bits}]" in line]
            assert [line.split()[0] for line in lines] == [outcome], done.stdout
    assert f"{2 * len(WIDTHS)} failed, {2 * len(WIDTHS)} passed" in done.stdout
    assert "is no test" not in done.stdout


def test_a_failure_shows_the_traceback_from_inside(tmp_path: Path) -> None:
    text = run(write(tmp_path, PASSES_AND_FAILS), "test_fails").result("test_fails")
    assert 'File "test_sample", line 9, in test_fails' in text
    assert "AssertionError: sums" in text


def test_a_crash_fails_what_has_not_reported(tmp_path: Path) -> None:
    path = write(
        tmp_path,
        "import os\n\n\ndef test_first():\n    pass\n\n\n"
        "def test_crashes():\n    os.system('kill -9 $PPID')\n\n\ndef test_last():\n    pass\n",
    )
    crashed = run(path, "test_first", "test_crashes", "test_last")
    assert crashed.result("test_first") == ""
    assert "did not report: exit status -9" in crashed.result("test_crashes")
    assert "did not report: exit status -9" in crashed.result("test_last")


def test_sys_exit_does_not_pass_for_success(tmp_path: Path) -> None:
    path = write(tmp_path, "import sys\n\n\ndef test_leaves():\n    sys.exit(0)\n")
    assert "did not report" in run(path, "test_leaves").result("test_leaves")


def test_a_test_without_end_is_stopped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(device, "TIMEOUT_S", 1)
    path = write(
        tmp_path,
        "def test_first():\n    pass\n\n\ndef test_hangs():\n    while True:\n        pass\n",
    )
    hung = run(path, "test_first", "test_hangs")
    assert hung.result("test_first") == ""
    assert "no end after 1 s" in hung.result("test_hangs")


def test_a_file_that_cannot_be_imported_fails_with_its_reason(tmp_path: Path) -> None:
    path = write(tmp_path, "import nothing_of_that_name\n\n\ndef test_any():\n    pass\n")
    assert "no module named 'nothing_of_that_name'" in run(path, "test_any").result("test_any")


@pytest.mark.parametrize("bits", WIDTHS)
def test_the_heap_is_a_boards_unless_the_file_says_otherwise(bits: str, tmp_path: Path) -> None:
    usual = {"64": 128, "32": 38}[bits]
    lines = "import gc\n\n\ndef test_heap():\n    raise ValueError(gc.mem_alloc() + gc.mem_free())"
    path = write(tmp_path, lines)

    def heap_of(**options: str) -> int:
        text = run(path, "test_heap", bits=bits, **options).result("test_heap")
        return int(text.rpartition("ValueError: ")[2])

    # some of the heap is its own bookkeeping
    assert 0.9 * usual * 1024 < heap_of() <= usual * 1024
    assert 0.9 * 64 * 1024 < heap_of(heap="64K") <= 64 * 1024


def test_a_heap_comment_is_obeyed(tmp_path: Path) -> None:
    big = "def test_needs_room():\n    assert len(bytearray(200_000))\n"
    assert pytest_on(write(tmp_path, "# heap: 400K\n" + big)).returncode == 0


@pytest.mark.parametrize(
    ("test", "status", "said"),
    [
        ("def test_it(): pass", 0, None),
        ("def test_it(): open('left', 'w').close()", 1, "by you meanwhile: left"),
        ("import os\ndef test_it(): os.remove('there')", 1, "by you meanwhile: there"),
        ("def test_it(): open('there', 'w').write('more')", 1, "by you meanwhile: there"),
        (
            "import os\ndef test_it():\n    os.mkdir('build'); open('build/x', 'w').close()",
            0, None,
        ),
    ],
    ids=["nothing", "a new file", "a removed file", "a changed file", "a build"],
)  # fmt: skip
def test_a_run_that_writes_into_the_checkout_fails(
    test: str, status: int, said: str | None, tmp_path: Path
) -> None:
    (tmp_path / "there").touch()
    (tmp_path / "test_it.py").write_text(test)
    (tmp_path / "conftest.py").write_text(
        "from pathlib import Path\n"
        "from host_tests.harness.checkout import Watch\n"
        "def pytest_configure(config):\n"
        "    config.pluginmanager.register(Watch(Path(__file__).parent))\n"
    )
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-c", "/dev/null"]
    done = subprocess.run(
        [*command, "--rootdir", str(tmp_path), str(tmp_path)],
        cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(ROOT)}, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == status, done.stdout + done.stderr
    assert ("written into the checkout" in done.stdout) == bool(said)
    assert (said or "passed") in done.stdout


def test_what_a_child_writes_need_not_be_text() -> None:
    command = ["printf", r"a\220b\n"]
    with popen(command, stdout=subprocess.PIPE) as child:
        assert child.communicate()[0] == "a\ufffdb\n"
