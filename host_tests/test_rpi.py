"""The board RPI: drivers over the kernel's devices, which are models here, and a node on Linux."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gpiod
import pytest
import smbus2

from boards.RPI.machine import STATUS
from host_tests import test_drivers_i2c
from host_tests.harness.pi import PiRig
from host_tests.test_drivers_i2c import DRIVERS, PARTS, quick  # noqa: F401
from tools.config.check import findings
from tools.cpython.node import place
from tools.play.broker import Broker
from tools.play.subscriber import Subscriber
from tools.shared import boards
from tools.shared.errors import ToolError
from tools.shared.paths import ROOT

WAIT_S = 60.0
IIO = "sys/bus/iio/devices/iio:device0/"
PROBE = "sys/bus/w1/devices/28-0123456789ab/w1_slave"
SCRATCHPAD = "55 01 4b 46 7f ff 0c 10 d8 : crc=d8 YES\n55 01 4b 46 7f ff 0c 10 d8 t=21312\n"


def value(rig: PiRig, driver: str, **entry: Any) -> Any:
    """A reading, or the error."""
    given = ", ".join(f"{key}={item!r}" for key, item in entry.items())
    (said,) = rig.run(f"tell(told(lambda: value(make({driver!r}, {given}))))")
    return said


@pytest.mark.parametrize("driver", DRIVERS)
def test_every_part_on_i2c(driver: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """It measures what its model does; and if it is pulled out, that is said."""
    monkeypatch.setattr(test_drivers_i2c, "Rig", PiRig)
    monkeypatch.setattr(test_drivers_i2c, "BUS", "i2c:2,3")
    monkeypatch.setattr(test_drivers_i2c, "AT", "sda=2, scl=3")
    _, values, near = next(each for each in PARTS if each[0] == driver)
    test_drivers_i2c.test_value("64", driver, values, near)
    if driver == "sht3x":
        test_drivers_i2c.test_a_part_that_is_not_there("64", driver)


def test_a_contact_is_followed_by_its_edges() -> None:
    with PiRig("64", {"pin:17": {"model": "constant", "level": 0}}) as rig:
        pressed: list[int] = []
        set_up = rig.world.interrupt

        def interrupt(pin: str, number: int) -> None:
            set_up(pin, number)
            pressed.append(number)
            rig.world.drive(17, 1)
            rig._wire.event(number, 1)

        rig.world.interrupt = interrupt  # type: ignore[method-assign]
        said = rig.run("""
from time import ticks_ms
s = make("digital", pin=17, debounce_ms=5)
s.listen()
s.changed = False
while not s.changed:
    s.poll(ticks_ms())
    time.sleep_ms(1)
