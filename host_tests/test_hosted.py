"""Hosted brokers: what their pages say, against a real Mosquitto in their place."""

from __future__ import annotations

import json
import re
import socket
import ssl
import subprocess
import threading
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import pytest

from host_tests.harness.authority import Authority
from host_tests.harness.interpreter import WIDTHS, Interpreter
from host_tests.harness.node import LIGHT, make_node
from tools.config import hosted
from tools.config.check import findings
from tools.play.broker import Broker
from tools.play.subscriber import Subscriber
from tools.shared.paths import ROOT

AWS = ROOT / "docs" / "aws.md"
PAGES = (AWS, ROOT / "docs" / "hosted-brokers.md")
TESTS = ROOT / "host_tests"
SCRIPT = TESTS / "scripts" / "transport_tls.py"
NETWORK = {"wifi": {"ssid": "net", "password": "password"}}


def blocks(page: Path, language: str) -> list[str]:
    """The code blocks of a page, without what they are indented by."""
    found = re.findall(rf"^( *)```{language}\n(.*?)^ *```$", page.read_text(), re.M | re.S)
    return [re.sub(f"^{indent}", "", text, flags=re.M) for indent, text in found]


def configs() -> list[tuple[str, dict[str, Any]]]:
    texts = [(page.stem, text) for page in PAGES for text in blocks(page, "json")]
    return [(stem, made) for stem, text in texts if "sensors" in (made := json.loads(text))]


@pytest.mark.parametrize(("page", "config"), configs(), ids=lambda each: str(each)[:40])
def test_the_configs_of_the_pages_are_good(page: str, config: dict[str, Any]) -> None:
    config |= NETWORK  # the names in the page are there to be replaced
    assert findings(config, "ESP32_GENERIC") == ([], [])
    assert hosted.warnings(config) == []


HOST = "a1-ats.iot.eu-central-1.amazonaws.com"
FILES = {"ca": "aws.pem", "cert": "shed.pem", "key": "shed.key"}


@pytest.mark.parametrize(
    ("changes", "mqtt", "said"),
    [
        ({}, {}, ""),
        ({"base": "a/b/c/d"}, {}, ""),
        ({"base": "a/b/c/d/e"}, {}, "base: topics have up to 8 slashes; AWS IoT Core takes 7."),
        ({}, {"keepalive": 1200}, ""),
        ({}, {"keepalive": 1201}, "mqtt.keepalive: 1201 s. AWS IoT Core ends the connection"),
        ({}, {"client_id": "x" * 128}, ""),  # more is refused by the node
        ({}, {"ca": None, "cert": None, "key": None, "user": "u"}, "mqtt.ca: missing. AWS"),
        ({}, {"cert": None, "key": None}, "mqtt.cert: missing. AWS IoT Core knows"),
        ({}, {"port": 443}, "mqtt.port: at 443 AWS IoT Core wants ALPN"),
        ({}, {"host": [HOST.upper() + ":443"]}, "mqtt.port: at 443 AWS IoT Core wants ALPN"),
        ({"homeassistant": None}, {}, "homeassistant: the policy of docs/aws.md"),
        ({"base": "a/b/c/d/e"}, {"host": "broker.lan"}, ""),
    ],
)
def test_what_aws_would_refuse_is_a_warning(
    changes: dict[str, Any], mqtt: dict[str, Any], said: str
) -> None:
    def merged(*some: dict[str, Any]) -> dict[str, Any]:
        return {key: value for each in some for key, value in each.items()}

    section = {k: v for k, v in merged({"host": HOST}, FILES, mqtt).items() if v is not None}
    config = merged({"mqtt": section, "homeassistant": False}, NETWORK, changes)
    config = {key: value for key, value in config.items() if value is not None}
    assert findings(config, "ESP32_GENERIC")[0] == []
    found = hosted.warnings(config)
    assert len(found) == bool(said) and (not said or found[0].startswith(said)), found


SERVICE = {"service": "adafruit", "user": "alice", "token": "aio_1"}


@pytest.mark.parametrize(
    ("cloud", "changes", "said"),
    [
        ({}, {}, ""),
        ({"service": "adafriut"}, {}, "cloud.service: "),
        ({"token": None}, {}, "cloud.token: it has to be text"),
        ({"token": "aio 1"}, {}, "cloud.token: it has signs that none has"),
        ({"user": None}, {}, "cloud.user: it has to be text"),
        ({"service": "ubidots"}, {}, "cloud.user: ubidots knows the token alone"),
        ({"rate": 0}, {}, "cloud.rate: 0 is wrong. Use 1 to 6000"),
        ({"speed": 3}, {}, "cloud.speed: it is unknown"),
        ({}, {"mqtt": {"user": "me"}}, "mqtt.user: cloud says that. Remove it."),
        ({}, {"mqtt": {"version": 5}}, "mqtt.version: cloud says that. Remove it."),
        ({}, {"homeassistant": {"area": "Shed"}}, "homeassistant: adafruit knows none"),
        ({}, {"format": "plain"}, "format: adafruit has its own"),
    ],
)
def test_what_is_wrong_with_a_service_is_said(
    cloud: dict[str, Any], changes: dict[str, Any], said: str
) -> None:
    section = {key: value for key, value in {**SERVICE, **cloud}.items() if value is not None}
    faults, _ = findings({"cloud": section, "mqtt": {}, **NETWORK, **changes}, "ESP32_GENERIC")
    assert len(faults) == bool(said) and (not said or faults[0].startswith(said)), faults


