"""The config changed by a command: checked, put into its place, proven, or taken back."""

from __future__ import annotations

import json
import subprocess
import threading
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner, Result

from host_tests.harness.interpreter import WIDTHS
from host_tests.harness.node import DOOR, WIFI, Node, make_node
from host_tests.harness.whole_nodes import BOARD, stand_ins
from host_tests.test_ram import CONFIG, ROM_SCRIPT, SCRIPT, THREE, TWO
from tools.make.package import build
from tools.play.broker import Broker
from tools.play.subscriber import Subscriber
from tools.shared.errors import ToolError
from tools.shared.paths import MICROPYTHON, ROOT
from tools.shared.process import popen
from tools.talk.config import command
from tools.talk.dialog import signed

WAIT_S = 60
SOON = {"trial": 30}  # seconds until it goes back


def outcome(node: Node, start: int, name: str | None = None) -> dict[str, Any]:
    """What the node tells once it is connected again."""
    topic = f"petrel/{name or node.name}/reply/config"
    found: list[dict[str, Any]] = []

    def told(its: str, payload: str) -> bool:
        if its == topic and "applied" in payload:
            found.append(json.loads(payload))
        return bool(found)

    assert node.seen.seen(told, 2 * WAIT_S, start), node.bench.lines
    return found[0]


def on_flash(node: Node) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((node.flash / "config.json").read_text())
    return found


def wait_for_readings(node: Node) -> None:
    """Wait until it has read a sensor that it reads five times a second for some seconds more."""
    start = len(node.seen.messages)
    first = node.wait("light", WAIT_S, start=start)["seq"]

    def later(topic: str, payload: str) -> bool:
        return topic == f"petrel/{node.name}/light" and json.loads(payload)["seq"] >= first + 25

    assert node.seen.seen(later, WAIT_S, start), node.bench.lines


def left_over(node: Node) -> set[str]:
    """Files of a change that is over, in the moment after that was told."""
    node.obeys()
    return {path.name for path in node.flash.glob("config.json.*")} - {"config.json.old"}


def many_doors() -> list[dict[str, Any]]:
    pins = (13, 14, 18, 19, 21, 22, 23, 25, 26, 27, 32, 33)
    shown = {"name": "a contact " * 6}
    return [{**DOOR, "name": f"door{pin}", "pin": pin, "homeassistant": shown} for pin in pins]


def test_a_part_is_checked_stored_and_proven(running: Node) -> None:
    start = len(running.seen.messages)
    reply = running.command("config", json.dumps({"sensors": {"light": {"interval": 3}}}))
    assert reply == {"ok": True, "restarts": True, "checked": True}
    assert outcome(running, start) == {"ok": True, "applied": True}
    assert on_flash(running)["sensors"][1]["interval"] == 3
    assert on_flash(running)["wifi"] == WIFI
    assert not left_over(running)


def test_faults_are_told_with_their_paths_and_nothing_changes(running: Node) -> None:
    before = (running.flash / "config.json").read_text()
    for part, fault in (
        ({"sensors": {"1": {"interval": -1}}}, "sensors[1].interval: -1 is wrong"),
        ({"sensors": {"door": {"pin": 99}}}, "sensors[0].pin: "),
        ({"sensors": {"7": {"interval": 1}}}, 'there is no "7" in a list of 2'),
        ({"wifi": {"ssid": None}}, "wifi.ssid: missing. The node would be cut off."),
        ({"nonsense": 1}, "nonsense: unknown"),
        ([], "payload: it has to be an object"),
    ):
        reply = running.command("config", json.dumps(part))
        assert not reply["ok"] and reply["error"].startswith(fault), reply
    assert "payload: line 1" in running.command("config", '{"queue": 1,}')["error"]
    assert "payload: line 1" in running.command("config", "")["error"]
    assert (running.flash / "config.json").read_text() == before
    assert not left_over(running) - {"config.json.new"}
    assert running.bench.resets == ["power on", "soft"]


def test_the_config_is_told_without_its_secrets(node: Node) -> None:
    mqtt = {**node.config()["mqtt"], "user": "n1", "password": "canary-1"}
    node.write_config(json.dumps(node.config(mqtt=mqtt), indent=2))
    node.bench.power_on()
    node.wait("diagnostics", WAIT_S)
    node.obeys()
    told = node.command("config/get")
    assert told["ok"]
    assert told["config"] == {
        **node.config(),
        "wifi": {**WIFI, "password": None},
        "mqtt": {**mqtt, "password": None},
    }
    assert not any("canary" in payload for _, payload in node.seen.messages)


