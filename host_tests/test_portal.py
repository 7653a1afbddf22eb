"""A board without Wi-Fi opens an access point: the whole node, and a phone that has joined it."""

from __future__ import annotations

import gzip
import json
import random
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest

from host_tests.harness import whole_nodes
from host_tests.harness.interpreter import WIDTHS
from host_tests.harness.node import LIGHT, WIFI, Node, make_node
from host_tests.harness.phone import AAAA, HTTPS, Phone
from tools.make.package import build
from tools.make.portal import SOURCE
from tools.play.broker import Broker
from tools.play.sim.access_point import DNS, HTTP, AccessPoint
from tools.play.sim.control import send
from tools.play.subscriber import Subscriber
from tools.shared.paths import MICROPYTHON, NO_32, ROOT
from tools.shared.process import popen

RAM_SCRIPT = ROOT / "host_tests" / "scripts" / "provision_ram.py"
SSID, PASSWORD = WIFI["ssid"], WIFI["password"]
MOST = 8192  # bytes of an ESP8266's heap
# What systems ask for to find out whether they are in the internet, and see if it is not.
PROBES = {
    "Android": ("connectivitycheck.gstatic.com", "/generate_204"),
    "Android before 7": ("clients3.google.com", "/gen_204"),
    "Apple": ("captive.apple.com", "/hotspot-detect.html"),
    "Windows 10": ("www.msftconnecttest.com", "/connecttest.txt"),
    "Windows 10, the browser": ("www.msftconnecttest.com", "/redirect"),
    "Windows 7": ("www.msftncsi.com", "/ncsi.txt"),
    "Firefox": ("detectportal.firefox.com", "/canonical.html"),
    "Firefox, the text": ("detectportal.firefox.com", "/success.txt?ipv4"),
    "KDE": ("networkcheck.kde.org", "/"),
}


@pytest.fixture(params=WIDTHS)
def node(
    request: pytest.FixtureRequest, tmp_path: Path, broker: Broker, seen: Subscriber
) -> Iterator[Node]:
    """A node that isn't switched on yet, with a config that names no network."""
    node = make_node(tmp_path / "flash", request.param, broker, seen)
    node.write_config(node.config(wifi={}, sensors=[LIGHT]))
    with node.bench:
        yield node


@pytest.fixture
def phone(node: Node) -> Phone:
    """A phone that has joined the node's access point."""
    return start(node)


def start(node: Node) -> Phone:
    node.bench.power_on()
    return Phone.joins(node.bench.world.access_point)


def config_of(node: Node) -> Any:
    return json.loads((node.flash / "config.json").read_text())


def files_of(node: Node) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in node.flash.glob("config*")}


def broker_of(node: Node) -> str:
    return f"127.0.0.1:{node.bench.relay_port}"


def test_from_the_access_point_to_a_reading(phone: Phone, node: Node) -> None:
    assert node.bench.world.access_point.name == "petrel-n1"
    assert phone.get("/scan") == [[SSID, -50, False]]
    now = phone.get("/state")
    assert now == {"state": "ready", "error": "", "node": "n1", "broker": "127.0.0.1"}
    form = {"ssid": SSID, "password": PASSWORD, "broker": broker_of(node), "node": "attic"}
    assert phone.join(**form, user="eve", secret="p+& ä%41") == ""
    assert phone.outcome() == ("saved", "")
    node.bench.world.access_point.wait_closed()
    found = node.seen.wait("petrel/attic/light", 60)
    assert found["unit"] == "V"
    before = node.config(wifi={}, sensors=[LIGHT])
    mqtt = {**before["mqtt"], "host": broker_of(node), "user": "eve", "password": "p+& ä%41"}
    assert config_of(node) == {**before, "node": "attic", "wifi": WIFI, "mqtt": mqtt}
    assert node.bench.world.access_point.name is None
    said = "\n".join(node.bench.lines)
    assert 'join the Wi-Fi "petrel-n1" with a phone, and open http://192.168.4.1.' in said
    assert PASSWORD not in said
    assert "Traceback" not in said