@pytest.mark.parametrize(
    ("sensors", "rate", "about"),
    [
        ([("bme280", {})], None, 0),
        ([("bme280", {"interval": 6})], None, 0),
        ([("bme280", {"interval": 5})], None, 36),
        ([("bme280", {"interval": 5})], 36, 0),
        ([("bme280", {"interval": 5, "filters": [{"throttle": 60}]})], None, 0),
        ([("dht11", {"interval": 3})], None, 40),
        ([("button", {})] * 40, None, 0),
    ],
)
def test_more_readings_than_may_leave_are_a_warning(
    sensors: list[tuple[str, dict[str, Any]]], rate: int | None, about: int
) -> None:
    cloud = {**SERVICE, **({"rate": rate} if rate else {})}
    made = [{"name": "a", "driver": driver, **more} for driver, more in sensors]
    found = hosted.warnings({"cloud": cloud, "mqtt": {}, "sensors": made})
    assert bool(found) == bool(about) and (not found or f"about {about}. " in found[0]), found


def test_a_node_at_a_service(tmp_path: Path) -> None:
    """ThingsBoard's topics, at a Mosquitto: readings, attributes, a call and its response."""
    me = "v1/devices/me/"
    with Broker(settings=("log_type all",)) as broker, Subscriber(broker, "#") as seen:
        node = make_node(tmp_path / "flash", WIDTHS[-1], broker, seen, heap="256K")
        cloud = {"service": "thingsboard", "token": "T0", "rate": 600}
        with node.bench:
            node.write_config(node.config(cloud=cloud, sensors=[LIGHT]))
            node.bench.power_on()
            assert seen.wait(me + "attributes", status="online")
            assert seen.wait(me + "attributes", board="UNIX")
            told = seen.wait(me + "telemetry")
            assert isinstance(told.get("values", told)["light"], float | int)
            assert broker.logs(rf"\t{me}rpc/request/\+ "), broker.log
            seen.publish(me + "rpc/request/17", '{"method": "read", "params": "light"}')
            assert seen.wait(me + "rpc/response/17", ok=True)
        assert not [topic for topic, _ in seen.messages if topic.startswith("petrel/")]


COSTS = """
import gc, json, sys, time
from mqtt.link import Link
from mqtt.engine.core import Core
from node.overlay import call

class Node:
    prefix = "petrel/n1/"
    on_message = print
    def _each_second(self):
        pass

def used():
    for _ in range(3):
        gc.collect()
    return gc.mem_alloc()

node = Node()
config = json.loads(sys.argv[1])
before = used()
if "cloud" in config:
    call("network", "which_cloud", "begin", config)
    sys.modules["the cloud of the node"].join(node, Core)
else:
    call("network", "amazon_iot_core", "begin")
print(used() - before)
"""
AZURE = "HostName=h.azure-devices.net;DeviceId=n1;SharedAccessKey=MDEyMzQ1Njc4OTAxMjM0NQ=="


@pytest.mark.parametrize(
    "config",
    [
        {"cloud": {"azure": AZURE}, "mqtt": {}},
        {"cloud": SERVICE, "mqtt": {}},
        {"cloud": {"aws": "shadow"}, "mqtt": {}},
        {"mqtt": {"host": HOST}},
    ],
    ids=["azure", "service", "shadow", "aws"],
)
def test_a_cloud_costs_at_most_six_kilobytes(
    config: dict[str, Any], interpreter: Interpreter
) -> None:
    """What stays in a node's RAM for it; words are twice as long in the 64-bit build."""
    done = interpreter.run(COSTS, json.dumps(config), heap="512K")
    assert done.returncode == 0, done.stderr
    assert 0 < int(done.stdout) <= 6144 * int(interpreter.bits) // 32, done.stdout


def allowed(action: str, topic: str, thing: str) -> bool:
    """Whether the policy of the page lets that thing do that to a topic."""
    policy = next(json.loads(text) for text in blocks(AWS, "json") if "Statement" in text)
    for each in policy["Statement"]:
        actions = each["Action"] if isinstance(each["Action"], list) else [each["Action"]]
        named = each["Resource"]
        assert each["Effect"] == "Allow"
        for resource in named if isinstance(named, list) else [named]:
            its = resource.replace("${iot:Connection.Thing.ThingName}", thing)
            if f"iot:{action}" in actions and fnmatchcase(topic, its):
                return True
    return False


