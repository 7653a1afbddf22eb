"""An update of 100 KB over a wire that loses every fifth packet, each way."""

from __future__ import annotations

import json
import os
import random
import subprocess
import time
from pathlib import Path

import pytest

from host_tests.faults.conftest import note
from host_tests.faults.test_networks import FarBroker
from host_tests.faults.wire import Network, Wire
from host_tests.harness.slots import Release, Server, contents_of, equip, state_of
from host_tests.harness.whole_nodes import BOARD
from host_tests.test_ram import CONFIG, ROM_SCRIPT
from tools.play.subscriber import Subscriber
from tools.shared.paths import MICROPYTHON, NO_32

SIZE = 100 * 1024
LOSS = 0.2
MOST_S = 300


@pytest.mark.timeout(2 * MOST_S)
@pytest.mark.skipif(NO_32.exists(), reason="no 32-bit MicroPython")
def test_100_kb_over_a_link_that_loses_a_fifth(tmp_path: Path, rom: Path) -> None:
    near, far = Network("10.78.0.1", "10.78.0.2"), Network("10.78.0.2", "10.78.0.1")
    try:
        with near.popen(["true"], stderr=subprocess.PIPE):
            os.close(near.tun)
    except OSError as error:
        pytest.skip(f"this kernel gives no network of our own, or no /dev/net/tun: {error}")
    flash = tmp_path / "flash"
    flash.mkdir()
    equip(flash)
    (flash / "board.txt").write_text(BOARD)
    # The ROM has the rest of the release, from where it is copied.
    more = {f"lib/more/{i}.py": random.Random(i).randbytes(SIZE // 10) for i in range(10)}
    release = Release({**contents_of(BOARD), **more}, 12, BOARD)
    with FarBroker(far, tmp_path / "watch") as broker:
        config = {**CONFIG, "ntp": "", "mqtt": {"host": broker.host, "port": broker.port}}
        for name in ("config.json", "config.json.old"):  # it was checked before
            (flash / name).write_text(json.dumps(config))
        command = [str(MICROPYTHON["32"]), "-X", "heapsize=64K", str(ROM_SCRIPT), str(rom)]
        process = near.popen(command, cwd=flash, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        try:
            with (
                Wire(near, far) as wire,
                Subscriber(broker, socket=tmp_path / "watch") as seen,
                Server(broker, socket=tmp_path / "watch") as server,
            ):
                seen.wait("petrel/n1/update/state", 60, state="idle")
                wire.delay_s = 0.02
                wire.loss = LOSS
                began = time.monotonic()
                server.offer(release)
                said = process.communicate(timeout=2 * MOST_S - 120)[0]
                took = time.monotonic() - began
                print(f"{took:.0f} s; {wire.lost} packets lost, {wire.carried} carried")
                assert wire.lost > 50
        finally:
            process.kill()
            process.communicate()
    assert "version 0.12.0 is there" in said, said
    assert state_of(flash) == "- a 3 0"
    note("update of 100 KB, every fifth packet lost", took)
    assert took < MOST_S, f"{took:.0f} s"