WRONG: list[tuple[dict[str, str], str]] = [
    ({"password": "wrong-password"}, "refused the password"),
    ({"ssid": "elsewhere"}, "not found"),
    ({"password": "short"}, "wifi.password: use 8 to 63 characters"),
    ({"ssid": ""}, "wifi.ssid: use the network's name"),
    ({"node": "two words"}, "Node name: use 1 to 32 of the characters"),
    ({"broker": "mqtt://broker"}, "Broker: mqtt:// does not belong here"),
    ({"broker": "127.0.0.1:1"}, "the broker 127.0.0.1 does not answer at port 1"),
    ({"secret": "of nobody"}, "needs a user"),
    ({"ssid": "n\u00f6 caf\u00e9 \u2615"}, "not found"),
    ({"password": "p" * 63}, "refused the password"),
]


def test_what_does_not_work_changes_nothing(phone: Phone, node: Node) -> None:
    files = files_of(node)
    right = {"ssid": SSID, "password": PASSWORD, "broker": broker_of(node), "node": "n1"}
    for changes, why in WRONG:
        at_once = phone.join(**{**right, **changes})
        state, later = phone.outcome()
        assert why in (at_once or later), changes
        assert state == "ready"
        assert files_of(node) == files
    assert phone.join(**right) == ""
    assert phone.outcome() == ("saved", "")


def test_what_listens_there_must_be_a_broker_that_takes_the_node(phone: Phone, node: Node) -> None:
    """It is asked as the node would ask it."""
    files = files_of(node)
    form = {"ssid": SSID, "password": PASSWORD, "node": "n1"}
    silent = socket.create_server(("127.0.0.1", 0))
    with Broker(users={"n1": "right"}) as strict, silent:
        at = f"127.0.0.1:{strict.port}"
        port = silent.getsockname()[1]
        for more, why in (
            ({"broker": f"127.0.0.1:{port}"}, f"port {port}, is no MQTT broker"),
            ({"broker": at}, "refuses this user and password"),
            ({"broker": at, "user": "n1", "secret": "wrong"}, "refuses this user and password"),
        ):
            assert phone.join(**form, **more) == ""
            state, said = phone.outcome()
            assert state == "ready" and why in said
            assert files_of(node) == files
        assert phone.join(**form, broker=at, user="n1", secret="right") == ""
        assert phone.outcome() == ("saved", "")


def test_a_broker_that_is_off_can_be_saved_all_the_same(phone: Phone, node: Node) -> None:
    assert phone.join(ssid=SSID, password=PASSWORD, broker="127.0.0.1:1", any="on") == ""
    assert phone.outcome()[0] == "saved"
    assert config_of(node)["mqtt"]["host"] == "127.0.0.1:1"


def test_the_probe_of_every_system_gets_the_page(phone: Phone) -> None:
    for system, (host, path) in PROBES.items():
        assert phone.look_up(host) == [bytes((192, 168, 4, 1))], system
        status, headers, content = phone.ask("GET", path, Host=host)
        assert (status, headers["Content-Encoding"]) == (200, "gzip"), system
        assert gzip.decompress(content) == SOURCE.read_bytes(), system
    assert phone.look_up("captive.apple.com", AAAA) == []
    assert phone.look_up("captive.apple.com", HTTPS) == []


def test_wrong_methods(phone: Phone) -> None:
    assert phone.ask("HEAD", "/")[::2] == (200, b"")
    for method, path in (("GET", "/join"), ("PUT", "/join"), ("DELETE", "/"), ("BREW", "/scan")):
        assert phone.ask(method, path)[0] == 405, (method, path)
    assert phone.get("/state")["state"] == "ready"


def test_requests_that_are_long_slow_and_three_at_once(phone: Phone) -> None:
    assert phone.ask("GET", "/", Cookie="c" * 20_000)[0] == 200
    assert phone.ask("GET", "/" + "p" * 20_000)[0] == 200
    status, _, content = phone.ask("POST", "/join", "ssid=" + "s" * 20_000)
    assert (status, json.loads(content)) == (413, {"error": "the form is too long"})
    slow = [phone.connect() for _ in range(3)]
    for each in slow:
        each.sendall(b"GET /state HT")
    assert phone.get("/state")["state"] == "ready"  # meanwhile
    for each in slow:
        for byte in b"TP/1.1\r\n\r\n":
            each.sendall(bytes((byte,)))
    for each in slow:
        with each, each.makefile("rb") as answer:
            assert answer.readline() == b"HTTP/1.1 200 OK\r\n"
    # Those who say nothing make room for who does, and are hung up on after their time.
    silent = [phone.connect() for _ in range(6)]
    assert phone.get("/state")["state"] == "ready"
    for each in silent:
        with each:
            assert each.recv(1) == b""


