"""What files take on a board, against MicroPython's own file systems in RAM."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from tools.make import storage
from tools.make.package import build, sizes_of
from tools.make.storage import FileSystem
from tools.shared import boards
from tools.shared.paths import MICROPYTHON

FILL = Path(__file__).parent / "scripts" / "fill.py"
SIZES = [(name, boards.load(name).petrel["storage"]["bytes"]) for name in boards.names()]
KNOWN = [name for name, size in SIZES if size]


def fill(kind: str, size: int, folder: Path) -> tuple[int, int, int | None]:
    """The bytes of a block, those free in the empty file system, and with the folder in it."""
    command = [str(MICROPYTHON["64"]), "-X", "heapsize=16M", str(FILL)]
    done = subprocess.run(
        [*command, kind, str(size), str(folder)], capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    block, empty, left = json.loads(done.stdout)
    return block, empty, left


@pytest.mark.parametrize("name", KNOWN)
def test_blocks_and_room_are_those_of_micropythons_own(name: str, tmp_path: Path) -> None:
    facts = boards.load(name).petrel["storage"]
    block, empty, _ = fill(facts["system"], facts["bytes"], tmp_path)
    assert (facts["block"], storage.capacity(boards.load(name))) == (block, empty)


def tree(folder: Path, sizes: dict[str, int]) -> Path:
    for name, size in sizes.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(bytes(size))
    return folder


MANY = {f"lib/mqtt/{'n' * (i % 30)}{i}.mpy": 17 * i for i in range(120)}
TREES = {
    "nothing": {},
    "the edges of a block": {"a": 0, "b": 1, "c": 511, "d": 512, "e": 513, "f": 4096, "g": 4097},
    "a folder in a folder": {"lib/mqtt/session.mpy": 2822, "lib/board.mpy": 1035},
    "many": MANY,
    "the package": sizes_of(build("PYBV11", quiet=True)),
}


@pytest.mark.parametrize("case", TREES)
@pytest.mark.parametrize(
    ("kind", "size", "slack"),
    [("fat", 512 << 10, 0.05), ("fat", 2 << 20, 0.05), ("littlefs", 2 << 20, 0.35)],
)
def test_what_is_counted_is_enough_and_not_much_more(
    kind: str, size: int, slack: float, case: str, tmp_path: Path
) -> None:
    block, empty, left = fill(kind, size, tree(tmp_path, TREES[case]))
    assert left is not None
    taken = empty - left
    if kind == "littlefs":  # it counts the two blocks of a folder twice
        taken -= 2 * block * sum(path.is_dir() for path in tmp_path.rglob("*"))
    counted = FileSystem(kind, block).taken(TREES[case])
    assert taken <= counted <= taken * (1 + slack) + 2 * block


def test_the_whole_package_does_not_fit_a_pyboard_and_the_count_says_so(tmp_path: Path) -> None:
    board = boards.load("PYBV11")
    sizes = TREES["the package"]
    room = storage.capacity(board)
    assert room and storage.of(board).taken(sizes) > room
    assert fill("fat", 114_688, tree(tmp_path, sizes))[2] is None
