"""What goes onto a board on which not all fits: found by walking imports, and enough to run."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from host_tests.harness.interpreter import WIDTHS
from host_tests.harness.line import BridgeProcess, Line
from host_tests.harness.node import LIGHT, Node, make_node
from host_tests.test_storage import fill
from tools.board.deploy import deploy
from tools.board.selection import RESERVE, Room, asked, example_drivers, part, select
from tools.board.targets import Folder
from tools.make.package import build, files
from tools.make.storage import FileSystem
from tools.play.broker import Broker
from tools.play.subscriber import Subscriber
from tools.shared import boards
from tools.shared.boards import Board
from tools.shared.errors import ToolError
from tools.shared.imports import drivers, modules, needed
from tools.shared.paths import LIB, MICROPYTHON
from tools.talk.dialog import signed
from tools.wiring.drivers import config_for

PYBOARD = boards.load("PYBV11")
QUIET = Console(quiet=True)
SECRET = "sixteen letters."


# --- the walk


def library(folder: Path, **sources: str) -> Path:
    for name, source in sources.items():
        path = folder / f"{name.replace('__', '/')}.py"
        path.parent.mkdir(exist_ok=True)
        path.write_text(source)
    return folder


@pytest.mark.parametrize(
    "code",
    [
        "import a.b",
        "from a import b",
        "from a.b import c as d",
        "def f():\n    if 0:\n        import a.b as c",
        "try:\n    from a.b import c\nexcept ImportError:\n    pass",
        "x = __import__('a.b').b",
        "y = __import__('a.b', None, None, ('c',))",
    ],
)
def test_an_import_is_found_however_it_is_written(code: str, tmp_path: Path) -> None:
    lib = library(tmp_path, start=code, a__b="import late", a__other="", late="", rest="")
    (lib / "a/__init__.py").touch()
    assert needed(["start"], lib=lib) == {"start", "a", "a.b", "late"}
    assert needed(["start"], {"a.b"}, lib) <= {"start", "a"}


@pytest.mark.parametrize("code", ["call('b', 'c', 'run', 1)", "overlay.call('b', 'c', 'run')"])
def test_what_is_called_and_forgotten_is_found(code: str, tmp_path: Path) -> None:
    lib = library(tmp_path, node__a=f"def f():\n    {code}", node__b__c="import c", c="")
    assert needed(["node.a"], lib=lib) == {"node.a", "node.b.c", "c"}


@pytest.mark.parametrize("code", ["call('b', name, 'run')", "__import__('mqtt.' + name)"])
def test_a_name_that_the_code_does_not_tell_stops_the_walk(code: str, tmp_path: Path) -> None:
    lib = library(tmp_path, a=f"x = 1\n{code}")
    with pytest.raises(ValueError, match=r"a\.py:2: an import that can't be found"):
        needed(["a"], lib=lib)


def test_all_of_lib_can_be_walked() -> None:
    assert needed(modules()) == modules().keys()


def test_the_walk_finds_what_is_called_and_forgotten_in_the_node() -> None:
    found = needed(["node.main"])
    for path in (LIB / "node").rglob("*.py"):
        for names in re.findall(r'\bcall\(\s*"(\w+)",\s*"(\w+)"', path.read_text()):
            assert ".".join(("node", *names)) in found, path
    assert {name for name in modules() if name.partition(".")[0] == "node"} <= found


# --- what is chosen


def chosen(board: Board, named: Iterable[str]) -> list[str]:
    return part(board, files(build("UNIX", quiet=True)), named)


def test_a_board_without_network_gets_nothing_that_needs_one() -> None:
    names = chosen(PYBOARD, ["dht11"])
    there = {name.removesuffix(".mpy") for name in names if name.startswith("lib/sensors/")}
    # Nothing is known of the config: it may name filters and formulas.
    there -= {f"lib/sensors/shared/{name}" for name in ("filters", "line", "steps")}
    shared = ("lib/sensors/filters/", "lib/sensors/derived/")
    there = {name for name in there if not name.startswith(shared)}
    assert there == {f"lib/sensors/{name}" for name in ("dht11", "dht22")}
    clients = ("simple", "robust", "client")
    for name in ("tls", "reach", "websocket", "v5", "wire5", "properties", *clients):
        assert f"lib/mqtt/{name}.mpy" not in names
    assert "lib/node/network/wifi.mpy" not in names
    assert {"lib/mqtt/serial.mpy", "lib/node/network/console.mpy"} <= {*names}
    assert {"boot.py", "lib/board.mpy"} <= {*names}


def test_a_board_with_network_keeps_what_its_node_uses_of_it() -> None:
    names = chosen(boards.load("ESP8266_GENERIC"), [])
    assert {f"lib/node/network/{name}.mpy" for name in ("wifi", "brokers")} <= {*names}
    assert "lib/mqtt/tls.mpy" in names
    assert "lib/mqtt/v5.mpy" not in names


def modules_for(board: Board, keys: Iterable[str], checks: bool = True) -> set[str]:
    names = part(board, files(build("UNIX", quiet=True)), ["relay"], {*keys}, checks)
    return {name.removeprefix("lib/").removesuffix(".mpy") for name in names}


_FILTERS = {f"sensors/filters/{name}" for name in ("chain", "effects", "steps")} | {
    f"sensors/shared/{name}" for name in ("filters", "line", "steps")
} | {"node/config/filters", "node/config/fields"}  # fmt: skip


def test_what_sends_the_config_is_where_home_assistant_is_not_asked_for() -> None:
    sends, composes = "node/homeassistant/step", "node/homeassistant/compose"
    names = modules_for(PYBOARD, ["mqtt", "serial"])
    assert sends in names and composes not in names
    assert sends not in modules_for(PYBOARD, ["mqtt", "serial"], checks=False)
    assert {sends, composes} <= modules_for(PYBOARD, ["mqtt", "serial", "homeassistant"])


@pytest.mark.parametrize(
    ("key", "modules"),
    [
        ("secret", {"node/commands/signed"}),
        ("delivery", {"node/delivery", "mqtt/durable"}),
        ("watchdog", {"node/start/watchdog"}),
        ("user", {"mqtt/engine/topic"}),
        ("filters", _FILTERS),
        (
            "formula",
            {f"sensors/derived/{name}" for name in ("parse", "air", "signs")}
            | {"node/config/formulas", "node/config/named", "node/config/fields"}
            | {"node/start/formulas"},
        ),
        (
            "rules",
            {f"node/rules/{name}" for name in ("compile", "engine", "parse", "sky", "tell")}
            | {f"node/config/{name}" for name in ("rules", "making_rules", "fields", "named")},
        ),
    ],
)
def test_what_a_config_does_not_ask_for_is_left_out(key: str, modules: set[str]) -> None:
    without = modules_for(PYBOARD, ["mqtt", "serial"])
    assert modules_for(PYBOARD, ["mqtt", "serial", key]) - without == modules
    assert modules <= modules_for(PYBOARD, [])  # where nothing is known of the config


def test_a_board_gets_mqtt_5_and_ethernet_if_its_config_asks_for_them() -> None:
    plain = modules_for(PYBOARD, ["mqtt", "serial"])
    five = modules_for(PYBOARD, ["mqtt", "serial", "version"])
    assert {"node/network/version_five", "mqtt/engine/v5", "mqtt/properties"} <= five - plain
    assert "node/config/network" in five - plain  # or the board would call the key unknown
    wired = modules_for(PYBOARD, ["mqtt", "host", "ethernet"])
    assert {"mqtt/transport", "node/network/brokers", "node/network/wifi"} <= wired
    assert "node/network/ethernet_link" in wired
    assert not {name for name in plain if "ethernet" in name or "websocket" in name}


def test_without_the_check_go_the_modules_that_it_alone_needs() -> None:
    left_out = modules_for(PYBOARD, []) - modules_for(PYBOARD, [], checks=False)
    assert {
        "node/config/verdict",
        "node/config/schema",
        "node/config/values",
        "node/config/pins",
        "node/config/strict",
        "board",
    } <= left_out
    assert (
        not {"node/config/load", "node/config/roles", "node/health/why", "node/start/sensors"}
        & left_out
    )


def test_a_package_without_code_takes_no_block() -> None:
    assert not {name for name in modules_for(PYBOARD, []) if name.endswith("__init__")}


SIZES = {"boot.py": 300, "main.py": 100, "lib/mqtt/link.mpy": 1000, "lib/mqtt/simple.mpy": 9000}
FAT = FileSystem("fat", 512)


def test_where_all_fits_all_is_chosen() -> None:
    for room in (Room(FAT), Room(FAT, 40_000, 40_000), Room(FAT, None, 40_000)):
        assert select(PYBOARD, SIZES, {}, [], room).names == list(SIZES)


def test_where_it_does_not_the_rest_is_left_out_and_counted() -> None:
    for room in (Room(FAT, 16_000), Room(FAT, 90_000, 16_000)):
        selection = select(PYBOARD, SIZES, {}, [], room)
        assert selection.names == ["boot.py", "main.py", "lib/mqtt/link.mpy"]
        assert selection.others == 1
        assert selection.left == 16_000 - 7 * 512  # five files with the record, and two folders


def test_room_for_an_update_is_kept_where_the_board_can_have_it() -> None:
    everything = FAT.taken({**SIZES, "petrel.json": 200})
    for room, update, chosen in (
        (Room(FAT, everything + 20_000), 20_000, len(SIZES)),
        (Room(FAT, everything + 20_000), 20_001, 3),
        (Room(FAT, everything + 20_000), 100_000, 3),  # it is left out, though that is too little
        (Room(FAT, None, 40_000), 100_000, len(SIZES)),
    ):
        assert len(select(PYBOARD, SIZES, {}, [], room, update=update).names) == chosen


@pytest.mark.parametrize("where", ["sent", "there", "none"])
def test_the_example_is_left_out_where_a_config_is(where: str) -> None:
    sizes = {**SIZES, "config.example.json": 300}
    config = {"config.json": 200}
    room = Room(FAT, 16_000, None, config if where == "there" else {})
    selection = select(PYBOARD, sizes, config if where == "sent" else {}, [], room)
    assert ("config.example.json" in selection.names) == (where == "none")


def test_a_board_that_is_too_small_is_told_with_both_figures() -> None:
    with pytest.raises(ToolError) as error:
        select(PYBOARD, SIZES, {"config.json": 3000}, [], Room(FAT, 11_000))
    assert error.value.message == (
        "PYBV11 has 11,000 bytes for files, in blocks of 512; 14,848 are needed, including 8,192 "
        "for what the node writes"
    )
    assert "fewer drivers" in error.value.hint


def test_a_full_board_is_told_what_is_free_and_what_is_needed() -> None:
    with pytest.raises(ToolError) as error:
        select(PYBOARD, SIZES, {}, [], Room(FAT, 90_000, 1024, {"photo": 80_000}))
    assert error.value.message.startswith("the board has 1,024 bytes free; 3,584 more are needed")


def test_what_is_replaced_or_removed_gives_its_room_back() -> None:
    there = {"main.py": 100, "lib/old.mpy": 2000, "lib/mine.py": 2000}
    room = Room(FAT, None, 5000, there, frozenset({"main.py", "lib/old.mpy"}))
    assert room.grows({"main.py": 513}) == 512 - 4 * 512
    assert room.grows({"main.py": 10}) == -4 * 512
    assert room.grows({"main.py": 10, "lib/old.mpy": 2049}) == 512


def test_a_board_that_has_it_all_keeps_it_all_when_its_node_has_filled_the_rest() -> None:
    there, new = {**SIZES, "outbox/1": 400_000}, {**SIZES, "main.py": 600}
    for free, others in ((1100, 0), (600, 1)):  # two blocks more are needed
        room = Room(FAT, None, free, there, frozenset(SIZES))
        assert select(PYBOARD, new, {}, [], room).others == others


def test_drivers_that_a_person_lists() -> None:
    assert asked("relay, bme280") == ("relay", "bme280")
    with pytest.raises(ToolError) as error:
        asked("bme28")
    assert error.value.hint.startswith("did you mean bme280?")


# --- a deploy of it, onto a real FAT


def onto(folder: Path, config: object, more: tuple[str, ...] = ()) -> str:
    """Deploy for a Pyboard; returns what was said. config: None keeps the one that is there."""
    path = folder.with_name("my.json") if config else None
    if path:
        path.write_text(json.dumps(config))
    console = Console(width=1000)
    with console.capture() as said:
        deploy(build("PYBV11", quiet=True), Folder(folder), path, console, PYBOARD, more)
    return said.get()


@pytest.mark.parametrize("driver", drivers())
def test_a_pyboard_takes_the_node_and_any_driver(driver: str, tmp_path: Path) -> None:
    entry = config_for(driver, PYBOARD)
    config = {"node": "n1", "mqtt": {"serial": "usb"}, "sensors": [entry]}
    drive = tmp_path / "drive"
    drive.mkdir()
    said = onto(drive, config)
    assert f"and the drivers: {driver}." in said
    block, empty, left = fill("fat", 114_688, drive)
    assert (block, empty) == (512, 97_280)
    assert left is not None and left >= RESERVE
    counted = int(re.findall(r"([\d,]+) bytes stay free", said)[0].replace(",", ""))
    assert left * 0.8 <= counted <= left
    code = f"import sensors.{driver} as it\nit.options()\nprint(it.DRIVER is not None)"
    done = subprocess.run(
        [str(MICROPYTHON["64"]), "-c", code],
        env={"MICROPYPATH": f"{drive}/lib:.frozen"}, capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert done.stdout == "True\n", done.stderr


def test_the_config_that_is_there_says_which_drivers(tmp_path: Path) -> None:
    drive = tmp_path / "drive"
    drive.mkdir()
    assert ", ".join(example_drivers()) in onto(drive, None)
    assert not (drive / "lib/sensors/relay.mpy").exists()
    (drive / "config.json").write_text('{"sensors": [{"driver": "relay"}]}')
    said = onto(drive, None)
    assert "and the drivers: relay." in said
    assert (drive / "lib/sensors/relay.mpy").exists()
    assert not (drive / "lib/sensors/analog.mpy").exists()
    onto(drive, None, more=("servo",))
    assert {"relay.mpy", "servo.mpy", "dimmer.mpy"} <= {p.name for p in drive.rglob("*.mpy")}
    assert fill("fat", 114_688, drive)[2]


def test_a_board_with_room_gets_everything(tmp_path: Path) -> None:
    folder = build("PYBD_SF2", quiet=True)
    deploy(folder, Folder(tmp_path), None, QUIET, boards.load("PYBD_SF2"))
    assert set(files(folder)) <= set(Folder(tmp_path).look().sizes)


# --- whole nodes, from exactly the files that were chosen

AIR = {"name": "air", "driver": "bme280", "sda": 21, "scl": 22, "interval": 0.3}
PROBE = {"name": "probe", "driver": "ds18b20", "pin": 18, "interval": 0.3}
RAIN = {"name": "rain", "driver": "pulse", "pin": 4, "pull": "up", "interval": 0.3, "keep": "rain"}
PUMP = {"name": "pump", "driver": "relay", "pin": 13}
SURE = {**LIGHT, "delivery": "must_deliver", "median": 3}
CASES: dict[str, tuple[list[dict[str, Any]], tuple[str, ...]]] = {
    "1-Wire": ([PROBE], ("probe",)),
    "I2C": ([AIR, PUMP], ("air/temperature", "pump")),
    "a counter that is kept": ([RAIN], ("rain/total",)),
    "must_deliver": ([SURE], ("light",)),
}


def wire(node: Node) -> None:
    node.bench.world.wire("wire:18", {"model": "ds18b20", "temperature": 20.5, "seconds": 0})
    node.bench.world.wire("i2c:21,22", {"model": "bme280", "temperature": 18.25})


def lived(node: Node, topics: Iterable[str]) -> None:
    """The node runs, takes every command, restarts itself with what waits, and runs again."""
    for topic in topics:
        node.wait(topic)
    assert "faults" not in node.wait("diagnostics")
    assert node.command("ping")["ok"]
    assert node.command("read")["ok"]
    sensor = next(iter(topics)).split("/")[0]
    assert node.command("interval", json.dumps({"sensor": sensor, "seconds": 0.2}))["ok"]
    assert node.command("diagnostics")["ok"]
    start = len(node.seen.messages)
    assert node.command("reboot")["ok"]
    for topic in topics:
        node.wait(topic, start=start)
    again = node.wait("diagnostics", start=start)
    assert "why" not in again and "faults" not in again, again


@pytest.fixture
def line(tmp_path: Path) -> Iterator[Line]:
    with Line(tmp_path) as line:
        yield line


def small_node(
    folder: Path, broker: Broker, seen: Subscriber, line: Line, sensors: list[dict[str, Any]]
) -> Node:
    """A node with the least files that a Pyboard gets for these sensors, on a serial line."""
    keys = {"mqtt", "serial", *(key for each in sensors for key in each)}
    names = part(
        PYBOARD,
        files(build("UNIX", quiet=True)),
        [each["driver"] for each in sensors],
        keys,
        checks=False,
    )
    return make_node(
        folder / "flash", WIDTHS[-1], broker, seen,
        names=names, serial=line.board.fileno(), clock="unset",
    )  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_a_node_on_the_serial_line(
    case: str, tmp_path: Path, line: Line, broker: Broker, seen: Subscriber
) -> None:
    sensors, topics = CASES[case]
    node = small_node(tmp_path, broker, seen, line, sensors)
    wire(node)
    node.write_config(node.config(wifi=None, mqtt={"serial": "usb"}, sensors=sensors))
    with BridgeProcess(line.port, broker) as bridge, node.bench:
        node.bench.power_on()
        lived(node, topics)
        assert not [said for said in bridge.lines if "no module" in said]


def test_a_node_over_wifi_with_signed_commands(
    tmp_path: Path, broker: Broker, seen: Subscriber
) -> None:
    names = chosen(boards.load("ESP8266_GENERIC"), ["analog", "digital"])
    node = make_node(tmp_path, WIDTHS[-1], broker, seen, names=names)
    node.write_config(node.config(commands={"secret": SECRET}))
    with node.bench:
        node.bench.power_on()
        node.wait("light")
        topic = "petrel/n1/cmd/ping"
        node.seen.publish(topic, signed(SECRET, topic, b"", 1).decode())
        node.wait("reply/ping")
        assert not [said for said in node.bench.lines if "no module" in said]


def test_a_wrong_config_is_told_as_ever(tmp_path: Path, broker: Broker, seen: Subscriber) -> None:
    node = make_node(tmp_path, WIDTHS[-1], broker, seen, names=chosen(PYBOARD, ["analog"]))
    sensors = [{**LIGHT, "pin": 25}, {"name": "air", "driver": "bme280", "sda": 21, "scl": 22}]
    node.write_config(node.config(wifi=None, mqtt={"serial": "usb"}, sensors=sensors))
    with node.bench:
        node.bench.power_on()
        node.bench.wait_for_line(r"sensors\[0\]\.pin: GPIO25 can't measure")
        node.bench.wait_for_line(r"sensors\[1\]\.driver: .*bme280")


def test_a_board_without_the_check_says_so_and_goes_on_with_the_last_good_config(
    tmp_path: Path, broker: Broker, seen: Subscriber, line: Line
) -> None:
    node = small_node(tmp_path, broker, seen, line, [LIGHT])
    node.write_config(node.config(wifi=None, mqtt={"serial": "usb"}, sensors=[LIGHT]))
    with BridgeProcess(line.port, broker) as bridge, node.bench:
        node.bench.power_on()
        node.wait("light")
        assert [said for said in bridge.lines if "config.json: not checked" in said]
        (node.flash / "config.json").write_text('{"mqtt": ')
        node.obeys()
        assert node.command("reboot")["ok"]
        assert node.seen.seen(_unusable, 40), bridge.lines
        start = len(seen.messages)
        node.wait("light", start=start)


def _unusable(topic: str, payload: str) -> bool:
    if not topic.endswith("/diagnostics"):
        return False
    faults = "; ".join(json.loads(payload).get("faults", []))
    return "config.json: not usable" in faults and "config.json.old, the last good" in faults


def test_a_pyboard_takes_two_drivers_and_signed_commands(tmp_path: Path) -> None:
    sensors = [config_for(driver, PYBOARD) for driver in ("bme280", "relay")]
    sensors[1]["pin"] = "X3"
    drive = tmp_path / "drive"
    drive.mkdir()
    mqtt, commands = {"serial": "usb"}, {"secret": SECRET}
    said = onto(drive, {"node": "n1", "mqtt": mqtt, "commands": commands, "sensors": sensors})
    assert "The check of the config was left out too" in said
    assert {"bme280", "relay", "signed"} <= {path.stem for path in drive.rglob("*.mpy")}
    left = fill("fat", 114_688, drive)[2]
    assert left is not None and left >= RESERVE