def test_noise_is_no_harm_and_leaves_nothing(phone: Phone, node: Node) -> None:
    """Random bytes, and requests that are cut short or spoilt, to both; then all still works."""
    process = node.bench._process
    assert process
    descriptors = Path(f"/proc/{process.pid}/fd")
    phone.get("/state")
    before = len(list(descriptors.iterdir()))
    chance = random.Random(1)
    form = urlencode({"ssid": "x", "password": "12345678", "broker": "127.0.0.1:1"}).encode()
    good = b"POST /join HTTP/1.1\r\nContent-Length: %d\r\n\r\n%s" % (len(form), form)
    query = bytes.fromhex("12340100000100000000000007636170746976650000010001")
    for number in range(120):
        spoilt = bytearray(good if number % 2 else chance.randbytes(400))
        for _ in range(chance.randrange(4)):
            spoilt[chance.randrange(len(spoilt))] = chance.randrange(256)
        with phone.connect() as connection:
            connection.sendall(spoilt[: chance.randrange(len(spoilt) + 1)])
        noise = bytearray(query)
        noise[chance.randrange(len(noise))] = chance.randrange(256)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sent:
            sent.sendto(noise[: chance.randrange(1, len(noise) + 1)], phone.names)
            sent.sendto(chance.randbytes(chance.randrange(1, 512)), phone.names)
    assert phone.look_up("example.org") == [bytes((192, 168, 4, 1))]
    assert phone.outcome(120)[0] == "ready"
    end = time.monotonic() + 60
    while len(list(descriptors.iterdir())) > before and time.monotonic() < end:
        phone.get("/state")
    assert len(list(descriptors.iterdir())) <= before
    assert not [line for line in node.bench.lines if "Traceback" in line]
    assert phone.join(ssid=SSID, password=PASSWORD, broker=broker_of(node)) == ""
    assert phone.outcome() == ("saved", "")


# --- when it opens, and when it ends


def test_the_command_opens_it_and_a_wifi_that_is_back_ends_it(node: Node) -> None:
    node.write_config(node.config(sensors=[LIGHT]))
    node.bench.power_on()
    node.wait("light", 60)
    node.obeys()
    assert node.command("provision")["ok"]
    phone = Phone.joins(node.bench.world.access_point)
    assert phone.get("/state")["broker"] == "127.0.0.1"
    assert phone.join(ssid=SSID, password=PASSWORD, node="n2") == ""
    assert phone.outcome() == ("saved", "")
    node.seen.wait("petrel/n2/light", 60)


def test_a_button_that_is_held_at_the_start_opens_it(node: Node) -> None:
    config = node.config(sensors=[LIGHT], provision={"pin": 4, "password": "for the owner"})
    node.write_config(config)
    node.bench.set_pin(4, 1)
    node.bench.power_on()
    node.wait("light", 60)
    assert node.bench.world.access_point.name is None
    node.bench.set_pin(4, 0)
    node.bench.reset()
    Phone.joins(node.bench.world.access_point)
    access_point = node.bench.world.access_point
    assert (access_point.name, access_point.password) == ("petrel-n1", "for the owner")
    told = send(node.bench.control_address, {"do": "state"})
    assert told["access_point"] == "petrel-n1"
    assert told["ports"] == {str(port): access_point.ports[port] for port in (HTTP, DNS)}


def test_false_leaves_only_the_line(node: Node) -> None:
    node.write_config(node.config(wifi={}, sensors=[LIGHT], provision=False))
    node.bench.power_on()
    node.bench.wait_for_line("Set it over this line", 60)
    assert node.bench.world.access_point.name is None


