"""Mutated packets into the decoder and the session, in a heap as small as a board's."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

import pytest

from host_tests.harness.interpreter import Interpreter

SCRIPT = Path(__file__).parent / "scripts" / "fuzz_session.py"
COUNT = int(os.environ.get("FUZZ_COUNT", "100000"))  # `make fuzz` sets it
# By version and interpreter. What is loaded again for each connection and subscription finds no
# room between mutated packets in less. Version 5 takes 12 KB more itself; the
# script holds its packets as well, and needs room for mutated ones in one piece.
HEAP = {("4", "32"): "40K", ("4", "64"): "64K", ("5", "32"): "64K", ("5", "64"): "128K"}


@pytest.mark.parametrize("version", ["4", "5"])
def test_no_packet_crashes_hangs_or_exhausts_the_client(
    interpreter: Interpreter, version: str
) -> None:
    """Another seed each time; a fault is printed with it."""
    seed = str(secrets.randbelow(1 << 30))
    done = interpreter.run(
        SCRIPT,
        str(COUNT),
        seed,
        version,
        heap=HEAP[version, interpreter.bits],
        timeout=30 + COUNT // 2000,
    )
    last = done.stdout.strip().splitlines()[-1:]
    assert last and last[0].startswith(f"done {COUNT} "), (
        f"seed {seed}: {done.stdout}{done.stderr}"
    )
    delivered, ended = (int(word) for word in last[0].split()[2:])
    assert delivered > COUNT // 50, "hardly any packet was whole: this proves nothing"
    assert ended > COUNT // 50, "hardly any packet was bad: this proves nothing"
