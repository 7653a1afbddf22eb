"""The real mpremote, and the tools that call it, against the emulated board's USB serial port."""

from __future__ import annotations

import json
import os
import pty
import re
import select
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from host_tests.emulated.conftest import PARTS
from host_tests.emulated.console import RESET, Console, write_config
from host_tests.emulated.rig import PicoRig
from host_tests.harness.line import BridgeProcess
from tools.lab.emulator import Pico
from tools.make.firmware import pico as firmware
from tools.make.package import build
from tools.play.broker import Broker
from tools.play.subscriber import Subscriber
from tools.shared.paths import ROOT, VENV
from tools.shared.process import popen

CONFIG: dict[str, Any] = {
    "node": "n1",
    "mqtt": {"serial": "usb"},
    "sensors": [{"name": "air", "driver": "bme280", "sda": 4, "scl": 5, "interval": 1}],
}


def run(*command: str, timeout: float = 180) -> str:
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=timeout)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def mpremote(pico: Pico, *arguments: str, timeout: float = 180) -> str:
    return run(str(VENV / "bin" / "mpremote"), "connect", pico.port, *arguments, timeout=timeout)


def make(target: str, pico: Pico, *more: str) -> str:
    command = ["make", "-s", target, f"BOARD={firmware.BOARD}", f"PORT={pico.port}", *more]
    return run(*command, timeout=500)


@pytest.fixture
def bare(tmp_path: Path, stock: Path) -> Iterator[Pico]:
    """A board with MicroPython alone, switched on."""
    with Pico(stock, tmp_path / "flash.bin", PARTS) as board:
        board.power_on()
        yield board


def test_files_go_there_and_come_back(bare: Pico, tmp_path: Path) -> None:
    data = os.urandom(3000)
    (tmp_path / "there").write_bytes(data)
    mpremote(bare, "fs", "cp", str(tmp_path / "there"), ":data")
    mpremote(bare, "fs", "cp", ":data", str(tmp_path / "back"))
    assert (tmp_path / "back").read_bytes() == data
    assert "3000 data" in mpremote(bare, "fs", "ls")


def test_make_repl(whole: Pico) -> None:
    """In a terminal, as a person has it: a sum, a driver, and out again."""
    master, slave = pty.openpty()
    command = [sys.executable, "-m", "tools", "repl", firmware.BOARD, "--port", whole.port]
    process = popen(command, cwd=ROOT, stdin=slave, stdout=slave, stderr=slave)
    os.close(slave)
    said = b""
    try:
        for keys, answer in (
            (b"", b"Ctrl-x to exit this shell"),
            (b"\x03\r", b">>> "),  # without a config the node waits for one, until Ctrl-C
            (b"6*7\r", b"42"),
            (b"from sensors import sht3x; sht3x.DRIVER.FIELDS[0]\r", b"('temperature', 'C', "),
        ):
            os.write(master, keys)
            while answer not in said:
                if not select.select([master], [], [], 2)[0]:
                    os.write(master, keys)  # mpremote had not begun to listen
                said += os.read(master, 1024)
            said = b""
        os.write(master, b"\x1d")  # Ctrl-]
        assert process.wait(20) == 0
    finally:
        process.kill()
        process.wait()
        os.close(master)


@pytest.mark.long
@pytest.mark.timeout(900)
def test_make_deploy(bare: Pico, tmp_path: Path) -> None:
    """As files: all, then nothing, then what has changed; the config stays; the node runs."""
    config = tmp_path / "config.json"
    config.write_text(json.dumps({**CONFIG, "mqtt": {"host": "broker"}}))
    number = len([path for path in build(firmware.BOARD).rglob("*") if path.is_file()])
    said = make("deploy", bare, "MODE=files", f"CONFIG={config}")
    first = re.search(r"(\d+) of (\d+) files copied", said)
    assert first and first[1] == first[2] and 80 < int(first[2]) < number
    bare.wait("usb")  # it restarts
    with Console(bare) as console:
        console.wait("n1/air/temperature")
        console.type(b"\x03")
        console.wait("stopped; machine.reset() starts it again")
    assert re.search(r"\b0 of \d+ files copied", make("deploy", bare, "MODE=files"))
    bare.wait("usb")
    mpremote(bare, "exec", "import os; os.remove('lib/mqtt/engine/words.mpy')")
    assert re.search(r"\b1 of \d+ files copied", make("deploy", bare, "MODE=files"))
    bare.wait("usb")
    assert json.loads(mpremote(bare, "cat", ":config.json")) == json.loads(config.read_text())