def test_a_whole_config_larger_than_the_buffer_keeps_its_secrets(running: Node) -> None:
    sensors = many_doors()
    config = running.config(sensors=sensors, wifi={"ssid": WIFI["ssid"], "password": None})
    text = json.dumps(config)
    assert len(text) > 1500
    start = len(running.seen.messages)
    reply = running.command("config/put", text)
    assert reply["ok"], reply
    assert outcome(running, start)["ok"]
    assert on_flash(running)["wifi"] == WIFI
    told = running.command("config/get")
    assert told["config"]["sensors"] == sensors


def test_a_config_of_16_kilobytes_is_taken(running: Node) -> None:
    running.obeys()
    text = json.dumps(running.config(queue=17)).ljust(16_384)
    start = len(running.seen.messages)
    assert running.command("config/put", text)["ok"]
    assert outcome(running, start)["ok"]
    assert on_flash(running)["queue"] == 17


CHANGES: dict[str, tuple[dict[str, Any], str]] = {
    "a wrong password": ({"wifi": {"password": "not the password"}}, "refused the password"),
    "no such network": ({"wifi": {"ssid": "elsewhere"}}, "not found"),
    "a wrong broker": ({"mqtt": {"port": 1}}, ""),
    "refused credentials": ({"mqtt": {"password": "not the password"}}, ""),
}


@pytest.mark.parametrize("case", CHANGES)
def test_a_config_without_a_connection_is_taken_back(case: str, tmp_path: Path) -> None:
    part, why = CHANGES[case]
    login = ("n1", "its password")
    users = dict([login])
    with Broker(users=users) as broker, Subscriber(broker, login=login) as seen:
        node = make_node(tmp_path, WIDTHS[-1], broker, seen)
        mqtt = {**node.config()["mqtt"], "user": login[0], "password": login[1]}
        node.write_config(node.config(commands=SOON, mqtt=mqtt))
        with node.bench:
            node.bench.power_on()
            node.wait("diagnostics", WAIT_S)
            node.obeys()
            before = on_flash(node)
            start = len(seen.messages)
            assert node.command("config", json.dumps(part))["restarts"]
            told = outcome(node, start)
            assert not told["ok"] and "went back" in told["error"] and why in told["error"], told
            assert on_flash(node) == before
            assert not left_over(node)
            about = node.wait("diagnostics", WAIT_S, start=start, config=told["error"])
            assert about["mode"] == "normal"


def test_a_power_cut_while_it_has_yet_to_connect_changes_nothing_of_that(node: Node) -> None:
    node.write_config(node.config(commands=SOON))
    node.bench.power_on()
    node.wait("diagnostics", WAIT_S)
    node.obeys()
    start = len(node.seen.messages)
    assert node.command("config", '{"mqtt": {"port": 1}}')["restarts"]
    for _ in range(2):
        lines = len(node.bench.lines)
        node.bench.wait_for_line("not connected", WAIT_S, lines)
        node.bench.power_cut()
    told = outcome(node, start)
    assert not told["applied"] and "went back" in told["error"]


def test_a_signed_config_is_taken_and_one_with_another_secret_is_not(node: Node) -> None:
    secret = "sixteen letters."
    node.write_config(node.config(commands={"secret": secret}))
    node.bench.power_on()
    node.wait("diagnostics", WAIT_S)
    text = json.dumps(node.config(queue=16, sensors=[DOOR, *many_doors()]))
    assert len(text) > 1000
    for number, key, good in ((1, "another secret...", False), (2, secret, True)):
        topic = "petrel/n1/cmd/config/put"
        reply: dict[str, Any] = {"error": "wait"}
        while reply.get("error", "").startswith("wait"):  # one as long counts as 15 commands
            start = len(node.seen.messages)
            node.seen.publish(topic, signed(key, topic, text.encode(), number).decode())
            reply = node.wait("reply/config/put", WAIT_S, start=start)
            if not reply["ok"]:
                wait_for_readings(node)  # meanwhile it comes to take another one
        assert reply["ok"] == good, reply
    assert outcome(node, start)["ok"]
    assert on_flash(node)["commands"] == {"secret": secret}
    assert on_flash(node)["queue"] == 16


