"""`make check` and `make wiring`, as they are used."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from host_tests.harness.authority import DAY, NOW, Authority
from tools.config.check import of_file
from tools.shared.paths import ROOT

GOOD: dict[str, Any] = {"name": "door", "driver": "digital", "pin": 4, "pull": "up"}


def ran(tmp_path: Path, command: str, board: str, *sensors: dict[str, Any], **more: Any) -> Any:
    config = {"wifi": {"ssid": "net"}, "mqtt": {"host": "b"}, "sensors": sensors, **more}
    path = tmp_path / "my.json"
    path.write_text(json.dumps(config))
    arguments = [command, board, str(path)]
    if command == "wiring":
        arguments += ["--out", str(tmp_path / "out.svg")]
    return subprocess.run(
        [sys.executable, "-m", "tools", *arguments], cwd=ROOT, capture_output=True, text=True
    )


def test_a_good_config_is_good(tmp_path: Path) -> None:
    done = ran(tmp_path, "check", "ESP32_GENERIC", GOOD)
    assert (done.returncode, done.stdout) == (0, "good for ESP32_GENERIC\n")


def test_a_warning_alone_is_no_failure(tmp_path: Path) -> None:
    done = ran(tmp_path, "check", "ESP32_GENERIC", {**GOOD, "pin": 12})
    assert done.returncode == 0
    assert "warning sensors[0].pin: GPIO12 is read at the start" in done.stdout
    assert "Better: 4, 5" not in done.stdout and "Better: " in done.stdout


@pytest.mark.parametrize(
    ("board", "sensor", "said"),
    [
        (
            "ESP32_GENERIC",
            {"driver": "voltage", "pin": 25},
            "25 can't measure while Wi-Fi is on",
        ),
        ("ESP32_GENERIC", {"driver": "relay", "pin": 34}, "34 can only be an input"),
        ("ESP32_GENERIC", {**GOOD, "pin": 34}, "34 has no pull-up"),
        ("ESP32_GENERIC", {**GOOD, "pin": 6}, "6 is used for"),
        ("RPI_PICO_W", {"driver": "relay", "pin": 99}, "99 is not a pin"),
    ],
)
def test_what_cannot_work_is_refused_with_a_better_pin(
    tmp_path: Path, board: str, sensor: dict[str, Any], said: str
) -> None:
    done = ran(tmp_path, "check", board, {"name": "s", **sensor})
    assert done.returncode == 1
    assert "refused sensors[0]." in done.stdout and said in done.stdout
    assert " Use " in done.stdout
    done = ran(tmp_path, "wiring", board, {"name": "s", **sensor})
    assert done.returncode == 1 and said in done.stderr
    assert not (tmp_path / "out.svg").exists()


def test_two_parts_on_one_pin(tmp_path: Path) -> None:
    done = ran(tmp_path, "check", "ESP32_GENERIC", GOOD, {**GOOD, "name": "two"})
    assert done.returncode == 1
    assert "sensors[1].pin: GPIO4 is already used by sensors[0]" in done.stdout


def test_what_is_no_config(tmp_path: Path) -> None:
    path = tmp_path / "bad.json"
    path.write_text("{")
    command = [sys.executable, "-m", "tools", "check", "ESP32_GENERIC", str(path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 1 and "the file ends too early" in done.stdout


def test_the_picture_is_drawn(tmp_path: Path) -> None:
    done = ran(tmp_path, "wiring", "ESP32_GENERIC", GOOD)
    assert done.returncode == 0, done.stderr
    assert "<svg" in (tmp_path / "out.svg").read_text()


@pytest.mark.parametrize("fault", ["", "expired", "not yet valid", "another key"])
def test_what_only_a_computer_sees_in_certificates(fault: str, tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    start, end = {"expired": (-9, -1), "not yet valid": (1, 9)}.get(fault, (-1, 1))
    cert, key = authority.issue("n1", NOW + start * DAY, NOW + end * DAY)
    if fault == "another key":
        _, key = authority.issue("n2")
    files = {"ca": "ca.pem", "cert": cert.name, "key": key.name}
    done = ran(tmp_path, "check", "ESP32_GENERIC", mqtt={"host": "b", **files})
    assert done.returncode == 0, done.stdout
    said = {
        "": "",
        "expired": f"warning mqtt.cert: {cert.name} expired on ",
        "not yet valid": f"warning mqtt.cert: {cert.name} is not valid before ",
        "another key": f"warning mqtt.key: {key.name} is not the key of {cert.name}.",
    }[fault]
    assert done.stdout.count("warning") == bool(said)
    assert done.stdout.startswith(said)


def test_a_config_that_is_large_by_its_spaces_is_good_for_a_deploy_alone(tmp_path: Path) -> None:
    path = tmp_path / "my.json"
    path.write_text(json.dumps({"wifi": {"ssid": "n"}, "mqtt": {"host": "b"}}, indent=3000))
    command = [sys.executable, "-m", "tools", "check", "ESP8266_GENERIC", str(path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0
    assert "`make deploy` sends it without spaces" in done.stdout


def test_a_long_value_is_shown_whole(tmp_path: Path) -> None:
    name = "a name" * 40
    done = ran(tmp_path, "check", "ESP32_GENERIC", {**GOOD, "name": name})
    assert f'sensors[0].name: "{name}" is wrong.' in done.stdout


def test_nothing_beside_the_config_is_run(tmp_path: Path) -> None:
    for module in ("json", "board", "node", "tls"):
        (tmp_path / f"{module}.py").write_text("raise SystemExit(3)")
    assert ran(tmp_path, "check", "ESP32_GENERIC", GOOD).returncode == 0


def test_a_config_with_the_examples_network_is_drawn_and_refused_for_a_board(
    tmp_path: Path,
) -> None:
    wifi = {"ssid": "your network", "password": "its password"}
    done = ran(tmp_path, "wiring", "ESP32_GENERIC", GOOD, wifi=wifi)
    assert done.returncode == 0, done.stderr
    assert "door" in (tmp_path / "out.svg").read_text()
    done = ran(tmp_path, "check", "ESP32_GENERIC", GOOD, wifi=wifi)
    assert done.returncode == 1 and 'wifi.ssid: "your network"' in done.stdout
    done = ran(tmp_path, "wiring", "ESP32_GENERIC", GOOD, wifi={"ssid": 3})
    assert done.returncode == 1 and "wifi.ssid: 3 is wrong" in done.stderr


NO_JSON = {  # what isn't JSON: the file, and what is said of it
    "a comma too many": (b'{"mqtt": {"host": "b"},}', 'remove the "," before this "}"'),
    "UTF-16": ('{"mqtt": {"host": "b"}}'.encode("utf-16"), "Save it as UTF-8"),
    "Latin-1": ('{"node": "gr\u00fcn"}'.encode("latin-1"), "line 1: not UTF-8"),
    "deep": (b"[" * 5000 + b"]" * 5000, "nested more than 16 deep"),
    "a key twice": (b'{"node": "a", "node": "b"}', '"node" '),
    "NaN": (b'{"queue": NaN}', "JSON has no NaN"),
    "nothing": (b"", "empty"),
    "a list": (b"[]", "it has to be an object"),
}


@pytest.mark.parametrize("command", ["check", "wiring", "deploy"])
@pytest.mark.parametrize("what", NO_JSON)
def test_a_file_that_is_no_json_is_told_by_every_command(
    what: str, command: str, tmp_path: Path
) -> None:
    data, said = NO_JSON[what]
    path = tmp_path / "my.json"
    path.write_bytes(data)
    arguments = {
        "check": ["check", "ESP32_GENERIC", str(path)],
        "wiring": ["wiring", "ESP32_GENERIC", str(path), "--out", str(tmp_path / "out.svg")],
        "deploy": ["deploy", "ESP32_GENERIC", "--config", str(path), "--to", str(tmp_path / "to")],
    }[command]
    done = subprocess.run(
        [sys.executable, "-m", "tools", *arguments], cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 1 and "error: ESP32_GENERIC would refuse" in done.stderr
    assert said in done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "out.svg").exists() and not (tmp_path / "to").exists()


def test_a_picture_that_cannot_be_written_is_one_clear_message(tmp_path: Path) -> None:
    (tmp_path / "out.svg").mkdir()
    done = ran(tmp_path, "wiring", "ESP32_GENERIC", GOOD)
    assert done.returncode and done.stderr.startswith("error: --out: ")
    (tmp_path / "out.svg").rmdir()
    (tmp_path / "out.svg").symlink_to(tmp_path / "no folder" / "out.svg")
    done = ran(tmp_path, "wiring", "ESP32_GENERIC", GOOD)
    assert done.returncode == 1 and done.stderr.startswith(f"error: {tmp_path}/out.svg: No such")


@pytest.mark.parametrize(
    ("board", "mqtt", "said"),
    [
        ("ESP32_GENERIC", {"host": "localhost"}, '"localhost" is the board itself. Use the'),
        ("ESP32_GENERIC", {"host": ["b", "127.0.0.1:1884"]}, '"127.0.0.1:1884" is the board'),
        ("ESP32_GENERIC", {"host": "localhost.lan"}, ""),
        ("ESP32_GENERIC", {"host": "127-rack.lan"}, ""),
        ("UNIX", {"host": "127.0.0.1"}, ""),
        ("PYBV11", {"host": "b"}, "PYBV11 has no network, so its readings are only printed"),
        ("PYBV11", {"serial": "usb"}, ""),
    ],
)
def test_a_way_to_the_broker_that_leads_nowhere_is_a_warning(
    board: str, mqtt: dict[str, Any], said: str, tmp_path: Path
) -> None:
    config: dict[str, Any] = {"mqtt": mqtt}
    if board != "PYBV11":
        config["wifi"] = {"ssid": "net"}
    path = tmp_path / "my.json"
    path.write_text(json.dumps(config))
    faults, warnings = of_file(path, board)
    assert not faults and len(warnings) == bool(said), (faults, warnings)
    assert not said or said in warnings[0]
