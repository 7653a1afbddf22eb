"""`doctor`: a node that is well, and everything that can be wrong with one, in words."""

from __future__ import annotations

import json
import os
import pty
import re
import threading
import tty
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from host_tests.harness.commands import Command
from host_tests.harness.node import DOOR, LIGHT, Node
from host_tests.harness.serial_board import SerialBoard
from host_tests.test_send import Answering, at, run
from tools.board.deploy import deploy
from tools.board.targets import Folder, Mpremote
from tools.doctor import usb
from tools.doctor.command import command
from tools.doctor.findings import Level, cure_of
from tools.doctor.heard import Heard
from tools.doctor.node import judge
from tools.make.mip import version
from tools.play.broker import Broker
from tools.play.subscriber import Subscriber
from tools.shared.paths import ROOT

DOCTOR = Command(command)
SOUND = {"version": version(), "board": "ESP32_GENERIC", "mode": "normal", "reset": "pwron",
         "uptime": 9000, "heap_free": 90_000, "waiting": 0, "refused": 0, "drops": 0,
         "connects": 1, "skipped": 0, "rssi": -60}  # fmt: skip


def heard(its_config: Any = None, **told: Any) -> Heard:
    """A node that is online and well, except for what is told."""
    reply: dict[str, Any] = {"ok": True}
    found = Heard("n1", kept={"status": "online", "diagnostics": {**SOUND, **told}})
    found.replies = {"diagnostics": reply, "config/get": {**reply, "config": its_config or {}}}
    found.seconds = 20
    return found


def faults(found: Heard) -> str:
    """What isn't as it should be, with the cures, in one line each."""
    return "\n".join(
        f"{each.level.name} {each.what} | {each.cure}"
        for each in judge(found)
        if each.level != Level.OK
    )


# --- over MQTT


def test_a_node_that_is_well(node: Node, broker: Broker) -> None:
    node.write_config(node.config())
    node.bench.power_on()
    node.wait("light")
    node.obeys()
    said = DOCTOR.said("n1", *at(broker))
    assert re.search(r"ok  n1 is online\n", said) and "ok  it answers commands\n" in said, said
    assert re.search(r"ok  light reports: \d+ readings in \d+ s\n", said), said
    assert f"Petrel {version()} on UNIX, up for" in said
    assert said.rstrip().splitlines()[-1].startswith("nothing is wrong")


def test_a_sensor_that_fails_is_told_with_its_cure(node: Node, broker: Broker) -> None:
    climate = {"name": "climate", "driver": "bme280", "scl": 22, "sda": 21, "interval": 0.2}
    node.write_config(node.config(sensors=[DOOR, climate]))
    node.bench.power_on()
    node.wait("diagnostics", 60, failing=["climate"])
    result = DOCTOR.run("n1", *at(broker))
    assert result.exit_code == 1
    assert "wrong  climate: " in result.output
    assert "check power, SDA and SCL" in " ".join(result.output.split())


def test_a_node_that_is_off_is_told_with_the_last_that_it_said(node: Node, broker: Broker) -> None:
    node.write_config(node.config())
    node.bench.power_on()
    node.wait("diagnostics")
    start = len(node.seen.messages)
    node.bench.power_off()
    node.wait("status", 60, start)
    result = DOCTOR.run("n1", *at(broker))
    assert result.exit_code == 1
    assert "wrong  n1 is offline" in result.output and "Petrel " in result.output


def test_a_name_that_is_not_there_is_answered_with_those_that_are(
    broker: Broker, seen: Subscriber
) -> None:
    for name in ("greenhouse", "cellar"):
        seen.publish(f"petrel/{name}/status", "online", retain=True)
        seen.wait(f"petrel/{name}/status")
    said = DOCTOR.run("grenhouse", *at(broker)).output
    assert "has nothing from petrel/grenhouse" in said and "Did you mean greenhouse?" in said
    assert "Nodes there: cellar, greenhouse." in DOCTOR.run("attic", *at(broker)).output


def test_it_listens_as_long_as_it_is_told_to_and_says_who_is_silent(broker: Broker) -> None:
    config = {"sensors": [{**LIGHT, "interval": 0.3}, DOOR]}
    with Answering(broker, {"ok": True, "config": config}), Subscriber(broker) as seen:
        seen.publish("petrel/n1/status", "online", retain=True)
        seen.wait("petrel/n1/status")
        result = DOCTOR.run("n1", "--seconds", "1", *at(broker))
    assert result.exit_code == 1
    assert "light should report every 0.3 s, and said nothing for" in result.output
    assert "door" not in result.output


@pytest.mark.parametrize(
    ("filters", "seconds"),
    [
        ([], 5),
        ([{"median": 5}, {"to": "F"}], 5),
        ([{"throttle": 60}], 65),
        ([{"over": 60}, {"delta": 1, "heartbeat": 600}], 665),
        ([{"delta": 1}], None),
        ([{"outlier": 3}], None),
        ([3, {"throttle": "x"}], 5),
        ("x", 5),
    ],
)
def test_values_that_filters_hold_back_are_not_missed(filters: Any, seconds: float | None) -> None:
    found = heard({"sensors": [{"name": "air", "interval": 5, "filters": filters}]})
    assert found.sensors() == ({} if seconds is None else {"air": seconds})
    assert ("air should report" in faults(found)) == (seconds == 5)


