"""azure-iot-device: it passes at our hub, so the hub is right; and our passwords are its own."""

from __future__ import annotations

import base64
import json
import random
import socket
import subprocess
from pathlib import Path

import pytest

from host_tests.harness.authority import Authority
from host_tests.harness.azure import a_hub, a_node, readings
from host_tests.harness.interpreter import Interpreter
from host_tests.test_azure import TOKENS
from tools.lab.azure import PYTHON
from tools.play.broker import Broker
from tools.play.hub import Device, Hub
from tools.play.subscriber import Subscriber
from tools.shared.process import popen

CLIENT = Path(__file__).parent / "client.py"
LETTERS = "abcXYZ019-.+%_#*?!(),:=@$'"
SIGNS = """
import json, sys, time
from azure.iot.device.common.auth.sastoken import RenewableSasToken
from azure.iot.device.common.auth.signing_mechanism import SymmetricKeySigningMechanism
for line in sys.stdin:
    where, key, until = json.loads(line)
    time.time = lambda: until - 3600
    print(RenewableSasToken(where, SymmetricKeySigningMechanism(key), ttl=3600))
"""


@pytest.fixture(autouse=True)
def there() -> None:
    if not PYTHON.exists():
        pytest.fail("there is no azure-iot-device in .tools; make test-azure fetches it")


def test_a_thousand_passwords(interpreter: Interpreter) -> None:
    chance = random.Random(1883)
    given = []
    for _ in range(1000):
        key = base64.b64encode(chance.randbytes(chance.choice((16, 32, 64)))).decode()
        device = "".join(chance.choices(LETTERS, k=chance.randint(1, 60)))
        until = chance.randrange(1_704_067_200, 4_000_000_000)
        given.append((f"hub.azure-devices.net/devices/{device}", key, until))
    lines = "\n".join(json.dumps(each) for each in given)
    theirs = said([str(PYTHON), "-c", SIGNS], lines, None)
    ours = said(interpreter.command(TOKENS, heap="256K"), lines, interpreter.environment())
    assert len(theirs.splitlines()) == 1000
    assert ours == theirs


def said(command: list[str], lines: str, environment: dict[str, str] | None) -> str:
    """What a command says to these lines."""
    return subprocess.run(
        command, env=environment, input=lines, capture_output=True, text=True, check=True
    ).stdout


def test_azures_client_passes_at_the_hub(tmp_path: Path) -> None:
    device = run(tmp_path)
    ((told, payload),) = device.telemetry
    assert told == {"$.ct": "application/json", "$.ce": "utf-8", "topic": "light"}
    assert payload == b'{"value": 1}' and device.reported["version"] == "1"


def run(tmp_path: Path) -> Device:
    """Run Azure's client at a hub; returns what the hub knows of the device then.

    It dials port 8883 of the host's name, whatever one says.
    """
    authority = Authority(tmp_path)
    with socket.socket() as free:
        if free.connect_ex(("127.0.0.1", 8883)) == 0:
            pytest.fail("something listens on port 8883, which the client needs")
    with Hub("localhost", *authority.issue("localhost"), port=8883) as hub:
        device = hub.add("n1")
        words = [str(PYTHON), str(CLIENT), hub.string(device), str(authority.file)]
        process = popen(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        assert process.stdout
        try:
            lines = process.stdout
            assert lines.readline() == "ready\n", lines.read()
            hub.send(device, "hello")
            assert lines.readline() == "hello\n"
            hub.desire(device, {"interval": 5})
            assert lines.readline() == "5\n"
            assert hub.call(device, "reboot") == (200, {"ok": True})
            assert process.wait(60) == 0
        finally:
            process.kill()
            process.wait()
            lines.close()
    assert hub.violations == []
    return device


def test_a_node_sends_what_azures_client_sends(
    tmp_path: Path, broker: Broker, seen: Subscriber
) -> None:
    """The same topics, filters and user for the same actions; the node has a last will as well."""
    with a_hub(tmp_path) as hub, a_node(hub, tmp_path / "flash", broker, seen) as node:
        device = node.device
        hub.wait(lambda: readings(device), "telemetry")
        hub.wait(lambda: "config_mark" in device.reported, "the twin and a report")
        hub.call(device, "read", "light")
    theirs = run(tmp_path / "authority")
    ours = [packet.replace("127.0.0.1", "localhost") for packet in device.trace]
    online = "PUBLISH devices/n1/messages/events/kind=status"  # which the SDK doesn't send
    ours = [packet for packet in ours if packet != online]
    assert {packet.partition(", will ")[0] for packet in ours} == set(theirs.trace)
    # Only the will, which the SDK has not, goes beyond.
    assert [packet for packet in ours if ", will " in packet] == [
        "CONNECT as localhost/n1/?api-version=N, will devices/n1/messages/events/kind=status"
    ]
