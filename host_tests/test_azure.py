"""A node with Azure IoT Hub: its passwords, and a hub that ends what the documentation forbids."""

from __future__ import annotations

import base64
import hmac
import json
import subprocess
import time
import urllib.parse
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import paho.mqtt.client as paho
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from host_tests.harness.authority import Authority
from host_tests.harness.interpreter import WIDTHS, Interpreter
from host_tests.harness.node import LIGHT, Node, make_node
from tools.config.check import findings
from tools.play.broker import Broker
from tools.play.hub import Device, Hub
from tools.play.subscriber import Subscriber

VECTORS = Path(__file__).parent / "azure" / "vectors.json"
WAIT_S = 60.0
TOKENS = """
import json
import sys
from node.network.azure_iot_hub import token
for line in sys.stdin:
    print(token(*json.loads(line)))
"""


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[Hub]:
    (tmp_path / "authority").mkdir()
    authority = Authority(tmp_path / "authority")
    with Hub("127.0.0.1", *authority.issue("127.0.0.1")) as made:
        made.authority = authority  # type: ignore[attr-defined]
        yield made


class Linked(Node):
    """A node and its device at the hub."""

    hub: Hub
    device: Device


@pytest.fixture
def linked(hub: Hub, tmp_path: Path, broker: Broker, seen: Subscriber) -> Iterator[Linked]:
    flash = tmp_path / "flash"
    made = make_node(flash, WIDTHS[0], broker, seen, air=("127.0.0.1", hub.port), heap="256K")
    made.__class__ = Linked
    assert isinstance(made, Linked)
    made.hub, made.device = hub, hub.add("n1")
    hub.authority.ca.cert_pem.write_to_path(flash / "azure.pem")  # type: ignore[attr-defined]
    with made.bench:
        made.write_config(config(made))
        made.bench.power_on()
        yield made
    print("the board's console:", *made.bench.lines, sep="\n  ")


def config(node: Linked) -> dict[str, Any]:
    return node.config(
        cloud={"azure": node.hub.string(node.device)},
        mqtt={"ca": "azure.pem", "port": node.bench.relay_port}, sensors=[LIGHT], ntp="",
    )  # fmt: skip


def readings(device: Device) -> list[Any]:
    return [
        json.loads(payload) for told, payload in device.telemetry if told.get("topic") == "light"
    ]


def test_telemetry_methods_and_the_twin(linked: Linked) -> None:
    hub, device = linked.hub, linked.device
    hub.wait(lambda: len(readings(device)) > 2, "readings")
    told, _ = next(each for each in device.telemetry if "topic" in each[0])
    assert told["$.ct"] == "application/json" and told["$.ce"] == "utf-8"
    hub.wait(lambda: "version" in device.reported, "reported properties")
    assert device.reported["board"] == "UNIX"
    hub.wait(lambda: len(device.filters) == 3, "subscriptions")
    status, answer = hub.call(device, "read", "light")
    assert status == 200 and answer["ok"]
    status, answer = hub.call(device, "nonsense")
    assert status == 400 and not answer["ok"]
    hub.send(device, json.dumps({"command": "ping"}))
    hub.wait(lambda: any(t.get("topic") == "reply/ping" for t, _ in device.telemetry), "a reply")
    assert hub.violations == []


def test_a_password_that_ends_loses_nothing(linked: Linked) -> None:
    """The hub ends the connection then; the node comes with another password."""
    hub, device = linked.hub, linked.device
    hub.wait(lambda: len(readings(device)) > 2, "readings")
    for _ in range(3):
        connects, heard = device.connects, len(readings(device))
        hub.expire(device)
        hub.wait(lambda c=connects: device.connects > c, "another connection")
        hub.wait(lambda h=heard: len(readings(device)) > h + 2, "readings")
    numbers = {each["seq"] for each in readings(device)}
    assert numbers == set(range(min(numbers), max(numbers) + 1)), "each was delivered"
    assert hub.violations == []


def test_a_node_that_sleeps(hub: Hub, tmp_path: Path, broker: Broker, seen: Subscriber) -> None:
    flash = tmp_path / "flash"
    air = "127.0.0.1", hub.port
    made = make_node(flash, WIDTHS[0], broker, seen, air, heap="256K", nights="held")
    made.__class__ = Linked
    assert isinstance(made, Linked)
    made.hub, made.device = hub, hub.add("n1")
    hub.authority.ca.cert_pem.write_to_path(flash / "azure.pem")  # type: ignore[attr-defined]
    with made.bench:
        made.write_config({**config(made), "sleep": {"every": 600, "awake": 60, "hold": 0}})
        made.bench.power_on()
        made.bench.wait_for_sleeps(1, 120)
        for count in (2, 3):
            made.bench.wake()
            made.bench.wait_for_sleeps(count, 120)
        hub.wait(lambda: len(readings(made.device)) >= 3, "a reading of each wake")
        told = readings(made.device)
    assert [each["seq"] for each in told] == [1, 2, 3]
    assert len({each["boot"] for each in told}) == 1
    assert hub.violations == []


def visitor(hub: Hub, device: Device, until: int) -> paho.Client:
    """A client of the device, with a password that ends then."""
    where = f"{hub.name}%2Fdevices%2F{device.id}"
    digest = hmac.digest(base64.b64decode(device.key), f"{where}\n{until}".encode(), "sha256")
    signature = urllib.parse.quote(base64.b64encode(digest).decode(), safe="")
    made = paho.Client(CallbackAPIVersion.VERSION2, device.id, reconnect_on_failure=False)
    made.username_pw_set(
        f"{hub.name}/{device.id}/?api-version=2021-04-12",
        f"SharedAccessSignature sr={where}&sig={signature}&se={until}",
    )
    made.tls_set(str(hub.authority.file))  # type: ignore[attr-defined]
    made.connect(hub.name, hub.port)
    made.loop_start()
    return made


