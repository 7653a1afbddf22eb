"""An update of the emulated Pico over its serial MQTT, and the power goes in the middle of it.

The node is the one in the firmware, and so is the new code, all but one file, as the emulated chip
would take hours to fetch the 209 files of a whole release. Its watchdog, its flash and what is
fetched, checked, written, tried and chosen are what they are with such a one.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import pytest

from host_tests.emulated.rig import PicoRig
from host_tests.harness.line import BridgeProcess
from host_tests.harness.slots import Release, Server, contents_of
from host_tests.harness.updates import keys_txt
from tools.lab.emulator import Pico
from tools.make.firmware.pico import BOARD
from tools.play.broker import Broker
from tools.play.subscriber import Subscriber

CONFIG: dict[str, Any] = {
    "node": "n1",
    "mqtt": {"serial": "usb"},
    "sensors": [{"name": "door", "driver": "digital", "pin": 15, "pull": "up"}],
    "ntp": "",
}
STATE = "petrel/n1/update/state"
# The new code: it comes from its slot, and goes on with what the firmware has.
MAIN = b"""
import sys
sys.path.remove("/slot/lib")
for name in ("node.main", "node"):
    sys.modules.pop(name, None)
from node.main import boot, call, run
"""
OLD, NEW = 0, 12  # serials
CUTS = 10
WAIT_S = 900  # its time is slower than ours
Updating = Callable[[], AbstractContextManager[tuple[Pico, Subscriber]]]


def release() -> Release:
    pack = "lib/node/update/pack.mpy"
    files = {pack: contents_of(BOARD)[pack], "keys.txt": keys_txt().encode()}
    files |= {"lib/node/main.py": MAIN, "lib/more.py": b"# more\n" * 900}
    return Release(files, NEW, BOARD)


@pytest.fixture(scope="module")
def before(tmp_path_factory: pytest.TempPathFactory, frozen: Path) -> Path:
    """A flash chip with a config that was checked, keys, and the name of its board."""
    chip = tmp_path_factory.mktemp("update") / "before.bin"
    files = {
        "board.txt": BOARD, "keys.txt": keys_txt(), "config.json": json.dumps(CONFIG),
        "config.json.old": json.dumps(CONFIG), "update/deployed": "",
    }  # fmt: skip
    with Pico(frozen, chip) as pico:
        pico.power_on()
        with PicoRig(pico) as rig:
            rig.run(
                f"import os\nos.mkdir('update')\nfor name, text in {list(files.items())!r}:\n"
                "    with open(name, 'w') as f: f.write(text)\n"
            )
        pico.power_off()
    return chip


@pytest.fixture
def updating(frozen: Path, before: Path, tmp_path: Path) -> Updating:
    """A node to which the release was offered, and what it says; can be had again and again."""
    chip = tmp_path / "flash.bin"
    offered = release()

    @contextmanager
    def begun() -> Iterator[tuple[Pico, Subscriber]]:
        shutil.copy(before, chip)
        with (
            Broker() as broker, Subscriber(broker) as seen, Server(broker) as server,
            Pico(frozen, chip) as pico,
        ):  # fmt: skip
            pico.power_on()
            with BridgeProcess(pico.port, broker):
                seen.wait(STATE, WAIT_S, state="idle", serial=OLD)
                server.offer(offered)
                yield pico, seen
        chip.unlink()  # 2 MB

    return begun


def cut_and_look(pico: Pico, seen: Subscriber, after: int, torn: float) -> int:
    """Let the power go in that operation of the flash; returns the serial of what runs then."""
    pico.cut(after, torn)
    pico.wait("cut", WAIT_S)
    first = len(seen.messages)
    pico.power_on()
    serial: int = seen.wait(STATE, WAIT_S, first)["serial"]
    return serial


@pytest.mark.timeout(1200)
def test_a_node_updates_over_usb_though_the_power_goes(updating: Updating) -> None:
    with updating() as (pico, seen):
        assert cut_and_look(pico, seen, 60, 0.5) == OLD
        seen.wait(STATE, WAIT_S, state="trying", serial=NEW)


@pytest.mark.long
@pytest.mark.timeout(7200)
def test_the_old_or_the_new_code_runs_wherever_the_power_goes(updating: Updating) -> None:
    """Ten cuts: nine while it is fetched and chosen, and one while it is noted as good."""
    with updating() as (pico, seen):
        counts = [pico.operations]
        for state in ("trying", "good"):
            assert seen.wait(STATE, WAIT_S, state=state)["serial"] == NEW
            counts.append(pico.operations)
    fetch, trial = counts[1] - counts[0], counts[2] - counts[1]
    found = []
    for number in range(CUTS - 1):
        with updating() as (pico, seen):
            after = 1 + number * (fetch - 1) // (CUTS - 2)
            found.append(cut_and_look(pico, seen, after, number % 3 / 2.02))
            seen.wait(STATE, WAIT_S, state="trying", serial=NEW)
    with updating() as (pico, seen):
        seen.wait(STATE, WAIT_S, state="trying", serial=NEW)
        found.append(cut_and_look(pico, seen, trial * 3 // 4, 0.5))
    print(f"{fetch} and {trial} operations of the flash; after the cuts there ran {found}")
    assert len(found) == CUTS and set(found) == {OLD, NEW} and found == sorted(found)
