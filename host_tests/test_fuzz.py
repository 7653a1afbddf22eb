"""Mutated packets into the decoder and the session, in a heap as small as a board's."""

from __future__ import annotations

import os
import secrets
import shutil
import subprocess
from pathlib import Path

import pytest

from host_tests.harness.interpreter import COMPILED, Interpreter, compiled_lib
from tools.make.compile import RECORD, compile_all, modules
from tools.make.romfs import romfs
from tools.shared.paths import MICROPYTHON, NO_32

SCRIPTS = Path(__file__).parent / "scripts"
COUNT = int(os.environ.get("FUZZ_COUNT", "100000"))  # `make fuzz` sets it
# By version and interpreter, from .mpy files. Version 5 takes 12 KB more itself.
HEAP = {("4", "32"): "32K", ("4", "64"): "64K", ("5", "32"): "56K", ("5", "64"): "128K"}
LONGEST_S = 60 + COUNT // 500  # a busy computer takes so long; an idle one a twentieth
ROM_HEAP = "32K"  # of either version, if bytecode takes no heap


@pytest.fixture
def program() -> Path:
    """The folder with what feeds the packets, as .mpy files: a source is compiled in the heap."""
    folder = COMPILED / "fuzz"
    compile_all(
        [each for each in modules(SCRIPTS) if each.path.name.startswith("fuzz_")], folder, 0
    )
    return folder


def proven(done: subprocess.CompletedProcess[str], seed: str) -> None:
    """All packets were taken, and enough of them were whole, and enough were bad."""
    last = done.stdout.strip().splitlines()[-1:]
    assert last and last[0].startswith(f"done {COUNT} "), (
        f"seed {seed}: {done.stdout}{done.stderr}"
    )
    delivered, ended = (int(word) for word in last[0].split()[2:])
    assert delivered > COUNT // 50, "hardly any packet was whole: this proves nothing"
    assert ended > COUNT // 50, "hardly any packet was bad: this proves nothing"


@pytest.mark.parametrize("version", ["4", "5"])
def test_no_packet_crashes_hangs_or_exhausts_the_client(
    interpreter: Interpreter, program: Path, version: str
) -> None:
    """Another seed each time; a fault is printed with it."""
    seed = str(secrets.randbelow(1 << 30))
    done = interpreter.run(
        "import fuzz_session", str(COUNT), seed, version,
        heap=HEAP[version, interpreter.bits], path=[program], timeout=LONGEST_S,
    )  # fmt: skip
    proven(done, seed)


@pytest.mark.skipif(NO_32.exists(), reason="no 32-bit MicroPython here")
@pytest.mark.parametrize("version", ["4", "5"])
def test_from_a_rom_the_same_holds_in_32_kilobytes(
    tmp_path: Path, program: Path, version: str
) -> None:
    content = tmp_path / "content"
    for folder in (compiled_lib(), program):
        shutil.copytree(folder, content, ignore=lambda *_: [RECORD], dirs_exist_ok=True)
    image = romfs(content, tmp_path / "rom.img")
    seed = str(secrets.randbelow(1 << 30))
    done = subprocess.run(
        [MICROPYTHON["32"], "-X", f"heapsize={ROM_HEAP}", SCRIPTS / "in_rom.py", image,
         "fuzz_session", str(COUNT), seed, version],
        capture_output=True, text=True, timeout=LONGEST_S,
    )  # fmt: skip
    proven(done, seed)
