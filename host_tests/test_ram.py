"""The RAM of the whole node: config, Wi-Fi, MQTT, one digital and one analog sensor, in 37.5 KB,
and in 38.5 KB over outages; from a ROM, with three drivers, in far less.

The interpreter is the 32-bit one, whose pointers are as wide as the boards'. `machine` and
`network`, which a firmware has in ROM, are stood in for by as little as will do (host_tests/rom),
and count. The .mpy files are those that an ESP8266 gets. A board has 38 KiB; see boards/.
"""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from host_tests.harness.whole_nodes import BOARD, stand_ins
from tools.make.package import build
from tools.play.broker import Broker
from tools.play.subscriber import Subscriber
from tools.shared.paths import MICROPYTHON, ROOT
from tools.shared.process import popen
from tools.talk.readings import parse

HEAP = "38400"
OUTAGES = "39424"  # what outages take, and a change of the interval
BACKLOG_HEAP = "40960"  # what a backlog on the flash takes: 2 KiB more than an ESP8266 has
HEAP_AND_TEST = "38K"  # the same, and what the loop of the second test itself takes
SCRIPT = ROOT / "host_tests" / "scripts" / "whole_node.py"
ROM_SCRIPT = SCRIPT.with_name("in_rom.py")
CONFIG = {
    "node": "n1",
    "wifi": {"ssid": "a network"},
    "sensors": [
        {"name": "door", "driver": "digital", "pin": 4, "pull": "up", "invert": True},
        {"name": "light", "driver": "analog", "pin": 0, "interval": 0.1},
    ],
    "diagnostics": 10,
    "queue": 8,
}

