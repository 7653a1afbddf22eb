"""The RAM of an update: at most 6 KB above the running node, which has its code in a ROMFS.

And what the node takes that could be updated and isn't. The node and its heap are those of
test_ram, which has the figure without an update.
"""

from __future__ import annotations

import json
import re
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from host_tests.harness.slots import Release, Server, contents_of, equip, state_of
from host_tests.harness.whole_nodes import BOARD, stand_ins
from host_tests.test_ram import CONFIG, ROM_SCRIPT
from tools.make.package import build
from tools.play.broker import Broker
from tools.play.subscriber import Subscriber
from tools.shared.paths import MICROPYTHON
from tools.shared.process import popen

RUNS_KB = 25  # with two sensors, see test_ram
UPDATE_KB = 6
IDLE = 2048  # bytes: the boot stage, a filter, a function that tells messages, and their names
SETTLED = ROM_SCRIPT.with_name("settled.py")
LAYOUTS = 3


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


def settled(folder: Path, image: str, broker: Broker, keys: bool) -> int:
    """The bytes in use in a node that has nothing to do."""
    folder.mkdir()
    (folder / "rom").symlink_to(stand_ins())
    (folder / "lib").symlink_to(build(BOARD, quiet=True) / "lib")
    if keys:
        equip(folder)
    mqtt = {"host": broker.host, "port": broker.port}
    config = {**CONFIG, "node": folder.name, "mqtt": mqtt, "homeassistant": False, "ntp": ""}
    for name in ("config.json", "config.json.old"):  # it was checked before
        (folder / name).write_text(json.dumps(config))
    lost = str(16 * len(folder.name))
    command = [str(MICROPYTHON["32"]), "-X", "heapsize=60K", str(SETTLED), image, lost]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=120)
    found = re.search(r"in use (\d+)\n", done.stdout)
    assert found, done.stdout
    return int(found[1])


@pytest.mark.parametrize("kind", ["rom", "files"])
def test_a_node_that_is_not_being_updated_keeps_little_in_ram(
    tmp_path: Path, rom: Path, broker: Broker, seen: Subscriber, kind: str
) -> None:
    """The collector takes stale words for references: the least of several nodes is what it needs.

    Nothing has come of an update: the node has told that, and has forgotten all that did.
    """
    image = str(rom) if kind == "rom" else "-"

    def least(keys: bool) -> int:
        names = [f"{kind}{keys:d}{'x' * length}" for length in range(LAYOUTS)]
        with ThreadPoolExecutor() as pool:
            found = pool.map(lambda name: settled(tmp_path / name, image, broker, keys), names)
            return min(found)

    without, idle = least(False), least(True)
    print(f"{kind}: {without} bytes, {idle - without} more with keys")
    assert 0 < idle - without < IDLE
    for length in range(LAYOUTS):
        told = seen.wait(f"petrel/{kind}1{'x' * length}/update/state")
        assert told["state"] == "idle" and told["serial"] == 0