def run(node: Node, *arguments: str, answer: str = "", **environment: str) -> Result:
    where = ["--host", f"{node.broker.host}:{node.broker.port}"]
    return CliRunner().invoke(command, ["n1", *where, *arguments], input=answer, env=environment)


def test_the_command_shows_asks_sends_and_waits(running: Node) -> None:
    running.obeys()
    shown = run(running)
    assert json.loads(shown.output)["wifi"] == {**WIFI, "password": None}
    refused = run(running, "--set", "sensors.light.interval=5", answer="n\n")
    assert '-      "interval": 0.2,' in refused.output
    assert '+      "interval": 5,' in refused.output
    assert isinstance(refused.exception, click.Abort | SystemExit)
    assert on_flash(running)["sensors"][1]["interval"] == 0.2
    done = run(running, "--set", "sensors.light.interval=5", answer="y\n")
    assert "n1 has restarted, and is connected with the new config.\n" in done.output, done
    assert on_flash(running)["sensors"][1]["interval"] == 5


def test_the_command_sends_a_file_and_follows_the_node_to_its_new_name(
    running: Node, tmp_path: Path
) -> None:
    running.obeys()
    file = tmp_path / "my.json"
    file.write_text(json.dumps({**running.config(node="n2"), "wifi": {"ssid": WIFI["ssid"]}}))
    done = run(running, "--file", str(file), "--yes")
    assert done.exit_code == 0 and "connected with the new config" in done.output, done
    assert on_flash(running)["node"] == "n2"
    assert on_flash(running)["wifi"] == WIFI
    assert "no reply" in str(run(running, "--wait", "1").exception)


@pytest.mark.parametrize(
    ("arguments", "error", "hint"),
    [
        (["--set", "sensors.light.interval=-1"], "sensors.light.interval: -1 is wrong", "Use "),
        (["--set", "sensors.light.pin=99"], "n1 refused it", "sensors[1].pin: "),
        (["--set", "sensors.7.interval=1"], 'there is no "7" in a list of 2', "--set takes"),
        (["--set", "queue"], "'queue' is no setting", "Write it as"),
    ],
)
def test_the_command_says_what_is_wrong(
    running: Node, arguments: list[str], error: str, hint: str
) -> None:
    running.obeys()
    done = run(running, *arguments, "--yes")
    assert isinstance(done.exception, ToolError)
    assert error in done.exception.message and hint in str(done.exception.hint)
    assert len(running.bench.resets) == 2


def test_the_command_signs_what_it_sends(node: Node) -> None:
    secret = "sixteen letters."
    node.write_config(node.config(commands={"secret": secret}))
    node.bench.power_on()
    node.wait("diagnostics", WAIT_S)
    refused = run(node, "--set", "queue=9", "--yes")
    assert isinstance(refused.exception, ToolError)
    done = run(node, "--set", "queue=9", "--yes", PETREL_SECRET=secret)
    assert "connected with the new config" in done.output, done
    assert on_flash(node)["queue"] == 9


def test_make_config(running: Node) -> None:
    running.obeys()
    words = ["make", "--no-print-directory", "-o", "setup-host", "config", "NODE=n1", "YES=1"]
    where = f"HOST={running.broker.host}:{running.broker.port}"
    done = subprocess.run(
        [*words, where, "SET=sensors.0.invert=false queue=9"],
        cwd=ROOT, capture_output=True, text=True, timeout=3 * WAIT_S,
    )  # fmt: skip
    assert "connected with the new config" in done.stdout, done.stdout + done.stderr
    assert on_flash(running)["queue"] == 9 and not on_flash(running)["sensors"][0]["invert"]


# --- in the heap of an ESP8266


class Board:
    """A node in a heap of that size, which starts again whenever it ends; a context manager."""

    def __init__(self, folder: Path, heap: str, script: list[str]) -> None:
        self._command = [str(MICROPYTHON["32"]), "-X", f"heapsize={heap}", *script]
        self._folder = folder
        self.said = ""
        self._off = False
        self._process: subprocess.Popen[str] | None = None
        self._life = threading.Thread(target=self._live, daemon=True)

    def __enter__(self) -> Board:
        self._life.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._off = True
        if self._process:
            self._process.kill()
        self._life.join(WAIT_S)

    def _live(self) -> None:
        while not self._off:
            self._process = popen(
                self._command, cwd=self._folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
            )
            assert self._process.stdout
            for line in self._process.stdout:
                self.said += line
            self._process.wait()