EVENTS = "devices/n1/messages/events/"


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (lambda one: one.publish(EVENTS, "x", 1, retain=True), "RETAIN"),
        (lambda one: one.publish(EVENTS, "x", 2), "QoS 2"),
        (lambda one: one.publish(EVENTS, bytes(257 * 1024), 1), "a packet of 2"),
        (lambda one: one.publish("petrel/n1/status", "x"), "a message to petrel/n1/status"),
        (lambda one: one.publish("devices/n2/messages/events/", "x"), "a message to devices/n2"),
        (lambda one: one.subscribe("petrel/n1/cmd/#"), "a subscription to petrel/n1/cmd/#"),
        (lambda one: one.subscribe([(f"{EVENTS}{n}", 0) for n in range(6)]), "a sixth"),
    ],
)
def test_the_hub_ends_what_azure_forbids(wrong: Any, said: str, hub: Hub) -> None:
    device = hub.add("n1")
    one = visitor(hub, device, int(time.time()) + 3600)
    hub.wait(lambda: device.connection, "the connection")
    wrong(one)
    hub.wait(lambda: hub.violations and not device.connection, "the end")
    one.loop_stop()
    assert len(hub.violations) == 1 and hub.violations[0].startswith(said)


def test_the_hub_ends_an_old_password_and_an_older_connection(hub: Hub) -> None:
    device = hub.add("n1")
    late = visitor(hub, device, int(time.time()) - 1)
    hub.wait(lambda: hub.violations, "a refusal")
    late.loop_stop()
    first = visitor(hub, device, int(time.time()) + 3600)
    hub.wait(lambda: device.connects == 1, "the first")
    second = visitor(hub, device, int(time.time()) + 3600)
    hub.wait(lambda: device.connects == 2, "the second")
    assert device.connection
    first.loop_stop()
    second.publish(EVENTS, "x", 1)
    hub.wait(lambda: device.telemetry, "a message of the second")
    second.loop_stop()


RENEWS = """
import time
from node.network import azure_iot_hub as azure

class Client:
    up = True
    closed = 0
    def close(self):
        self.closed += 1

class Node:
    epoch = 0
    unset = False
    wlan = None
    client = Client()

node = Node()
given = {"HostName": "h", "DeviceId": "d", "SharedAccessKey": "MDEyMzQ1Njc4OTAxMjM0NQ=="}
hub = azure.Hub(node, given)
at = 1_800_000_000
hub.now = lambda: at
assert hub.ready()
assert hub.password().endswith("&se=%d" % (at + 3600))
found = []
for at in range(at, at + 3600, 60):
    hub.each_second()
    if node.client.closed > len(found):
        found.append(at - 1_800_000_000)
        hub.password()
print(found)
node.unset = True
assert not hub.ready()
"""


def test_a_password_is_renewed_before_it_ends(interpreter: Interpreter) -> None:
    done = interpreter.run(RENEWS, heap="256K")
    assert done.stdout == "[3360]\n", done.stdout + done.stderr


def test_the_passwords_are_those_of_the_sdk(interpreter: Interpreter) -> None:
    """The vectors were made with azure-iot-device; make test-azure makes 1,000 others."""
    vectors = json.loads(VECTORS.read_text())
    lines = "\n".join(json.dumps(each[:3]) for each in vectors)
    done = subprocess.run(
        interpreter.command(TOKENS, heap="256K"), env=interpreter.environment(),
        input=lines, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.stdout.splitlines() == [each[3] for each in vectors], done.stderr


KEY = base64.b64encode(bytes(32)).decode()
GOOD = f"HostName=hub.azure-devices.net;DeviceId=n1;SharedAccessKey={KEY}"


@pytest.mark.parametrize(
    ("azure", "mqtt", "said"),
    [
        (GOOD, {}, "mqtt.ca: missing"),
        (GOOD, {"ca": "a.pem", "host": "b"}, "mqtt.host: cloud.azure says that"),
        (GOOD, {"ca": "a.pem", "keepalive": 1200}, "mqtt.keepalive: 1200 s. The hub allows 1177."),
        (GOOD.replace("n1", ""), {"ca": "a.pem"}, "cloud.azure: DeviceId is missing"),
        (GOOD[:-9], {"ca": "a.pem"}, "SharedAccessKey: it is not whole"),
        ("SharedAccessKeyName=iothubowner;" + GOOD, {"ca": "a.pem"}, "copy the device's"),
        (GOOD.partition(";Shared")[0] + ";x509=true", {"ca": "a.pem"}, "mqtt.cert: missing"),
    ],
)
def test_what_is_wrong_is_said(azure: str, mqtt: dict[str, Any], said: str) -> None:
    config = {
        "wifi": {"ssid": "a", "password": "password"}, "cloud": {"azure": azure}, "mqtt": mqtt
    }  # fmt: skip
    faults, _ = findings(config, "ESP32_GENERIC")
    assert len(faults) == 1 and said in faults[0], faults


def test_a_good_config_is_good_and_an_esp8266_has_to_trust_all() -> None:
    config: dict[str, Any] = {
        "wifi": {"ssid": "a", "password": "password"}, "cloud": {"azure": GOOD},
        "mqtt": {"ca": "azure.pem"},
    }  # fmt: skip
    assert findings(config, "ESP32_GENERIC")[0] == []
    assert "can't check the hub's certificate" in "".join(findings(config, "ESP8266_GENERIC")[0])
    config["mqtt"] = {"verify": False}
    assert findings(config, "ESP8266_GENERIC")[0] == []