tell(s.read())
""")
    assert pressed and said == [[1]]


def test_a_relay_is_safe_from_the_first_moment_and_obeys() -> None:
    with PiRig("64", {}) as rig:
        seen: list[tuple[str, int]] = []
        rig.world.output = lambda pin, level: seen.append((pin, level))  # type: ignore
        rig.run("s = make('relay', pin=22, invert=True)\ns.set(True)\ns.close()")
    assert seen[0] == ("22", 1)
    assert [level for _, level in seen[-2:]] == [0, 1]
    assert {pin for pin, _ in seen} == {"22"}


def test_the_time_of_an_echo_is_the_kernels() -> None:
    parts = {"wire:24": {"model": "hc-sr04", "distance": 0.8}}
    with PiRig("64", parts) as rig:
        (metres,) = value(rig, "distance", pin=23, echo=24)
    assert abs(metres - 0.8) < 0.01


def test_an_analog_input_is_a_channel_of_iio() -> None:
    files = [(IIO + "name", "mcp3008\n"), (IIO + "in_voltage0_raw", "512\n"),
             (IIO + "in_voltage_scale", "3.222656250\n")]  # fmt: skip
    with PiRig("64", {}, files) as rig:
        assert value(rig, "voltage", pin=100)[0] == pytest.approx(1.65, abs=0.001)
        said = value(rig, "voltage", pin=103)
    assert said == "OSError: no converter has a channel 3: is its overlay in config.txt?"


@pytest.mark.parametrize(("driver", "celsius"), [("dht22", -7.4), ("dht11", 21.5)])
def test_a_dht_is_the_kernels(driver: str, celsius: float) -> None:
    files = [(IIO + "name", "dht11@4\n"), (IIO + "in_temp_input", f"{celsius * 1000:.0f}\n"),
             (IIO + "in_humidityrelative_input", "45000\n")]  # fmt: skip
    with PiRig("64", {}, files) as rig:
        assert value(rig, driver, pin=4) == [celsius, 45.0]
        (rig.root / IIO / "in_temp_input").unlink()
        assert value(rig, driver, pin=4).endswith(
            "no answer; check the pin, its pull-up and power"
        )


def test_a_ds18b20_is_the_kernels() -> None:
    with PiRig("64", {}, [(PROBE, SCRATCHPAD)]) as rig:
        assert value(rig, "ds18b20", pin=4) == [21.3125]
        (rig.root / PROBE).write_text(SCRATCHPAD.replace("YES", "NO"))
        assert "bad checksum" in value(rig, "ds18b20", pin=4)
        (rig.root / PROBE).unlink()
        (rig.root / PROBE).parent.rmdir()
        assert "no answer" in value(rig, "ds18b20", pin=4)


def test_a_dimmer_is_the_pis_own_pwm() -> None:
    pwm = "sys/class/pwm/pwmchip0/pwm0/"
    files = [(pwm + name, "0") for name in ("period", "duty_cycle", "enable")]
    with PiRig("64", {}, files) as rig:
        rig.run("s = make('dimmer', pin=18)\ns.set(50)")
        told = [int((rig.root / name).read_text()) for name, _ in files]
    assert told[2] == 1 and told[1] / told[0] == pytest.approx(0.5, abs=0.01)


def test_what_is_switched_off_is_said() -> None:
    with PiRig("64", {}) as rig:
        assert "dtoverlay=dht11,gpiopin=4" in value(rig, "dht22", pin=4)
        assert "dtoverlay=w1-gpio,gpiopin=4" in value(rig, "ds18b20", pin=4)
        assert "dtoverlay=pwm-2chan" in value(rig, "dimmer", pin=18)
        (rig.root / "dev/i2c-1").unlink()
        assert "raspi-config" in value(rig, "bme280", sda=2, scl=3)
        (rig.root / "dev/gpiochip0").unlink()
        said = value(rig, "relay", pin=22)
    assert said == "OSError: this computer has no GPIO: there is no /dev/gpiochip*"


def test_the_packages_have_what_the_board_calls() -> None:
    """The models stand in for these alone."""
    for name in ("get_value", "set_value", "reconfigure_lines", "read_edge_events"):
        assert hasattr(gpiod.LineRequest, name)
    assert hasattr(gpiod.Chip, "get_info") and hasattr(gpiod.LineRequest, "wait_edge_events")
    assert hasattr(smbus2.SMBus, "i2c_rdwr")


def test_the_check_of_a_config_knows_the_board() -> None:
    good = {"mqtt": {"host": "broker"}, "sensors": [{"name": "here", "driver": "host"}]}
    assert findings(good, boards.LINUX) == ([], [])
    bad = {**good, "wifi": {"ssid": "a", "password": "password"}}
    assert findings(bad, boards.LINUX)[0] == ["wifi: RPI has no Wi-Fi. Remove it."]


# --- a whole node, on this computer


class LinuxNode:
    """`petrel node` with a config; `say` is the node's prefix."""

    def __init__(self, folder: Path, broker: Broker) -> None:
        self.folder = folder
        self.config = folder / "my.json"
        self.state = folder / "state"
        self.config.write_text(json.dumps({
            "node": "pi", "mqtt": {"host": f"127.0.0.1:{broker.port}"}, "ntp": "",
            "sensors": [{"name": "here", "driver": "host", "interval": 0.1}],
        }))  # fmt: skip
        self.said = folder / "said"
        self.process = self.start()

    def start(self) -> subprocess.Popen[bytes]:
        with self.said.open("ab") as said:
            return subprocess.Popen(
                [sys.executable, "-m", "tools", "node", str(self.config),
                 "--state", str(self.state)], stdout=said,
                env={**os.environ, "PYTHONPATH": str(ROOT)}, cwd=self.folder,
            )  # fmt: skip

    def wait_for(self, pattern: str) -> re.Match[str]:
        """Wait for what the node says."""
        end = time.monotonic() + WAIT_S
        while not (found := re.search(pattern, self.said.read_text())):
            assert time.monotonic() < end, self.said.read_text()
            time.sleep(0.05)
        return found

    def stop(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(WAIT_S)


@pytest.fixture
def linux(tmp_path: Path, broker: Broker, seen: Subscriber) -> Iterator[LinuxNode]:
    made = LinuxNode(tmp_path, broker)
    yield made
    made.process.kill()  # the node notices, and ends as well
    made.process.wait()
    assert seen.seen(lambda t, p: t == "petrel/pi/status" and p == "offline", WAIT_S)


def test_a_node_on_linux(linux: LinuxNode, seen: Subscriber) -> None:
    """It reads, obeys a reboot, says goodbye when it is stopped, and keeps a changed config."""
    assert seen.seen(lambda t, p: t == "petrel/pi/here/load", WAIT_S)
    assert seen.seen(lambda t, p: t == "petrel/pi/diagnostics" and '"soft"' in p, WAIT_S)
    seen.publish("petrel/pi/cmd/reboot", "")
    assert seen.seen(lambda t, p: t == "petrel/pi/diagnostics" and '"hard"' in p, WAIT_S)
    assert linux.stop() == 0
    assert seen.seen(lambda t, p: t == "petrel/pi/status" and p == "offline", WAIT_S)
    assert not place(linux.config, linux.state)
    linux.config.write_text(linux.config.read_text().replace('"pi"', '"pi2"'))
    assert place(linux.config, linux.state)


def test_what_waits_is_kept_while_the_node_is_stopped(
    linux: LinuxNode, broker: Broker, seen: Subscriber
) -> None:
    boot = seen.wait("petrel/pi/here/load")["boot"]
    seen.catch_up()
    broker.kill()
    linux.wait_for("(not connected(?s:.*)){4}")
    assert linux.stop() == 0
    kept = int(linux.wait_for(r"kept for the next start: (\d+)")[1])
    assert kept > 8

    def numbers() -> set[int]:
        readings = [json.loads(p) for t, p in seen.messages if t.startswith("petrel/pi/here/")]
        return {each["seq"] for each in readings if each["boot"] == boot}

    newest = max(numbers())
    broker.start()
    seen.wait_subscribed()
    linux.process = linux.start()
    # At most 8 of them had been sent before, and were not acknowledged.
    assert seen.seen(lambda *_: len([n for n in numbers() if n > newest]) >= kept - 8, WAIT_S)


def test_a_second_node_in_the_same_folder_is_refused(linux: LinuxNode, seen: Subscriber) -> None:
    assert seen.seen(lambda t, p: t == "petrel/pi/here/load", WAIT_S)
    second = subprocess.run(
        [sys.executable, "-m", "tools", "node", str(linux.config), "--state", str(linux.state)],
        env={**os.environ, "PYTHONPATH": str(ROOT)}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert second.returncode == 1 and "--state FOLDER" in second.stderr


def test_a_file_that_the_config_names_and_is_not_there(tmp_path: Path) -> None:
    config = tmp_path / "my.json"
    config.write_text('{"mqtt": {"host": "b", "ca": "ca.pem"}}')
    with pytest.raises(ToolError, match=r"ca\.pem"):
        place(config, tmp_path / "state")


def test_a_bad_config_is_refused_and_nothing_is_put(tmp_path: Path) -> None:
    config, state = tmp_path / "my.json", tmp_path / "state"
    config.write_text('{"mqtt": {"host": "b"}, "sensors": [{"name": "a", "driver": "hosst"}]}')
    words = ["node", str(config), "--state", str(state)]
    done = subprocess.run(
        [sys.executable, "-m", "tools", *words], env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True, text=True, check=False, cwd=tmp_path,
    )  # fmt: skip
    assert done.returncode == 1 and 'Did you mean "host"?' in done.stderr
    assert not state.exists()


def test_no_status_is_one_that_a_shell_gives() -> None:
    assert 0 < STATUS < 100