def told_by(seen: Subscriber, below: str, start: int, has: str = "") -> dict[str, Any]:
    found: list[str] = []

    def wanted(topic: str, payload: str) -> bool:
        if topic == f"petrel/n1/{below}" and has in payload:
            found.append(payload)
        return bool(found)

    assert seen.seen(wanted, 2 * WAIT_S, start), below
    message: dict[str, Any] = json.loads(found[0])
    return message


@pytest.mark.parametrize(
    ("what", "heap"),
    [(TWO, "38K"), *((each, "38K") for each in THREE.values()), (TWO, "41K")],
    ids=["two", *THREE, "from files"],
)
def test_it_works_in_38_kilobytes_from_a_rom_and_in_41_from_files(
    what: tuple[tuple[str, ...], list[dict[str, Any]]],
    heap: str,
    tmp_path: Path,
    rom: Path,
    broker: Broker,
    seen: Subscriber,
) -> None:
    """The check follows after a restart there: with the node there is no room for it."""
    mqtt = {"host": broker.host, "port": broker.port}
    sensors = [{**each, "interval": 60} for each in what[1]]
    (tmp_path / "config.json").write_text(json.dumps({**CONFIG, "mqtt": mqtt, "sensors": sensors}))
    name = sensors[0]["name"]
    script = [str(ROM_SCRIPT), str(rom)]
    if heap == "41K":
        script = [str(SCRIPT)]
        (tmp_path / "rom").symlink_to(stand_ins())
        (tmp_path / "lib").symlink_to(build(BOARD, quiet=True) / "lib")
    with Board(tmp_path, heap, script) as board:
        told_by(seen, "diagnostics", 0)
        seen.publish("petrel/n1/cmd/config/get", "")
        told = told_by(seen, "reply/config/get", 0)
        assert told["config"]["sensors"] == sensors
        for value, good in ((7, True), (-7, False), (9, True)):
            start = len(seen.messages)
            part = {"sensors": {name: {"interval": value}}}
            seen.publish("petrel/n1/cmd/config", json.dumps(part))
            reply = told_by(seen, "reply/config", start)
            assert reply == {"ok": True, "restarts": True, "checked": False}, board.said
            assert told_by(seen, "reply/config", start, "applied")["applied"] == good, board.said
            told_by(seen, "diagnostics", len(seen.messages))
        found = json.loads((tmp_path / "config.json").read_text())
        assert found["sensors"][0]["interval"] == 9
    assert "Traceback" not in board.said and "memory" not in board.said, board.said


@pytest.mark.parametrize(
    ("heap", "count", "length"),
    [("38K", 21, 68), ("38K", 7, 200), ("33K", 7, 200)],
    ids=["too many", "long", "without the memory"],
)
def test_a_config_with_1400_bytes_more_is_answered_from_a_rom(
    heap: str,
    count: int,
    length: int,
    tmp_path: Path,
    rom: Path,
    broker: Broker,
    seen: Subscriber,
) -> None:
    """Whether it is taken or not."""
    labels = ".".join(["x" * 50] * 4)
    hosts = [broker.host, *(f"broker-{i}.{labels}"[:length] for i in range(count))]
    mqtt = {"host": broker.host, "port": broker.port}
    sensors = [{**each, "interval": 60} for each in THREE["the largest"][1]]
    config = {**CONFIG, "mqtt": mqtt, "sensors": sensors}
    (tmp_path / "config.json").write_text(json.dumps(config))
    large = json.dumps({**config, "mqtt": {**mqtt, "host": hosts}})
    assert len(large) > 1400 + len(json.dumps(config))
    with Board(tmp_path, heap, [str(ROM_SCRIPT), str(rom)]) as board:
        told_by(seen, "diagnostics", 0)
        start = len(seen.messages)
        seen.publish("petrel/n1/cmd/config/put", large)
        reply = told_by(seen, "reply/config/put", start)
        if reply["ok"]:
            reply = told_by(seen, "reply/config", start, "applied")
        assert reply["ok"] or reply["error"], board.said
        told_by(seen, "diagnostics", len(seen.messages))  # every 10 s: it goes on
    found = json.loads((tmp_path / "config.json").read_text())
    assert found["mqtt"]["host"] == (hosts if reply["ok"] else broker.host)
    assert "Traceback" not in board.said, board.said
