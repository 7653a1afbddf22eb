"""`make check` says of a file what the board would say: one corpus, both verdicts."""

from __future__ import annotations

import json
import subprocess
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import trustme

from tools.config.check import minified, of_file
from tools.make.package import build
from tools.shared.paths import MICROPYTHON

BOARDS = ("ESP32_GENERIC", "ESP8266_GENERIC", "PYBD_SF2", "PYBV11")
HEAPS = {"ESP8266_GENERIC": "38K"}
# What a board does at its start, without the rest of the node.
LOAD = """
import sys
sys.path[:] = [sys.argv[1], ".frozen"]
import json
from node.config import load as config
found, faults, state = config.load()
print(json.dumps([state, faults]))
"""


@cache
def certificates() -> dict[str, bytes]:
    """Files that a config may name, good and bad ones."""
    from cryptography import x509
    from cryptography.hazmat.primitives import serialization as form

    authority, leaf = trustme.CA(), trustme.CA().issue_cert("n1")
    ca, key = authority.cert_pem.bytes(), leaf.private_key_pem.bytes()
    private = form.load_pem_private_key(key, None)
    locked = private.private_bytes(
        form.Encoding.PEM, form.PrivateFormat.PKCS8, form.BestAvailableEncryption(b"secret")
    )
    return {
        "ca.pem": ca,
        "ca.der": x509.load_pem_x509_certificate(ca).public_bytes(form.Encoding.DER),
        "cut.pem": ca[:300],
        "flipped.pem": ca.replace(b"M", b"N", 8),
        "two.pem": ca + ca[:-40],
        "empty.pem": b"",
        "bundle.pem": ca * 40,
        "n1.pem": leaf.cert_chain_pems[0].bytes(),
        "n1.key": key,
        "locked.key": locked,
    }


def config(**changes: Any) -> dict[str, Any]:
    return {"wifi": {"ssid": "net"}, "mqtt": {"host": "broker"}, **changes}


def mqtt(**more: Any) -> dict[str, Any]:
    return config(mqtt={"host": "broker", **more})


def sensor(**more: Any) -> dict[str, Any]:
    return config(sensors=[{"name": "s", "driver": "digital", "pin": 4, **more}])


GOOD = json.dumps(config())
AIR = {"driver": "bme280", "sda": 4, "scl": 5, "pin": None}


def air(**more: Any) -> dict[str, Any]:
    return config(sensors=[{"name": "s", "driver": "bme280", "sda": 13, "scl": 14, **more}])