def test_a_window_is_open_after_a_power_on_alone(node: Node) -> None:
    node.write_config(node.config(wifi={}, sensors=[LIGHT], provision={"window": 300}))
    start(node)
    at = node.bench.wait_for_line("It is open for 5 minutes", 60)
    node.bench.reset()
    at = node.bench.wait_for_line("Set it over this line", 60, at)
    assert node.bench.world.access_point.name is None


def test_a_board_without_any_config_gets_its_first(node: Node) -> None:
    (node.flash / "config.json").unlink()
    phone = start(node)
    assert phone.get("/state")["node"] == "petrel-c0ffee"
    assert "Broker: use" in phone.join(ssid=SSID, password=PASSWORD)
    assert phone.join(ssid=SSID, password=PASSWORD, broker=broker_of(node), node="n1") == ""
    assert phone.outcome() == ("saved", "")
    assert node.wait("status", 60) == "online"
    assert config_of(node) == {"node": "n1", "wifi": WIFI, "mqtt": {"host": broker_of(node)}}


@pytest.mark.timeout(240)
@pytest.mark.parametrize("node", ["64"], indirect=True)
def test_a_wifi_that_was_never_joined_opens_it(node: Node) -> None:
    """After a minute. What was joined once is waited for; see host_tests/device/test_portal.py."""
    node.write_config(node.config(wifi={**WIFI, "ssid": "misspelt"}, sensors=[LIGHT]))
    node.bench.power_on()
    node.bench.wait_for_line('provision: Wi-Fi "misspelt" never joined', 180)
    phone = Phone.joins(node.bench.world.access_point)
    node.bench.wait_for_line('Wi-Fi "misspelt": not joined; it is tried again every 5', 60)
    assert phone.join(ssid=SSID, password=PASSWORD) == ""
    node.wait("light", 60)


# --- RAM


@pytest.mark.parametrize("where", ["rom", "files"])
def test_it_takes_at_most_8_kilobytes_of_an_esp8266(tmp_path: Path, where: str) -> None:
    """With three connections open; all of it fits its heap of 38 KB, and nothing stays."""
    if NO_32.exists():
        pytest.skip(f"no 32-bit MicroPython: {NO_32.read_text()}")
    (tmp_path / "lib").symlink_to(build("ESP8266_GENERIC", quiet=True) / "lib")
    config = {"node": "n1", "wifi": {}, "mqtt": {"host": "b"}, "sensors": []}
    (tmp_path / "config.json").write_text(json.dumps(config))
    air = AccessPoint()
    phone = Phone(("127.0.0.1", air.port(HTTP)), ("127.0.0.1", air.port(DNS)))
    command = [str(MICROPYTHON["32"]), "-X", "heapsize=38K", str(RAM_SCRIPT)]
    command += [str(phone.web[1]), str(phone.names[1])]
    if where == "rom":
        command.append(str(whole_nodes.image(tmp_path)))
    with (
        Broker() as broker,
        popen(command, cwd=tmp_path, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process,
    ):
        assert process.stdout
        try:
            for _ in range(2):
                while process.stdout.readline() != "next\n":
                    pass
                use(phone, f"127.0.0.1:{broker.port}")
            printed = process.stdout.read()
            process.wait(60)
        finally:
            process.kill()
    waiting, left = (int(each) for each in printed.splitlines()[-1].split())
    assert waiting <= MOST - (2048 if where == "rom" else 0), printed
    assert left <= 0, printed


def use(phone: Phone, broker: str) -> None:
    """Everything that a person may do there."""
    phone.connect().close()
    three = [phone.connect() for _ in range(3)]
    for each in three:
        each.sendall(b"GET / HTTP/1.1\r\n\r\n")
    for each in three:
        with each, each.makefile("rb") as answer:
            assert len(answer.read()) > 1000
    assert phone.look_up("example.org")
    assert [name for name, *_ in phone.get("/scan")] == ["other", "home"]
    assert phone.join(ssid="home", password="wrong-one", broker=broker) == ""
    assert phone.outcome()[0] == "ready"
    assert phone.join(ssid="home", password="password", broker=broker, node="n1") == ""
    assert phone.outcome() == ("saved", "")