@pytest.mark.long
@pytest.mark.timeout(900)
def test_a_deploy_that_the_power_cuts_leaves_a_board_that_boots(
    bare: Pico, tmp_path: Path
) -> None:
    """In the middle of a file; the board still has its REPL, and the next deploy repairs it."""
    bare.cut(500)
    with pytest.raises(AssertionError, match="deploy"):
        make("deploy", bare, "MODE=files")
    bare.wait("cut")
    bare.power_on()
    assert "2" in mpremote(bare, "exec", "print(1 + 1)")
    make("deploy", bare, "MODE=files")
    again = bare.operations  # of the flash: what was whole did not travel again
    bare.wait("usb")
    assert "ok" in mpremote(bare, "exec", "import node.app, mqtt.link; print('ok')")
    assert 100 < again < 900, again


@pytest.mark.long
@pytest.mark.timeout(900)
def test_make_deploy_into_a_romfs(bare: Pico, tmp_path: Path) -> None:
    """The modules run where they stand and take little RAM; a second deploy changes nothing."""
    config = tmp_path / "config.json"
    config.write_text(json.dumps({**CONFIG, "mqtt": {"host": "broker"}}))
    said = make("deploy", bare, f"CONFIG={config}")
    assert re.search(r"in the board's ROMFS: [\d,]+ of 262,144 bytes, written", said), said
    bare.wait("usb")
    with Console(bare) as console:
        console.wait("n1/air/temperature")
        console.type(b"\x03")
        console.wait("stopped; machine.reset() starts it again")
    said = make("deploy", bare)
    assert "bytes, unchanged" in said
    assert "0 of 4 files copied" in said
    bare.wait("usb")
    code = "import gc, sys; gc.collect(); a = gc.mem_alloc(); import mqtt.client; gc.collect(); "
    code += "print(sys.modules['mqtt.client'].__file__, gc.mem_alloc() - a)"
    where, taken = mpremote(bare, "exec", code).split()
    assert where.startswith("/rom/")
    assert int(taken) < 16_000  # from .mpy files it is some 24,000
    assert json.loads(mpremote(bare, "cat", ":config.json")) == json.loads(config.read_text())


@pytest.mark.long
@pytest.mark.timeout(900)
@pytest.mark.parametrize("cut", [10, 300])
def test_a_romfs_that_the_power_cuts_leaves_a_board_that_says_so(bare: Pico, cut: int) -> None:
    """While it is erased, and while it is written; the next deploy repairs it."""
    make("deploy", bare)
    bare.wait("usb")
    # As if another version were in it.
    mpremote(bare, "exec", "import vfs; vfs.rom_ioctl(2, 0).writeblocks(20, bytes(4096))")
    bare.cut(cut)
    with pytest.raises(AssertionError, match="deploy"):
        make("deploy", bare)
    bare.wait("cut")
    bare.power_on()
    with Console(bare) as console:
        console.type(b"\x03\x04")
        console.wait("Petrel is not complete on this board. Deploy again.")
        console.wait("the start failed")
        console.type(b"\x03")
    assert "2" in mpremote(bare, "exec", "print(1 + 1)")
    assert "bytes, written" in make("deploy", bare)
    bare.wait("usb")
    assert "/rom/" in mpremote(bare, "exec", "import node.app as a; print(a.__file__)")


def test_readings_reach_a_broker_over_usb(whole: Pico, broker: Broker, seen: Subscriber) -> None:
    """make bridge: the node on the chip, its MQTT over the USB serial port, a real broker."""
    write_config(whole, CONFIG)
    with Console(whole) as console:
        console.type(RESET)
        whole.wait("reset")
        whole.wait("usb")
    with BridgeProcess(whole.port, broker):
        numbers: list[int] = []
        for _ in range(3):
            start = len(seen.messages)
            reading = seen.wait("petrel/n1/air/temperature", 60, start=start)
            assert abs(reading["value"] - 12.5) < 0.02
            numbers.append(reading["seq"])
        assert numbers == sorted(numbers)
        start = len(seen.messages)
        seen.publish("petrel/n1/cmd/ping", "")
        assert seen.wait("petrel/n1/reply/ping", 60, start=start)["ok"]


def test_the_firmware_is_what_the_port_freezes_and_petrel(whole: Pico) -> None:
    with PicoRig(whole) as rig:
        (names,) = rig.run("""
import sys
found = []
for name in ("node.app", "mqtt.client", "sensors.bme280", "board", "neopixel", "dht", "asyncio"):
    __import__(name)
    found.append(name)
tell(found)
""")
        (version,) = rig.run("import sys\ntell(sys.version)")
    assert len(names) == 7
    assert "MicroPython v1." in version