# What is in the file, and a piece of what is said of it on an ESP32; "" for nothing.
CORPUS: dict[str, tuple[bytes | str | dict[str, Any], str]] = {
    "good": (config(), ""),
    "lines of Windows": (json.dumps(config(), indent=2).replace("\n", "\r\n"), ""),
    "byte order mark": (b"\xef\xbb\xbf" + GOOD.encode(), ""),
    "UTF-16": (GOOD.encode("utf-16"), "saved as UTF-16. Save it as UTF-8."),
    "Latin-1": (GOOD.replace("net", "n\xe9t").encode("latin-1"), "line 1: not UTF-8"),
    "an accent in UTF-8": (GOOD.replace("net", "n\xe9t"), ""),
    "empty": ("", "config.json: empty. Copy one to the board."),
    "blank": (" \r\n\t", "config.json: empty. Copy one to the board."),
    "byte order mark alone": (b"\xef\xbb\xbf", "config.json: empty."),
    "trailing comma": (GOOD[:-1] + ",}", 'remove the "," before this "}"'),
    "missing comma": (GOOD.replace(", ", " ", 1), 'a "," or "}" is missing here'),
    "a key twice": (GOOD[:-1] + ', "wifi": {}}', '"wifi" is here twice'),
    "NaN": (GOOD[:-1] + ', "queue": NaN}', "JSON has no NaN"),
    "infinity": (GOOD[:-1] + ', "queue": 1e999}', "queue: inf is wrong"),
    "infinite point": (
        sensor(driver="table", pin=32, points=[0, 1, 2, 3]), "",
    ),
    "null": (GOOD[:-1] + ', "queue": null}', "queue: null is wrong"),
    "null for a section": (GOOD[:-1] + ', "commands": null}', "commands: this is wrong"),
    "a comment": ("// mine\n" + GOOD, "JSON has no comments"),
    "nested": (
        GOOD[:-1].replace(" ", "") + ',"x":' + "[" * 3000 + "]" * 3000 + "}",
        "nested more than 16 deep",
    ),
    "nested, cut short": ("[" * 4000, "nested more than 16 deep"),
    "cut short": (GOOD[:-1], "the file ends too early"),
    "no object": ("[]", "it has to be an object"),
    "a text": ('"mqtt"', "it has to be an object"),
    "large": (json.dumps(config(base="x" * 5000)), "base: "),
    "large by spaces": (json.dumps(config(), indent=2000), ""),
    "too large": (json.dumps(config(base="x" * 20_000)), "bytes"),
    "example": (
        config(wifi={"ssid": "your network", "password": "its password"}),
        'wifi.ssid: "your network" is the example\'s. Write your own.',
    ),
    "wifi password": (config(wifi={"ssid": "net", "password": "x" * 64}), "8 to 63 characters"),
    "wifi key": (config(wifi={"ssid": "net", "password": "0123456789abcDEF" * 4}), ""),
    "long ssid": (config(wifi={"ssid": "\xe9" * 17}), "wifi.ssid"),
    "URL": (mqtt(host="mqtt://10.0.0.1"), 'Use "10.0.0.1".'),
    "URL with TLS": (mqtt(host="mqtts://h:8883/"), 'Use "h:8883", and for TLS "ca": "ca.pem"'),
    "URL with a password": (mqtt(host="mqtt://me:hush@h"), "mqtt.user and mqtt.password"),
    "WebSocket": (mqtt(host="ws://h:9001/mqtt"), 'and for WebSocket "websocket": true'),
    "host and port": (mqtt(host="h:1884"), ""),
    "address and port": (mqtt(host=["10.0.0.1:1884", "[fe80::1]:1884", "fe80::2"]), ""),
    "bad port": (mqtt(host="h:99999"), '"h:99999" is not a host'),
    "a port twice": (mqtt(host="broker:1883:1883"), '"broker:1883:1883" is not a host'),
    "a port with a sign": (mqtt(host="h:+5"), '"h:+5" is not a host'),
    "no colon before a port": (mqtt(host="[::1]/5"), '"[::1]/5" is not a host'),
    "dots alone": (mqtt(host="."), '"." is not a host'),
    "two dots": (mqtt(host="my..broker"), '"my..broker" is not a host'),
    "a dot at the end": (mqtt(host="broker.lan."), ""),
    "IPv6 within IPv4": (mqtt(host="::ffff:10.0.0.1"), ""),
    "no port": (mqtt(host="h:"), '"h:" is not a host'),
    "no name": (mqtt(host=":1883"), '":1883" is not a host'),
    "a space": (mqtt(host="my broker"), '"my broker" is not a host'),
    "one bad of two": (mqtt(host=["a", "b c"]), '"b c" is not a host'),
    "8883": (mqtt(port=8883), ""),
    "JWT": (mqtt(user="u", password="e" * 1000), ""),
    "ntp": (config(ntp="pool.ntp.org"), ""),
    "no ntp": (config(ntp=""), ""),
    "ntp with a port": (config(ntp="10.0.0.1:1123"), ""),
    "ntp as a URL": (config(ntp="ntp://pool.ntp.org"), 'Use "pool.ntp.org".'),
    "ntp off": (config(ntp="off"), '"off" is not a time server. Use "pool.ntp.org", or ""'),
    "ntp false": (config(ntp=False), "ntp: false is wrong"),
    "address as text": (air(address="0x77"), ""),
    "address as text, in capitals": (air(address="0X77"), ""),
    "address of another": (air(address="0x78"), 'Use an address from "0x76" to "0x77".'),
    "address in words": (air(address="0xhigh"), '"0xhigh" is wrong'),
    "driver typo": (sensor(driver="digitl"), 'Did you mean "digital"?'),
    "driver in capitals": (sensor(driver="DIGITAL"), 'Did you mean "digital"?'),
    "no driver": (sensor(driver="xyzzy"), 'there is no driver "xyzzy" here.'),
    "what drivers share": (
        sensor(driver="shared"),
        'there is no driver "shared" here. docs/sensors lists them all.',
    ),
    "nearly the package": (
        sensor(driver="__init"),
        'there is no driver "__init" here. docs/sensors lists them all.',
    ),
    "key typo": (sensor(intervall=5), 'Did you mean "interval"?'),
    "key in capitals": (sensor(Pull="up"), 'Did you mean "pull"?'),
    "no such pin": (sensor(pin=99), "GPIO99 is not a pin (ESP32_GENERIC). Use "),
    "a pin in quotes": (sensor(pin="4"), '"4" is not a pin (ESP32_GENERIC). Use 4, without'),
    "a pin by its name": (sensor(pin="GPIO4"), '"GPIO4" is not a pin (ESP32_GENERIC). Use 4, '),
    "a pin's other name": (sensor(pin="D4"), '"D4" is not a pin (ESP32_GENERIC). Use 4, 13, '),
    "a port in quotes": (mqtt(port="1883"), 'number from 1 to 65535, without quotes.'),
    "half an address": (mqtt(host="10.0.0"), '"10.0.0" is not a host.'),
    "too large for an address": (mqtt(host="192.168.1.300"), '"192.168.1.300" is not a host.'),
    "mqtt as text": (config(mqtt="broker"), 'mqtt: this is wrong. Use {"host": "..."}.'),
    "another's key": (config(mqtt={"broker": "b"}), 'mqtt.broker: unknown. Did you mean "host"?'),
    "another's TLS": (mqtt(tls=True), 'For TLS use "ca": "ca.pem", or "verify": false.'),
    "a URL for ntp": (config(ntp="http://t"), 'ntp: http:// does not belong here. Use "t".'),
    "a longer key": (mqtt(username="me"), 'mqtt.username: unknown. Did you mean "user"?'),
    "a shorter key": (mqtt(user="me", **{"pass": "x"}), 'Did you mean "password"?'),
    "half a driver": (sensor(driver="digi"), 'Did you mean "digital"?'),
    "I2C address that a part cannot have": (air(address="0x78"), 'address: 120 (0x78) is wrong.'),
    "strapping": (sensor(pin=0), ""),
    "verify": (mqtt(verify=True), "mqtt.ca: missing."),
    "trust": (mqtt(verify=False), ""),
    "ca": (mqtt(ca="ca.pem"), ""),
    "ca in a folder": (mqtt(ca="certs/ca.pem"), ""),
    "ca in DER": (mqtt(ca="ca.der"), ""),
    "ca elsewhere": (mqtt(ca="/etc/ca.pem"), "beside config.json"),
    "ca outside": (mqtt(ca="../ca.pem"), "beside config.json"),
    "no ca": (mqtt(ca="none.pem"), "mqtt.ca: none.pem is not there. Copy it"),
    "cut ca": (mqtt(ca="cut.pem"), "mqtt.ca: cut.pem is cut short."),
    "damaged ca": (mqtt(ca="flipped.pem"), "mqtt.ca: flipped.pem is damaged"),
    "half a second ca": (mqtt(ca="two.pem"), "mqtt.ca: two.pem is cut short."),
    "empty ca": (mqtt(ca="empty.pem"), "mqtt.ca: empty.pem is empty."),
    "a bundle": (mqtt(ca="bundle.pem"), "Use the one authority"),
    "a key as ca": (mqtt(ca="n1.key"), "mqtt.ca: n1.key holds no certificate"),
    "config as ca": (mqtt(ca="config.json"), "mqtt.ca: config.json is damaged"),
    "client certificate": (mqtt(ca="ca.pem", cert="n1.pem", key="n1.key"), ""),
    "client certificate, trusting": (mqtt(verify=False, cert="n1.pem", key="n1.key"), ""),
    "no key": (mqtt(ca="ca.pem", cert="n1.pem"), "mqtt.key: missing."),
    "no certificate": (mqtt(ca="ca.pem", key="n1.key"), "mqtt.cert: missing."),
    "certificate without TLS": (mqtt(cert="n1.pem", key="n1.key"), "mqtt.ca: missing."),
    "swapped": (mqtt(ca="ca.pem", cert="n1.key", key="n1.pem"), "mqtt.cert: n1.key holds no"),
    "locked key": (mqtt(ca="ca.pem", cert="n1.pem", key="locked.key"), "openssl pkey"),
}  # fmt: skip