def test_the_policy_lets_a_node_do_what_it_does_and_no_more(
    tmp_path: Path, broker: Broker, seen: Subscriber
) -> None:
    """With a certificate of its own, at a Mosquitto that takes the name of the user from it."""
    (tmp_path / "authority").mkdir()
    authority = Authority(tmp_path / "authority")
    wants = ("require_certificate true", "use_identity_as_username true", "log_type all")
    with Broker(settings=(*authority.settings(), *wants)) as strict:
        air = (strict.host, strict.port)
        node = make_node(tmp_path / "flash", WIDTHS[-1], broker, seen, air=air, heap="256K")
        names = {"ca": "ca.pem", "cert": "n1.pem", "key": "n1.key"}
        files = (authority.file, *authority.issue("n1"))
        for name, source in zip(names.values(), files, strict=True):
            (node.flash / name).write_bytes(source.read_bytes())
        mqtt = {**node.config()["mqtt"], **names}
        with node.bench:
            node.write_config(node.config(mqtt=mqtt, sensors=[LIGHT], homeassistant=False))
            node.bench.power_on()
            for topic in ("status", "diagnostics", "light"):
                assert strict.logs(f"Received PUBLISH from n1 .*'petrel/n1/{topic}'"), strict.log
            assert strict.logs(r"^.*\tpetrel/n1/cmd/# "), strict.log
        log = "\n".join(strict.log)
    arn = "arn:aws:iot:eu-central-1:123456789012:"
    published = re.findall(r"Received PUBLISH from n1 \(d\d, q(\d), r(\d), m\d+, '([^']+)'", log)
    assert {topic for _, _, topic in published} >= {"petrel/n1/status", "petrel/n1/light"}
    for qos, retained, topic in published:
        assert qos in "01"
        assert allowed("Publish", f"{arn}topic/{topic}", "n1"), topic
        assert retained == "0" or allowed("RetainPublish", f"{arn}topic/{topic}", "n1"), topic
        assert not allowed("Publish", f"{arn}topic/{topic}", "n2"), topic
    filters = set(re.findall(r"\t(\S+) \(QoS 1\)", log))
    assert "petrel/n1/cmd/#" in filters
    for each in filters:
        assert allowed("Subscribe", f"{arn}topicfilter/{each}", "n1"), each
    assert allowed("Receive", f"{arn}topic/petrel/n1/cmd/read", "n1")
    shadow = "$aws/things/n1/shadow"
    assert allowed("Subscribe", f"{arn}topicfilter/{shadow}/get/+", "n1")
    for action, below in (("Publish", "update"), ("Publish", "get"), ("Receive", "update/delta")):
        assert allowed(action, f"{arn}topic/{shadow}/{below}", "n1")
        assert not allowed(action, f"{arn}topic/{shadow}/{below}", "n2")
    assert allowed("Connect", f"{arn}client/n1", "n1")
    assert not allowed("Connect", f"{arn}client/n1", "n2")


def test_the_script_hands_on_what_each_step_has_made(tmp_path: Path) -> None:
    """Run as it stands, with an `aws` and a `curl` that write down how they are called."""
    (script,) = blocks(AWS, "sh")
    calls = tmp_path / "calls"
    for name in ("aws", "curl"):
        tool = tmp_path / name
        tool.write_text(
            f'#!/bin/sh\necho {name} "$@" >> {calls}\n'
            'case "$2" in create-keys-and-certificate) echo the:arn;; esac\n'
            'case "$2" in describe-endpoint) echo an-endpoint;; esac\n'
        )
        tool.chmod(0o755)
    done = subprocess.run(
        ["sh", "-eu", "-c", script], cwd=tmp_path, env={"PATH": f"{tmp_path}:/usr/bin:/bin"},
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert done.stdout == "an-endpoint\n"
    said = calls.read_text()
    assert "attach-policy --policy-name petrel --target the:arn" in said
    assert "attach-thing-principal --thing-name shed --principal the:arn" in said
    config = next(json.loads(text) for text in blocks(AWS, "json") if "sensors" in text)
    for name in ("ca", "cert", "key"):
        assert f" {config['mqtt'][name]} " in said, "the config names the script's files"
    assert f"--thing-name {config['node']}\n" in said


def test_each_case_of_device_advisor_has_its_test() -> None:
    rows = re.findall(r"^\| `(MQTT_\w+)` \| `([\w/.]+)::(\w+)` \|$", AWS.read_text(), re.M)
    assert len({case for case, _, _ in rows}) == 13
    for case, file, test in rows:
        assert f"def {test}(" in (TESTS / file).read_text(), case


def test_the_name_of_the_host_is_sent(interpreter: Interpreter, tmp_path: Path) -> None:
    """SNI: AWS and others have many names behind one address."""
    authority = Authority(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*authority.issue(HOST))
    asked: list[str | None] = []
    context.sni_callback = lambda stream, name, of: asked.append(name)
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            plain, _ = server.accept()
            with plain, context.wrap_socket(plain, server_side=True) as stream:
                stream.recv(1024)  # its CONNECT, which is not answered

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        port = str(server.getsockname()[1])
        words = (port, "blocking", HOST, str(authority.file), "-", "-")
        interpreter.run(SCRIPT, *words, heap="512K")
        thread.join(60)
    assert asked == [HOST]
