"""The RAM of an update: at most 6 KB above the running node, which has its code in a ROMFS.

The node and its heap are those of test_ram, which has the figure without an update.
"""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from host_tests.harness.slots import Release, Server, contents_of, equip, state_of
from host_tests.harness.whole_nodes import BOARD
from host_tests.test_ram import CONFIG, ROM_SCRIPT
from tools.play.broker import Broker
from tools.play.subscriber import Subscriber
from tools.shared.paths import MICROPYTHON
from tools.shared.process import popen

RUNS_KB = 25  # with two sensors, see test_ram
UPDATE_KB = 6


@pytest.mark.parametrize("kilobytes", [RUNS_KB + UPDATE_KB, 38])
def test_an_update_takes_little_ram(
    tmp_path: Path, rom: Path, broker: Broker, seen: Subscriber, kilobytes: int
) -> None:
    config = {**CONFIG, "mqtt": {"host": broker.host, "port": broker.port}}
    (tmp_path / "config.json").write_text(json.dumps(config))
    (tmp_path / "board.txt").write_text(BOARD)
    equip(tmp_path)
    # With its code in the ROM alone, so small a board refuses: the new code runs from files.
    (tmp_path / "lib/node").mkdir(parents=True)
    (tmp_path / "lib/node/app.mpy").touch()
    heap = f"heapsize={kilobytes}K"
    command = [str(MICROPYTHON["32"]), "-X", heap, str(ROM_SCRIPT), str(rom)]
    # Much is in the ROM as well and is copied; this is not.
    more = {f"lib/more/{number}.py": bytes([number]) * 5000 for number in range(6)}
    release = Release({**contents_of(BOARD), **more}, 12, BOARD)
    said = ""
    with Server(broker) as server:
        for start in range(2):  # the first one checks the config and starts afresh
            process = popen(
                command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
            )
            try:
                if start:
                    seen.wait("petrel/n1/update/state", 60, state="idle")
                    server.offer(release)
                    at = len(seen.messages)
                    seen.wait("petrel/n1/update/state", 60, state="fetching", percent=0)
                    seen.wait("petrel/n1/light", 60, start=at)
                said = process.communicate(timeout=60)[0]
            finally:
                process.kill()
                process.communicate()
    assert "version 0.12.0 is there" in said, said
    assert "Traceback" not in said, said
    assert "update: memory" not in said and "node: memory" not in said, said
    assert state_of(tmp_path) == "- a 3 0"
    fetched = {number for number, _, _ in server.requests}
    assert 0 in fetched and len(fetched) > len(more)