Start = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def start(tmp_path: Path, broker: Broker) -> Iterator[Start]:
    """Starts the node on a board's file system; it is gone after the test."""
    (tmp_path / "rom").symlink_to(stand_ins())
    (tmp_path / "lib").symlink_to(build(BOARD, quiet=True) / "lib")
    config = {**CONFIG, "mqtt": {"host": broker.host, "port": broker.port}}
    (tmp_path / "config.json").write_text(json.dumps(config))
    running: list[subprocess.Popen[str]] = []

    def run(*arguments: str, heap: str = HEAP) -> subprocess.Popen[str]:
        command = [str(MICROPYTHON["32"]), "-X", f"heapsize={heap}", str(SCRIPT), *arguments]
        process = popen(command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        running.append(process)
        return process

    yield run
    for process in running:
        process.kill()
        process.communicate()


def test_the_whole_node_runs_in_37_and_a_half_kilobytes(start: Start, seen: Subscriber) -> None:
    """After the first start, which checks the config and starts afresh."""
    for number in range(3):
        process = start()
        first = len(seen.messages)
        if number == 0:
            output, _ = process.communicate(timeout=20)
            assert output == "Petrel: config.json is new and good; starting afresh\n"
            continue
        diagnostics = seen.wait("petrel/n1/diagnostics", start=first)
        assert diagnostics["mode"] == "normal"
        for name, payload in (("ping", ""), ("read", ""), ("read", "door")):
            at = len(seen.messages)
            seen.publish(f"petrel/n1/cmd/{name}", payload)
            assert seen.wait(f"petrel/n1/reply/{name}", start=at)["ok"]
        seen.wait("petrel/n1/diagnostics", 20, start=at)  # the regular ones come as well
        seen.publish("petrel/n1/cmd/reboot", "")
        output, _ = process.communicate(timeout=20)
        assert "Petrel: reboot" in output
        assert "memory" not in output, output
        assert "Traceback" not in output, output


def test_the_interval_is_changed_and_saved_in_38_and_a_half_kilobytes(
    start: Start, seen: Subscriber, tmp_path: Path
) -> None:
    start().wait(20)  # checks the config
    start(heap=OUTAGES)
    seen.wait("petrel/n1/diagnostics")
    for seconds in (2, 0.3, 4):
        at = len(seen.messages)
        order = json.dumps({"sensor": "light", "seconds": seconds})
        seen.publish("petrel/n1/cmd/interval", order)
        reply = seen.wait("petrel/n1/reply/interval", start=at)
        assert reply.get("saved") and reply["ok"], reply
        config = json.loads((tmp_path / "config.json").read_text())
        assert config["sensors"][1]["interval"] == seconds
        at = len(seen.messages)
        seen.publish("petrel/n1/cmd/ping", "")
        assert seen.wait("petrel/n1/reply/ping", start=at)["ok"]


def test_a_broker_that_goes_away_and_comes_back_fits_the_heap_too(
    start: Start, broker: Broker, seen: Subscriber
) -> None:
    """There is no room for what explains an end, and none is taken."""
    start().wait(20)  # checks the config
    process = start(heap=OUTAGES)
    told = [seen.wait("petrel/n1/diagnostics", 20)]
    for _ in range(4):
        seen.catch_up()
        broker.kill()
        broker.start()
        seen.wait_subscribed()
        at = len(seen.messages)
        seen.wait("petrel/n1/light", 60, at)
        told.append(seen.wait("petrel/n1/diagnostics", 20, at))
    seen.publish("petrel/n1/cmd/reboot", "")
    output, _ = process.communicate(timeout=20)
    assert "Traceback" not in output, output
    assert len({each["boot"] for each in map(parse, _lights(seen))}) == 1, output
    free = [each["heap_free"] for each in told]
    assert free[-1] > free[1] - 1024, free  # the first outage has names to learn, which stay


# A long outage, as a node writes it: readings of a start before this one.
BACKLOG = """
import sys
sys.path[:] = ["lib", ".frozen"]
from mqtt.engine.journal import Journal
journal = Journal("outbox", 64, 4096, 0)
for seq in range(%d):
    reading = '{"value": 0.512, "unit": "V", "seq": %%d, "boot": 1, "time": 1795218370}' %% seq
    journal.append("petrel/n1/light", reading, 2)
journal.close()
"""


def _backlog(folder: Path, count: int) -> None:
    command = [str(MICROPYTHON["32"]), "-c", BACKLOG % count]
    subprocess.run(command, cwd=folder, check=True)


def _must_deliver(folder: Path) -> None:
    config = json.loads((folder / "config.json").read_text())
    config["sensors"][1].update(interval=1, delivery="must_deliver")
    (folder / "config.json").write_text(json.dumps({**config, "outbox": 262_144}))


def test_a_backlog_on_the_flash_is_delivered_by_40_kilobytes_in_its_order(
    start: Start, seen: Subscriber, tmp_path: Path
) -> None:
    """There is no RAM for an outbox on the flash: that is told, and the backlog leaves."""
    _must_deliver(tmp_path)
    start(heap=BACKLOG_HEAP).wait(20)  # checks the config
    _backlog(tmp_path, 100)
    assert len(list((tmp_path / "outbox").iterdir())) == 3
    process = start(heap=BACKLOG_HEAP)
    assert seen.seen(lambda *_: len(_old(seen)) >= 100, 90)
    assert _old(seen) == list(range(100))
    told = seen.wait("petrel/n1/diagnostics", 30, len(seen.messages))
    assert any("too little memory" in fault for fault in told["faults"]), told
    assert "lost" not in told
    assert not (tmp_path / "outbox").exists()
    new = [each["seq"] for each in map(parse, _lights(seen)) if each["boot"] != 1]
    assert new[0] >= 100, "the numbers do not go on"
    assert new == sorted(new)
    process.kill()
    output, _ = process.communicate(timeout=20)
    assert "Traceback" not in output, output


def test_a_backlog_that_was_not_sent_stays_on_the_flash_for_later(
    start: Start, broker: Broker, seen: Subscriber, tmp_path: Path
) -> None:
    """In so small a heap nothing on the flash is touched before the broker has it."""
    _must_deliver(tmp_path)
    start(heap=BACKLOG_HEAP).wait(20)  # checks the config
    _backlog(tmp_path, 40)
    stored = {path.name: path.read_bytes() for path in (tmp_path / "outbox").iterdir()}
    broker.kill()
    for _ in range(2):
        process = start(heap=BACKLOG_HEAP)
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(3)
        process.kill()
        process.communicate(timeout=20)
        left = {path.name: path.read_bytes() for path in (tmp_path / "outbox").iterdir()}
        assert left == stored
    broker.start()
    seen.wait_subscribed()
    start(heap=BACKLOG_HEAP)
    assert seen.seen(lambda *_: len(_old(seen)) >= 40, 60)
    assert _old(seen) == list(range(40))


def _old(seen: Subscriber) -> list[int]:
    """The numbers of the readings of the backlog, in the order of their arrival."""
    return [each["seq"] for each in map(parse, _lights(seen)) if each["boot"] == 1]


def _lights(seen: Subscriber) -> list[str]:
    return [payload for topic, payload in seen.messages if topic == "petrel/n1/light"]


# Three at a time; in the second those that take the most, see docs/sensors.
THREE: dict[str, tuple[tuple[str, ...], list[dict[str, Any]]]] = {
    "a weather station": (
        ("air/humidity", "soil", "rain/total"),
        [
            {"name": "air", "driver": "bme280", "sda": 4, "scl": 5, "interval": 0.2},
            {"name": "soil", "driver": "ntc", "pin": 0, "interval": 0.2, "supply": 1},
            {"name": "rain", "driver": "pulse", "pin": 12, "interval": 0.2, "keep": "rain"},
        ],
    ),
    "the largest": (
        ("cell/voltage", "cell/left"),
        [
            {"name": "cell", "driver": "battery", "pin": 0, "interval": 0.2, "top": 40000.0},
            {"name": "gas", "driver": "scd4x", "sda": 4, "scl": 5, "interval": 0.5},
            {"name": "volts", "driver": "ads1115", "sda": 4, "scl": 5, "interval": 0.5},
        ],
    ),
}


TWO = (("light", "door"), CONFIG["sensors"])
# Two for each, of all kinds: those that look at a value alone, that remember, and that hold back.
FILTERS: list[list[dict[str, Any]]] = [
    [{"median": 5}, {"to": "F"}],
    [{"calibrate": [[0.1, 0], [0.9, 100]]}, {"smooth": 0.8}],
    [{"multiply": 0.2, "field": "total"}, {"delta": 0.1, "heartbeat": 60, "field": "total"}],
]
FILTERED = (
    THREE["a weather station"][0],
    [
        {**sensor, "filters": filters}
        for sensor, filters in zip(THREE["a weather station"][1], FILTERS, strict=True)
    ],
)


@pytest.mark.parametrize(
    ("heap", "what", "delivery"),
    [
        # docs/config.md has these figures.
        ("25K", TWO, "queue"),
        ("31K", THREE["the largest"], "queue"),
        ("32K", THREE["a weather station"], "queue"),
        ("34K", THREE["the largest"], "must_deliver"),
        ("34K", THREE["a weather station"], "must_deliver"),
        ("36K", FILTERED, "queue"),
    ],
    ids=[
        "two",
        "the largest",
        "a weather station",
        "the largest, must",
        "a weather station, must",
        "two filters for each",
    ],
)
def test_the_whole_node_runs_from_a_rom_in(
    tmp_path: Path,
    rom: Path,
    broker: Broker,
    seen: Subscriber,
    heap: str,
    what: tuple[tuple[str, ...], list[dict[str, Any]]],
    delivery: str,
) -> None:
    """After the first start. From files, three drivers don't fit into 38 KB at all."""
    topics, sensors = what
    sensors = [{**sensors[0], "delivery": delivery}, *sensors[1:]]
    config = {**CONFIG, "mqtt": {"host": broker.host, "port": broker.port}, "sensors": sensors}
    (tmp_path / "config.json").write_text(json.dumps(config))
    command = [str(MICROPYTHON["32"]), "-X", f"heapsize={heap}", str(ROM_SCRIPT), str(rom)]
    for number in range(2):  # the first start checks the config and starts afresh
        process = popen(command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        try:
            if number:
                for topic in topics:
                    seen.wait(f"petrel/n1/{topic}")
                first = len(seen.messages)
                seen.publish("petrel/n1/cmd/read", topics[-1].partition("/")[0])
                reply = seen.wait("petrel/n1/reply/read", start=first)
                assert reply["ok"], reply
                about = seen.wait("petrel/n1/diagnostics", 20, start=first)
                assert "faults" not in about
                # By then Home Assistant has been told. The 621st name would take 4.5 KB in one
                # piece, for which there is no room: it must not come, not even at the end.
                while about["uptime"] < 10:
                    about = seen.wait("petrel/n1/diagnostics", 60, start=len(seen.messages))
                seen.publish("petrel/n1/cmd/reboot", "")
            output, _ = process.communicate(timeout=20)
        finally:
            process.kill()
            process.communicate()
    assert "Petrel: reboot" in output
    assert "memory" not in output, output
    assert "Traceback" not in output, output


def test_100_000_readings_leave_the_heap_as_it_was(start: Start) -> None:
    start().wait(20)  # checks the config
    process = start("100000", heap=HEAP_AND_TEST)
    output, _ = process.communicate(timeout=110)
    found = re.findall(r"free (\d+) (\d+) refused 0 drops 0", output)
    taken = [1000, *range(70_787, 100_000, 997), 100_000]
    assert [int(number) for number, _ in found] == taken, output
    early, late = int(found[0][1]), int(found[-1][1])
    # The collector takes stale words on the stack for references: a small object more or less.
    assert abs(late - early) <= 64
    early, *last = (int(blocks) * 16 for blocks in re.findall(r"max free sz: (\d+)", output))
    assert max(last) >= early - 64, "the largest free block has shrunk"