def on_board(board: str, folder: Path) -> tuple[str, list[str], list[str]]:
    """What the board makes of the config in a folder: state, faults and warnings."""
    lib = build(board, quiet=True) / "lib"
    heap = HEAPS.get(board, "128K")
    command = [str(MICROPYTHON["32"]), "-X", f"heapsize={heap}", "-c", LOAD, str(lib)]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr
    *lines, last = done.stdout.splitlines()
    state, faults = json.loads(last)
    return state, faults, [line.removeprefix("Petrel: warning: ") for line in lines]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder for a config, with certificates beside it."""
    (tmp_path / "certs").mkdir()
    for name, content in certificates().items():
        (tmp_path / name).write_bytes(content)
    (tmp_path / "certs" / "ca.pem").write_bytes(certificates()["ca.pem"])
    return tmp_path


@pytest.mark.parametrize("board", BOARDS)
@pytest.mark.parametrize("what", CORPUS)
def test_the_host_says_what_the_board_says(what: str, board: str, folder: Path) -> None:
    text, said = CORPUS[what]
    if isinstance(text, dict):
        text = json.dumps(text, ensure_ascii=False)
    path = folder / "config.json"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    faults, warnings = of_file(path, board)
    if board == BOARDS[0]:
        assert said in "\n".join(faults) if said else faults == []
    if path.stat().st_size > 4096:
        path.write_bytes(minified(path))  # as a deploy does
    state, told, warned = on_board(board, folder)
    assert (state == "new") == (not faults)
    # A long value is shown whole on the host alone; a file of more bytes than any board takes is
    # not even read there.
    told = [line.partition(" It can have")[0][:60] for line in told]
    assert told == [line.partition(" It can have")[0][:60] for line in faults]
    assert set(warned) <= set(warnings)
    assert not [line for line in [*faults, *warnings, *told] if "hush" in line]
