"""A node with Azure IoT Hub: its passwords, and a hub that ends what the documentation forbids."""

from __future__ import annotations

import base64
import hmac
import json
import random
import subprocess
import time
import urllib.parse
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import paho.mqtt.client as paho
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from host_tests.harness.azure import Linked, a_hub, a_node, readings
from host_tests.harness.azure_day import Day
from host_tests.harness.interpreter import Interpreter
from host_tests.harness.node import LIGHT
from tools.config.check import findings
from tools.play.broker import Broker
from tools.play.hub import Device, Hub
from tools.play.subscriber import Subscriber

VECTORS = Path(__file__).parent / "azure" / "vectors.json"
WAIT_S = 60.0
TOKENS = """
import json
import sys
from node.network.azure_iot_hub import quoted
from node.network.shared_access import token
for line in sys.stdin:
    where, key, until = json.loads(line)
    print(token(quoted(where), key, until))
"""


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[Hub]:
    with a_hub(tmp_path) as made:
        yield made


@pytest.fixture
def linked(hub: Hub, tmp_path: Path, broker: Broker, seen: Subscriber) -> Iterator[Linked]:
    with a_node(hub, tmp_path / "flash", broker, seen) as made:
        yield made


def more(count: Callable[[], int], than: int) -> bool:
    return count() > than


def test_telemetry_methods_and_the_twin(linked: Linked) -> None:
    hub, device = linked.hub, linked.device
    hub.wait(lambda: len(readings(device)) > 2, "readings")
    told, _ = next(each for each in device.telemetry if "topic" in each[0])
    assert told["$.ct"] == "application/json" and told["$.ce"] == "utf-8"
    hub.wait(lambda: "version" in device.reported, "reported properties")
    assert device.reported["board"] == "UNIX"
    hub.wait(lambda: len(device.filters) == 4, "subscriptions")
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
        hub.wait(partial(more, lambda: device.connects, connects), "another connection")
        hub.wait(partial(more, lambda: len(readings(device)), heard + 2), "readings")
    numbers = {each["seq"] for each in readings(device)}
    assert numbers == set(range(min(numbers), max(numbers) + 1)), "each was delivered"
    assert hub.violations == []


def test_a_node_that_sleeps(hub: Hub, tmp_path: Path, broker: Broker, seen: Subscriber) -> None:
    rest = {"sleep": {"every": 600, "awake": 60, "hold": 0}}
    with a_node(hub, tmp_path / "flash", broker, seen, rest, nights="held") as made:
        made.bench.wait_for_sleeps(1, 120)
        for count in (2, 3):
            made.bench.wake()
            made.bench.wait_for_sleeps(count, 120)
        hub.wait(lambda: len(readings(made.device)) >= 3, "a reading of each wake")
        told = readings(made.device)
    assert [each["seq"] for each in told] == [1, 2, 3]
    assert len({each["boot"] for each in told}) == 1
    assert hub.violations == []


def test_desired_properties_change_the_config(linked: Linked) -> None:
    """With the checks that the command has, each version once, and with a report of it."""
    hub, device = linked.hub, linked.device
    hub.wait(lambda: "config_mark" in device.reported, "the config to be reported")
    assert device.reported["config"]["sensors"][0]["interval"] == LIGHT["interval"]
    assert "azure" not in device.reported["config"]["cloud"], "it has the key"

    def state(version: int, *states: str) -> Any:
        def its() -> Any:
            told = device.reported.get("desired", {})
            return told.get("version") == version and told["state"] in states and told

        hub.wait(its, f"version {version} to be {states}")
        return its()

    wrong = hub.desire(device, {"config": {"sensors": {"light": {"interval": "soon"}}}})
    assert "sensors[0].interval" in state(wrong, "refused")["error"]
    good = hub.desire(device, {"config": {"sensors": {"light": {"interval": 0.3}}}})
    told = state(good, "applied")
    assert "error" not in told and "faults" not in told, "those of the version before are gone"
    hub.wait(lambda: device.reported["config"]["sensors"][0]["interval"] == 0.3, "its report")
    written = json.loads((linked.flash / "config.json").read_text())
    assert written["sensors"][0]["interval"] == 0.3
    linked.bench.power_off()  # nobody sends it what is desired meanwhile
    hub.wait(lambda: not device.connection, "its end")
    device.reported["failing"] = ["light"]  # as diagnostics said before the power went
    late = hub.desire(device, {"config": {"queue": 50, "sensors": {"light": {"interval": 0.2}}}})
    linked.bench.power_on()
    state(late, "applied")
    hub.wait(lambda: device.reported.get("config", {}).get("queue") == 50, "its report")
    hub.wait(lambda: "failing" not in device.reported, "an old report to go")
    linked.bench.reset()
    connects = device.connects
    hub.wait(lambda: device.connects > connects, "the next start")
    heard = len(readings(device))
    hub.wait(lambda: len(readings(device)) > heard + 5, "readings")
    assert device.connects == connects + 1, "no version is obeyed twice"
    assert hub.violations == []