@pytest.mark.parametrize(
    ("reply", "words"),
    [
        (None, "answers no command | The broker's rules"),
        ({"ok": False, "error": "not signed"}, "This node accepts only signed commands"),
    ],
)
def test_what_keeps_it_from_answering(reply: Any, words: str) -> None:
    found = heard()
    found.replies = {"diagnostics": reply, "config/get": reply}
    assert words in faults(found)


@pytest.mark.parametrize(
    ("told", "words"),
    [
        ({"mode": "safe", "why": "ValueError: x", "crashes": 3}, "WRONG it is in safe mode"),
        ({"why": "ValueError: x", "crashes": 2}, "WRONG it crashed 2 times in a row: ValueError"),
        ({"faults": ["sensors[0].pin: 99"]}, "WRONG sensors[0].pin: 99"),
        ({"failing": ["a"], "error": "a: no answer, check SDA, SCL and power"},
         "WRONG a: no answer, check SDA, SCL and power | Nothing answers at that I2C address"),
        ({"failing": ["a", "b"], "error": "b: no"}, "WRONG a: fails each time"),
        ({"error": "ntp: pool.ntp.org does not answer"}, "LOOK the last error: ntp"),
        ({"rssi": -82}, "LOOK its Wi-Fi is weak: -82 dBm | Move the board or the router."),
        ({"rssi": -90}, "WRONG its Wi-Fi is weak"),
        ({"connects": 30}, "LOOK it had to connect 30 times in 2 hours"),
        ({"wifi_restarts": 4}, "LOOK it switched its Wi-Fi off and on 4 times"),
        ({"not_subscribed": ["x/#"]}, "LOOK it may not subscribe to x/#"),
        ({"set_aside": {"a/b": 2}}, "LOOK it may not use a/b"),
        ({"waiting": 20}, "LOOK 20 messages wait"),
        ({"refused": 7}, "LOOK 7 readings found no room"),
        ({"drops": 1}, "LOOK 1 failure since its start: readings, connections, or commands that "
         "it did not obey | Its last error says which; petrel logs n1"),
        ({"skipped": 2}, "LOOK 2 messages too large for it to take | Who sends so much to"),
        ({"lost": 3}, 'LOOK 3 messages not kept over a restart | "delivery": "must_deliver"'),
        ({"denied": {"count": 2, "reason": "not authorized"}},
         "LOOK the broker refused what it sent 2 times, the last time with: not authorized |"),
        ({"flash": {"errors": 1, "damaged": 0, "lost": 0}}, "LOOK its flash: 1 errors"),
        ({"heap_free": 900}, "LOOK only 900 bytes of its RAM are free"),
        ({"version": "0.0.1"}, "LOOK Petrel 0.0.1 on ESP32_GENERIC, up for 2 hours; here is"),
        ({"reset": "wdt"}, "LOOK its watchdog had to restart it"),
        ({"config": "no connection in 300 s"}, "LOOK it went back to its config before"),
    ],
    ids=str,
)  # fmt: skip
def test_each_thing_that_can_be_wrong(told: dict[str, Any], words: str) -> None:
    assert words in faults(heard(**told))
    assert faults(heard()) == ""


def test_every_field_of_the_diagnostics_is_looked_at() -> None:
    page = (ROOT / "docs/topics.md").read_text().partition("The diagnostics:")[2]
    rows = re.findall(r"^\| ((?:`\w+`(?:, )?)+) \|", page.partition("## Commands")[0], re.M)
    fields = [name for row in rows for name in re.findall(r"`(\w+)`", row)]
    code = (ROOT / "tools/doctor/node.py").read_text()
    # Of these nothing follows: a queue that was made smaller, restarts that were asked for, a
    # trial that is going on, a clock that was set right, what ended a sleep.
    told = {*fields} - {"queue", "restarts", "changed", "clock", "wake"}
    assert len(told) > 20
    assert [name for name in told if not re.search(rf"[\"']{name}[\"']", code)] == []


@pytest.mark.parametrize("nonsense", [None, "x", 3, [1], {"a": None}])
def test_nothing_that_a_node_tells_makes_it_fail(nonsense: Any) -> None:
    fields = re.findall(
        r'told(?:\.get\(|\[|, )"(\w+)"', Path(judge.__code__.co_filename).read_text()
    )
    assert len(fields) > 10
    assert judge(heard(**dict.fromkeys(fields, nonsense)))
    assert judge(heard(nonsense))
    found = heard()
    found.kept = {"status": nonsense, "diagnostics": nonsense, "update/state": nonsense}
    found.replies = {"config/get": nonsense}
    assert judge(found)


