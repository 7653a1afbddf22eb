"""The RAM that opening an outbox on the flash takes, however long its backlog is."""

from __future__ import annotations

from pathlib import Path

import pytest

from host_tests.harness.interpreter import interpreter
from tools.shared.paths import NO_32

FILL = """
import sys
from mqtt.engine.journal import Journal
journal = Journal("outbox", 1000, 300, 0)
while journal.next < 2 * int(sys.argv[1]):
    journal.append("petrel/n1/light", b"%100d" % journal.next, 2)
journal.close()
"""
# All but so many bytes are in use, in small pieces, when it is opened.
OPEN = """
import gc, sys
from mqtt.durable import Durable
import mqtt.engine.survey
free = int(sys.argv[1])
taken = None
gc.collect()
while gc.mem_free() > free:
    taken = [taken]
try:
    outbox = Durable("outbox", 4, 1000, 300, 0)
except MemoryError:
    print("no room")
else:
    taken = None
    outbox.get(0)
    print(outbox.waiting(), int(outbox.payload))
"""
# What is held when each message is found, at most.
HELD = """
import gc
from mqtt.engine.journal import Journal
import mqtt.engine.survey
most = 0
def look(payload):
    global most
    gc.collect()
    most = max(most, gc.mem_alloc())
gc.collect()
before = gc.mem_alloc()
Journal("outbox", 1000, 300, 0, look=look)
print(most - before)
"""
STEP = 32

without_32 = pytest.mark.skipif(NO_32.exists(), reason="RAM is measured on 32 bit")


def run(folder: Path, code: str, *arguments: str) -> str:
    done = interpreter("32").run(code, *arguments, heap="64K", cwd=folder)
    assert done.returncode == 0, done.stderr
    return done.stdout


def filled(folder: Path, segments: int) -> Path:
    folder.mkdir()
    run(folder, FILL, str(segments))
    assert len(list((folder / "outbox").iterdir())) == segments
    return folder


def least(folder: Path, segments: int) -> int:
    """The fewest free bytes with which an outbox of so many segments can be opened."""
    low, high = 0, 256
    while high - low > 1:
        middle = (low + high) // 2
        said = run(folder, OPEN, str(middle * STEP))
        assert said in ("no room\n", f"{2 * segments} 0\n")
        low, high = (middle, high) if said == "no room\n" else (low, middle)
    assert low > 0 and high < 256
    return high * STEP


@without_32
def test_opening_takes_no_more_ram_for_500_segments_than_for_5(tmp_path: Path) -> None:
    few, many = filled(tmp_path / "few", 5), filled(tmp_path / "many", 500)
    held = [int(run(folder, HELD)) for folder in (few, many)]
    assert held[1] <= held[0] + 64
    # A heap that is nearly full has holes, which differ: this is less exact.
    assert least(many, 500) <= least(few, 5) + 512


@without_32
def test_a_backlog_of_500_segments_comes_in_order(tmp_path: Path) -> None:
    folder = filled(tmp_path / "many", 500)
    code = """
import os
from mqtt.durable import Durable
outbox = Durable("outbox", 4, 1000, 300, 0)
for number in range(1000):
    outbox.get(0)
    assert int(outbox.payload) == number
    outbox.pop()
print(outbox.waiting(), outbox.journal.lost, len(os.listdir("outbox")))
"""
    assert run(folder, code) == "0 0 1\n"
