"""The ways of a node to its broker: several Wi-Fi networks, Ethernet, MQTT 5, WebSocket, TLS."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from host_tests.harness.authority import Authority
from host_tests.harness.interpreter import WIDTHS
from host_tests.harness.node import LIGHT, WIFI, Node, make_node
from tools.play.broker import Broker, free_port
from tools.play.subscriber import Subscriber

WAIT_S = 60
SHED = {"ssid": "shed", "password": "shed-password", "bssid": "0a:0b:0c:0d:0e:0f"}
FIXED = {"address": "192.168.1.50", "mask": "255.255.255.0", "gateway": "192.168.1.1"}


def _read(node: Node, start: int = 0) -> Any:
    return node.wait("light", WAIT_S, start)


def _start(node: Node, **changes: Any) -> None:
    node.write_config(node.config(sensors=[LIGHT], diagnostics=10, ntp="", **changes))
    node.bench.power_on()
    _read(node)


# --- Wi-Fi


def test_the_next_network_is_joined_while_the_first_is_away(node: Node) -> None:
    world = node.bench.world
    world.others = [SHED]
    _start(node, wifi=[{**WIFI, "country": "DE"}, {**SHED, **FIXED}])
    assert node.wait("diagnostics", WAIT_S)["network"] == WIFI["ssid"]
    node.bench.wifi_down()
    node.bench.wait_for_line('wifi: Wi-Fi "bench" not found', WAIT_S)
    start = len(node.seen.messages)
    assert node.wait("diagnostics", WAIT_S, start, network="shed")["rssi"] == -50
    assert world.joined["ssid"] == "shed"
    assert world.set["country"] == "DE"
    assert world.set["address"] == "192.168.1.50,255.255.255.0,192.168.1.1,192.168.1.1"
    world.set_wifi(False, "shed")
    node.bench.wifi_up()
    start = len(node.seen.messages)
    node.wait("diagnostics", WAIT_S, start, network=WIFI["ssid"])
    assert world.set["address"] == "dhcp"
    _accounted(node)


def test_each_network_that_fails_is_said_once(node: Node) -> None:
    node.bench.world.others = [{**SHED, "password": "another one"}]
    node.write_config(node.config(wifi=[{"ssid": "nowhere"}, SHED], sensors=[LIGHT]))
    node.bench.power_on()
    node.bench.wait_for_line('"nowhere" not found', WAIT_S)
    node.bench.wait_for_line('"shed" refused the password', WAIT_S)
    before = len(node.bench.lines)
    node.bench.world.others = [{**SHED, "ssid": "nowhere", "password": ""}]
    _read(node)
    assert not [line for line in node.bench.lines[before:] if "wifi:" in line]


def test_what_the_config_says_of_the_radio_and_the_station(node: Node) -> None:
    world = node.bench.world
    world.others = [{**WIFI, "bssid": SHED["bssid"], "rssi": -70}]
    _start(node, wifi={**WIFI, "bssid": SHED["bssid"], "power": 8.5, "powersave": True, **FIXED,
                       "dns": "9.9.9.9"})  # fmt: skip
    assert world.joined["rssi"] == -70
    assert {"txpower": "8.5", "pm": "2"}.items() <= world.set.items()
    assert world.set["address"] == "192.168.1.50,255.255.255.0,192.168.1.1,9.9.9.9"


# --- Ethernet

LAN = {"phy": "LAN8720", "mdc": 23, "mdio": 18, "power": 16, "ref_clk": 17, "ref_clk_mode": "out"}


def test_a_node_on_ethernet_outlives_a_pulled_cable(node: Node) -> None:
    _start(node, wifi=None, ethernet={**LAN, **FIXED})
    about = node.wait("diagnostics", WAIT_S)
    assert about["network"] == "ethernet" and "rssi" not in about
    assert {"lan": "1"}.items() <= node.bench.world.set.items()
    assert node.bench.world.set["address"].startswith("192.168.1.50,")
    node.bench.world.plug(False)
    node.bench.wait_for_line("ethernet: no link. Check the cable", WAIT_S)
    start = len(node.seen.messages)
    node.bench.world.plug(True)
    _read(node, start)
    node.obeys()
    _accounted(node)


def test_a_chip_that_does_not_answer_is_told_and_tried_again(node: Node) -> None:
    more = node.flash / "network_more.py"  # this firmware's, ahead of the port's
    more.write_text("PHY_LAN8720 = 1\ndef LAN(**_):\n    raise OSError('phy not found')\n")
    node.write_config(node.config(wifi=None, ethernet=LAN, sensors=[LIGHT]))
    node.bench.power_on()
    node.bench.wait_for_line(r"ethernet: the chip does not answer \(phy not found\)", WAIT_S)


# --- MQTT 5 and WebSocket


def _accounted(node: Node, topic: str = "petrel/n1/light", start: int = 0) -> None:
    """Every reading that was accepted has arrived: the numbers have no gap."""
    readings = [json.loads(p) for t, p in node.seen.messages[start:] if t == topic]
    numbers = sorted({each["seq"] for each in readings})
    assert numbers == list(range(numbers[0], numbers[-1] + 1)), numbers


class Way:
    """A way to a broker: a listener of Mosquitto's, and what the config says of it."""

    def __init__(self, name: str, folder: Path) -> None:
        self.mqtt: dict[str, Any] = {}
        self.port = free_port()
        self.plain = "TLS" not in name and "WebSocket" not in name
        if "MQTT 5" in name:
            self.mqtt["version"] = 5
        settings = [f"listener {self.port} 127.0.0.1", "allow_anonymous true"]
        if "WebSocket" in name:
            self.mqtt["websocket"] = "/mqtt" if "TLS" in name else True
            settings.append("protocol websockets")
        self.files: dict[str, bytes] = {}
        if "TLS" in name:
            self.mqtt["ca"] = "ca.pem"
            authority = Authority(folder)
            settings += authority.settings()
            self.files["ca.pem"] = authority.file.read_bytes()
        self.settings = () if self.plain else tuple(settings)