def test_a_long_method_and_a_long_answer(linked: Linked) -> None:
    """Longer than the client's buffer of 256 bytes."""
    hub, device = linked.hub, linked.device
    hub.wait(lambda: len(readings(device)) > 2, "readings")
    status, answer = hub.call(device, "config/get")
    assert status == 200 and answer["config"]["sensors"][0]["name"] == "light"
    status, answer = hub.call(device, "config", {"queue": "x" * 300})
    assert status == 400 and "queue" in answer["error"]
    status, answer = hub.call(device, "ping", "x" * 300)
    assert status == 400 and "too many" in answer["error"]
    hub.send(device, json.dumps({"command": "ping", "payload": "x" * 300}))
    hub.wait(lambda: any(t.get("topic") == "reply/ping" for t, _ in device.telemetry), "a reply")
    assert hub.violations == []


def test_hours_at_the_hub(tmp_path: Path, broker: Broker, seen: Subscriber) -> None:
    """A part of the day of `make test-azure`, with every kind of event."""
    chance = random.Random(1883)
    with Day(tmp_path, broker, seen, speed=240) as day:
        for event in (day.desire, day.message, day.cut, day.method, day.silence, day.ended):
            event(chance)
        passwords = day.device.passwords
        day.hub.wait(lambda: day.device.passwords > passwords, "a renewal by the clock")
        day.desire(chance)
        day.settle()
        assert sum(map(len, day.readings().values())) > 10
        assert day.hub.violations == []


def test_the_provisioning_service_tells_the_hub(
    hub: Hub, tmp_path: Path, broker: Broker, seen: Subscriber
) -> None:
    """Asked once; readings from before that arrive as well."""
    cloud = {"azure": hub.enroll("0ne00ABCDEF", "n1")}
    with a_node(hub, tmp_path / "flash", broker, seen, {"cloud": cloud, "queue": 200}) as node:
        hub.wait(lambda: len(readings(node.device)) > 5, "readings")
        told = json.loads((node.flash / "azure.json").read_text())
        assert told == {"for": ["0ne00ABCDEF", "n1"], "hub": "127.0.0.1", "device": "n1"}
        hub.wait(partial(more, lambda: len(starts(node.device)), 1), "those from before as well")
        node.bench.reset()
        hub.wait(partial(more, lambda: len(starts(node.device)), 2), "another start")
        hub.wait(lambda: all(gapless(each) for each in starts(node.device).values()), "no gap")
    assert hub.registered == ["n1"]
    assert hub.violations == []


def starts(device: Device) -> dict[int, set[int]]:
    """The numbers of the readings that arrived, by start of the node."""
    found: dict[int, set[int]] = {}
    for each in readings(device):
        found.setdefault(each["boot"], set()).add(each["seq"])
    return found


def gapless(numbers: set[int]) -> bool:
    """They may begin behind those that were kept from the start before."""
    return len(numbers) == max(numbers) - min(numbers) + 1


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
        (f"IdScope=0ne1;SharedAccessKey={KEY}", {"ca": "a.pem"}, "RegistrationId is missing"),
        (GOOD + ";IdScope=0ne1", {"ca": "a.pem"}, "DeviceId: the service tells it"),
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