def test_a_clock_that_is_not_set_shows_in_the_readings() -> None:
    found = heard()
    found.readings = {"light": [{"value": 1, "uptime": 4}]}
    assert "LOOK its clock isn't set" in faults(found)
    found.readings = {"light": [{"value": 1, "time": 1795218370}]}
    assert faults(found) == ""


def test_a_name_and_a_port_are_too_much() -> None:
    assert "both given" in DOCTOR.refused("n1", "--port", "/dev/null")


def test_no_broker_is_one_clear_message() -> None:
    done = run("doctor", "n1", "--host", "127.0.0.1:1")
    assert done.returncode == 1 and "no broker at 127.0.0.1:1" in done.stderr


# --- on USB


CONFIG: dict[str, Any] = {
    "wifi": {"ssid": "home", "password": "long enough"},
    "mqtt": {"host": "10.0.0.2"},
    "sensors": [{"name": "door", "driver": "digital", "pin": 4}],
}


@pytest.fixture
def board(tmp_path: Path) -> Iterator[SerialBoard]:
    """A board with a Petrel of a few files on it, and a good config."""
    package = tmp_path / "package"
    for name, text in {"boot.py": "x", "main.py": "x", "board.txt": "ESP32_GENERIC"}.items():
        (package / "lib").mkdir(parents=True, exist_ok=True)
        (package / name).write_text(text)
    (package / "lib/x.mpy").write_text("x")
    root = tmp_path / "board"
    root.mkdir()
    (root / "config.json").write_text(json.dumps(CONFIG))
    deploy(package, Folder(root), None, Console(quiet=True))
    with SerialBoard(root) as board:
        yield board


def of_board(board: SerialBoard) -> str:
    """What the doctor finds on it, before it is started."""
    target = Mpremote(board.port)
    found = target.look()
    texts: dict[str, str] = {name: target.text(name) for name in ("board.txt", "config.json")
             if name in found.sizes}  # fmt: skip
    return "\n".join(f"{each.level.name} {each.what}" for each in usb.of_files(found, texts))


def test_a_board_that_is_well(board: SerialBoard) -> None:
    said = of_board(board)
    assert "OK Petrel for ESP32_GENERIC is on it, as files" in said
    assert "OK its config is good" in said and "WRONG" not in said


def test_what_is_wrong_with_a_board_is_told_and_the_board_is_started(board: SerialBoard) -> None:
    config = {**CONFIG, "sensors": [{"name": "door", "driver": "digital", "pin": 99}]}
    (board.root / "config.json").write_text(json.dumps(config))
    (board.root / "maintenance").touch()
    (board.root / "lib/x.mpy").unlink()
    result = DOCTOR.run("--port", board.port)
    board.wait_reset()
    assert result.exit_code == 1
    for words in ("not complete on it: lib/x.mpy", "maintenance keeps Petrel", "sensors[0].pin"):
        assert words in result.output, result.output
    assert CONFIG["wifi"]["password"] not in result.output


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        (".petrel.json", None, "there is no Petrel on it"),
        ("config.json", None, "it has no config.json"),
        ("config.json", "{", "its config.json is not JSON"),
        ("config.json", '{"mqtt": {"ca": "ca.pem"}}', "mqtt.ca: ca.pem is not on the board"),
        ("config.json", "[]", "WRONG"),
    ],
)
def test_what_a_board_can_lack(
    board: SerialBoard, name: str, text: str | None, words: str
) -> None:
    if text is None:
        (board.root / name).unlink()
    else:
        (board.root / name).write_text(text)
    assert words in of_board(board)


@contextmanager
def printing(*lines: str) -> Iterator[str]:
    """A port at which a board prints these lines, again and again: opening it drops what came."""
    board, line = pty.openpty()
    tty.setraw(line)
    over = threading.Event()

    def go_on() -> None:
        while not over.wait(0.05):
            os.write(board, "".join(f"{each}\r\n" for each in lines).encode())

    thread = threading.Thread(target=go_on)
    thread.start()
    try:
        yield os.ttyname(line)
    finally:
        over.set()
        thread.join()
        os.close(board)
        os.close(line)


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        (("boot noise \ufffd", "Petrel: connected"), "OK it has connected"),
        (('Petrel: wifi: "home" refused the password',), "Check wifi.password"),
        (("Petrel: wifi: hm",), "has not connected within 1 s; it said: wifi: hm"),
        (("MicroPython v1.26",), "printed nothing of Petrel's within 1 s"),
    ],
)
def test_what_a_board_prints_is_explained(lines: tuple[str, ...], words: str) -> None:
    with printing(*lines) as port:
        heard_lines = list(usb.listen(port, 1, Console(quiet=True)))
    found = usb.of_console(heard_lines, 1)
    assert words in "\n".join(f"{each.level.name} {each.what} {each.cure}" for each in found)


def test_the_cures_are_those_of_the_page_without_its_links() -> None:
    assert cure_of("x refused the password of y").startswith("Check wifi.password.")
    assert cure_of("run out of memory") == "Does it fit?: docs/config.md"
    assert cure_of("nothing of the kind") == ""