WAYS = ("MQTT 5", "WebSocket", "MQTT 5, TLS", "WebSocket, TLS", "MQTT 5, WebSocket, TLS")


@pytest.fixture(params=WAYS)
def on_its_way(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Node]:
    """A node that reaches its broker in that way, and is online."""
    (tmp_path / "authority").mkdir()
    way = Way(request.param, tmp_path / "authority")
    flash = tmp_path / "flash"
    with (
        Broker(settings=way.settings, persistence=True, folder=tmp_path / "broker") as broker,
        Subscriber(broker) as seen,
    ):
        air = (broker.host, broker.port if way.plain else way.port)
        node = make_node(flash, WIDTHS[-1], broker, seen, air=air, heap="256K")
        for name, content in way.files.items():
            (flash / name).write_bytes(content)
        mqtt = {**node.config()["mqtt"], **way.mqtt}
        node.write_config(node.config(mqtt=mqtt, sensors=[LIGHT], queue=400, ntp=""))
        with node.bench:
            node.bench.power_on()
            _read(node)
            yield node
        print("the board's console:", *node.bench.lines, sep="\n  ")


def test_no_reading_is_lost_whatever_happens_on_the_way(on_its_way: Node) -> None:
    """An outage of the air, a connection that is cut, a broker that restarts or forgets."""
    node = on_its_way
    assert node.command("ping")["ok"]
    node.bench.relay_cut()
    _back(node)
    for forgets in (False, True):
        node.bench.relay_off()  # until the subscriber hears the broker again
        node.seen.catch_up()
        node.broker.stop()
        for file in (node.broker._folder or Path()).glob("mosquitto.db*" if forgets else "-"):
            file.unlink()  # all sessions
        node.broker.start()
        node.seen.wait_subscribed()
        node.bench.relay_cut()
        node.bench.relay_on()
        _back(node)
    assert "faults" not in node.wait("diagnostics", WAIT_S)
    _accounted(node)


def _back(node: Node) -> None:
    """The node is heard again, and hears."""
    node.seen.wait_subscribed()
    start = len(node.seen.messages)
    _read(node, start)
    node.obeys()


def test_what_an_mqtt_5_broker_refuses_is_in_the_diagnostics(
    tmp_path: Path, broker: Broker, seen: Subscriber
) -> None:
    rules = tmp_path / "rules"
    rules.write_text("topic readwrite #\ntopic deny petrel/n1/light\n")
    with Broker(settings=(f"acl_file {rules}",)) as strict, Subscriber(strict) as heard:
        node = make_node(tmp_path / "flash", WIDTHS[-1], strict, heard)
        mqtt = {**node.config()["mqtt"], "version": 5}
        node.write_config(node.config(mqtt=mqtt, sensors=[LIGHT], diagnostics=10))
        with node.bench:
            node.bench.power_on()

            def told(_: str, __: str) -> bool:
                return any('"denied"' in payload for _, payload in heard.messages)

            assert heard.seen(told, WAIT_S)
            about = node.wait("diagnostics", WAIT_S, len(heard.messages))
            assert about["denied"]["count"] > 0
            assert about["denied"]["reason"] == "not authorized (code 0x87)"


def test_a_server_that_speaks_no_websocket_is_told_with_its_place(node: Node) -> None:
    mqtt = {**node.config()["mqtt"], "websocket": True}
    node.write_config(node.config(mqtt=mqtt, sensors=[LIGHT]))
    node.bench.power_on()
    place = f"127.0.0.1:{node.bench.relay_port}"
    node.bench.wait_for_line(f"not connected: .*{place}", WAIT_S)
