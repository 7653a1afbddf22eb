"""The whole node, booted from the built files, against a real broker."""

from __future__ import annotations

import json
import shutil
import time
from functools import partial
from pathlib import Path
from typing import Any

from host_tests.harness.interpreter import compiled_port
from host_tests.harness.node import DOOR, LIGHT, Node
from tools.play.sim.control import send
from tools.shared.paths import BOARDS, ROOT


def _holds(part: str, topic: str, payload: str) -> bool:
    return part in payload


def test_birth_readings_and_diagnostics(running: Node) -> None:
    assert running.wait("status") == "online"
    reading = running.wait("light")
    assert 0 <= reading["value"] <= 3.3
    assert reading["unit"] == "V"
    assert abs(reading["time"] - time.time()) < 60
    diagnostics = running.wait("diagnostics")
    expected = {"board": "UNIX", "mode": "normal", "reset": "soft", "rssi": -50, "drops": 0}
    assert expected.items() <= diagnostics.items()
    assert diagnostics["heap_free"] > 0
    told = (ROOT / "docs" / "topics.md").read_text()
    assert [name for name in diagnostics if f"`{name}`" not in told] == []


def test_button_is_told_when_pressed_and_when_released(running: Node) -> None:
    answer = send(running.bench.control_address, {"do": "press", "pin": 4, "ms": 120})
    assert answer == {"ok": True}
    running.wait("door", value=1)
    running.wait("door", value=0)


def test_commands_are_answered(running: Node) -> None:
    assert running.command("ping")["ok"]
    values = running.command("read")["values"]
    assert set(values) == {"door", "light"}
    assert set(running.command("read", "light")["values"]) == {"light"}
    assert "dance" in running.command("dance")["error"]
    assert "nothing" in running.command("read", "nothing")["error"]
    assert not running.command("interval", "no JSON")["ok"]
    assert "seconds" in running.command("interval", '{"sensor": "light", "seconds": -1}')["error"]


def test_a_command_right_after_online_is_not_lost(node: Node) -> None:
    node.write_config(node.config())
    node.bench.power_on()
    assert node.wait("status", 60) == "online"
    assert node.command("ping")["ok"]


def test_interval_is_changed_and_kept(running: Node) -> None:
    reply = running.command("interval", '{"sensor": "light", "seconds": 3}')
    assert reply["ok"] and reply["saved"]
    config = json.loads((running.flash / "config.json").read_text())
    assert config["sensors"][1]["interval"] == 3
    assert config["wifi"] == running.config()["wifi"]


def test_a_shorter_interval_holds_at_once_not_after_the_old_one(node: Node) -> None:
    node.write_config(node.config(sensors=[{**LIGHT, "interval": 3600}]))
    node.bench.power_on()
    node.wait("light")  # one at the start, the next in an hour
    for _ in range(2):
        reply = node.command("interval", '{"sensor": "light", "seconds": 0.3}')
        assert reply["ok"], reply
        node.wait("light", start=len(node.seen.messages))


def test_an_interval_that_cannot_be_saved_is_refused_and_nothing_changes(node: Node) -> None:
    node.write_config(node.config(sensors=[{**LIGHT, "interval": 3600}]))
    node.bench.power_on()
    node.wait("light")
    before = (node.flash / "config.json").read_text()
    (node.flash / "config.json.new").mkdir()  # where the new file would be written
    start = len(node.seen.messages)
    reply = node.command("interval", '{"sensor": "light", "seconds": 0.2}')
    assert not reply["ok"] and "not saved" in reply["error"]
    node.command("ping")
    time.sleep(1)  # five readings, had it changed
    assert (node.flash / "config.json").read_text() == before
    assert not [topic for topic, _ in node.seen.messages[start:] if topic.endswith("/light")]


def test_identify_says_who_it_is_and_the_node_goes_on(running: Node) -> None:
    assert running.command("identify")["ok"]
    running.bench.wait_for_line("^Petrel: petrel/n1/$", 60)
    assert running.command("ping")["ok"]


def test_reboot_answers_then_restarts_cleanly(running: Node) -> None:
    start = len(running.seen.messages)
    assert running.command("reboot")["ok"]
    running.bench.wait_for_resets(3)
    diagnostics = running.wait("diagnostics", start=start)
    assert diagnostics["reset"] == "hard"
    assert diagnostics["mode"] == "normal"
    assert "why" not in diagnostics


def test_a_second_reboot_within_a_minute_is_refused(running: Node) -> None:
    for _ in range(3):  # say, a script that goes wrong
        running.seen.publish("petrel/n1/cmd/reboot", "")
    running.bench.wait_for_resets(3)
    start = len(running.seen.messages)
    running.wait("diagnostics", start=start)
    time.sleep(1)
    reply = running.command("reboot")
    assert not reply["ok"] and "just now" in reply["error"]
    assert len(running.bench.resets) == 3
    start = len(running.seen.messages)
    running.bench.power_cut()  # anyone who does that may reboot it as well
    running.wait("diagnostics", start=start)
    time.sleep(1)


def test_retained_command_is_not_obeyed(node: Node) -> None:
    node.seen.publish("petrel/n1/cmd/reboot", "", retain=False)
    node.seen.publish("petrel/n1/cmd/reboot", "now", retain=True)
    # Else it might come while the node listens, and be none that the broker had retained.
    assert node.seen.seen(partial(_holds, "now"), 40)
    node.write_config(node.config(diagnostics=10))
    node.bench.power_on()
    node.wait("diagnostics")
    assert node.command("ping")["ok"]
    assert node.bench.resets == ["power on", "soft"]  # the second for the new config


def _away(node: Node) -> int:
    """Send a number of commands to a node that is away, and let it come back."""
    start = len(node.seen.messages)
    node.bench.power_off()
    assert node.wait("status", start=start) == "offline"
    start = len(node.seen.messages)
    for _ in range(11):
        node.seen.publish("petrel/n1/cmd/ping", "")
    node.seen.publish("petrel/n1/cmd/interval", '{"sensor": "light", "seconds": 3}')
    node.bench.power_on()
    node.wait("reply/interval", start=start)
    return start


def _replies(node: Node, start: int) -> list[dict[str, Any]]:
    return [json.loads(p) for topic, p in node.seen.messages[start:] if "/reply/" in topic]


def test_commands_sent_while_the_node_was_away_are_refused(running: Node) -> None:
    replies = _replies(running, _away(running))
    assert len(replies) == 12
    for reply in replies:
        assert not reply["ok"] and "away" in reply["error"]
    assert json.loads((running.flash / "config.json").read_text()) == running.config()
    time.sleep(1.1)  # the commands that are taken in a second are used up
    assert running.command("ping")["ok"]


def test_commands_sent_while_the_node_was_away_are_obeyed_where_the_config_says_so(
    node: Node,
) -> None:
    node.write_config(node.config(commands={"late": "obey"}))
    node.bench.power_on()
    node.wait("diagnostics")
    assert all(reply["ok"] for reply in _replies(node, _away(node)))


def test_last_will_tells_of_a_power_cut(running: Node) -> None:
    start = len(running.seen.messages)
    running.bench.power_off()
    assert running.wait("status", start=start) == "offline"


# Half a minute fits its queue: on a busy machine an outage can be that long.
PATIENT = {"sensors": [DOOR, {**LIGHT, "interval": 0.5}], "queue": 64}


def test_broker_killed_during_readings_loses_none(node: Node) -> None:
    node.write_config(node.config(**PATIENT))
    node.bench.power_on()
    node.wait("light")
    for _ in range(2):
        start = len(node.bench.lines)
        # What the broker sends to nobody proves nothing: first the subscriber has all that was
        # acknowledged, and the node is kept out until it is back.
        node.bench.relay_off()
        node.seen.catch_up()
        node.broker.kill()
        node.bench.relay_cut()
        node.bench.wait_for_line("not connected", start=start)
        node.broker.start()
        node.seen.wait_subscribed()
        wanted = f'"seq": {node.seen.sequence()[-1] + 5},'
        node.bench.relay_on()
        assert node.seen.seen(partial(_holds, wanted), 20)
    numbers = list(dict.fromkeys(node.seen.sequence()))
    assert numbers == list(range(1, len(numbers) + 1))


def test_wifi_lost_and_found(node: Node) -> None:
    node.write_config(node.config(mqtt={**node.config()["mqtt"], "keepalive": 5}, **PATIENT))
    node.bench.power_on()
    node.wait("light")
    node.bench.wifi_down()
    node.bench.wait_for_line("not connected", 20)
    wanted = f'"seq": {node.seen.sequence()[-1] + 3},'
    node.bench.wifi_up()
    assert node.seen.seen(partial(_holds, wanted), 40)
    numbers = list(dict.fromkeys(node.seen.sequence()))
    assert numbers == list(range(1, len(numbers) + 1))


def test_a_driver_that_fails_is_reported_and_the_others_work(node: Node) -> None:
    driver = node.flash / "lib/sensors/broken.py"
    driver.write_text(
        "USES = 'pin'\ndef options(): return {}\nclass Broken:\n"
        "    FIELDS = (('x', ''),)\n    def __init__(self, pin): pass\n"
        "    def start(self): return 0\n    def read(self): raise OSError('no answer at 0x76')\n"
        "DRIVER = Broken\n"
    )
    broken = {"name": "air", "driver": "broken", "pin": 5, "interval": 0.5}
    node.write_config(node.config(sensors=[broken, LIGHT], diagnostics=10))
    node.bench.power_on()
    node.wait("light")
    node.bench.wait_for_line("air: no answer at 0x76")


def test_three_crashes_end_in_safe_mode_that_says_why(node: Node) -> None:
    (node.flash / "lib/node/delivery.py").write_text("raise RuntimeError('a damaged file')")
    node.write_config(node.config(sensors=[{**LIGHT, "delivery": "latest"}]))
    node.bench.power_on()
    diagnostics = node.wait("diagnostics", 30, mode="safe")
    assert "a damaged file" in diagnostics["why"]
    assert diagnostics["crashes"] == 3
    assert node.bench.resets == ["power on", "soft", "reset", "reset", "reset"]
    assert node.command("ping")["ok"]


HANGING = (
    "USES = 'pin'\ndef options(): return {}\nclass Hanging:\n"
    "    FIELDS = (('x', ''),)\n    def __init__(self, pin): pass\n"
    "    def start(self): return 0\n    def read(self):\n        while True: pass\n"
    "DRIVER = Hanging\n"
)


def test_a_driver_that_never_returns_is_told_by_name_and_left_alone(node: Node) -> None:
    (node.flash / "lib/sensors/hanging.py").write_text(HANGING)
    hanging = {"name": "air", "driver": "hanging", "pin": 18, "interval": 1}
    node.write_config(node.config(sensors=[hanging, LIGHT], watchdog=2))
    node.bench.power_on()
    diagnostics = node.wait("diagnostics", 30, reset="wdt")
    assert diagnostics["why"] == "no answer from air: driver hanging"
    assert diagnostics["failing"] == ["air"]
    start = len(node.seen.messages)
    for _ in range(15):  # 3 s
        node.wait("light", start=start)
        start = len(node.seen.messages)
    assert node.bench.resets == ["power on", "soft", "watchdog"]


def test_watchdog_ends_hangs_and_they_count_as_crashes(node: Node) -> None:
    later = HANGING.replace("pass\n    def start", "self.n = 0\n    def start").replace(
        "while True: pass", "self.n += 1\n        while self.n > 1: pass\n        return (1,)"
    )
    (node.flash / "lib/sensors/hanging.py").write_text(later)
    hanging = {"name": "air", "driver": "hanging", "pin": 18, "interval": 1}
    node.write_config(node.config(sensors=[hanging], watchdog=2))
    node.bench.power_on()
    diagnostics = node.wait("diagnostics", 30, mode="safe")
    assert node.bench.resets == ["power on", "soft", "watchdog", "watchdog", "watchdog"]
    assert diagnostics["reset"] == "wdt"
    assert "watchdog" in diagnostics["why"]


def test_maintenance_file_keeps_the_node_from_starting(node: Node) -> None:
    node.write_config(node.config())
    (node.flash / "maintenance").touch()
    node.bench.power_on()
    node.bench.wait_for_end()
    assert any("maintenance" in line for line in node.bench.lines)


def test_bad_config_is_told_and_the_last_good_one_used(running: Node) -> None:
    bad = running.config(sensors=[DOOR, {**LIGHT, "pin": 25}])
    running.write_config(bad)
    start = len(running.seen.messages)
    running.bench.power_cut()
    faults = running.wait("diagnostics", start=start)["faults"]
    assert faults[0].startswith("sensors[1].pin: GPIO25 can't measure while Wi-Fi is on")
    assert "Use 32, 33" in faults[0]
    running.wait("light", start=start)
    assert running.bench.lines.count("Petrel: " + faults[0]) == 1


def test_truncated_config_is_told_and_the_kept_copy_used(running: Node) -> None:
    for text in ("", json.dumps(running.config())[:-20]):
        running.write_config(text)
        start = len(running.seen.messages)
        running.bench.power_cut()
        faults = running.wait("diagnostics", start=start)["faults"]
        assert faults[0].startswith("config.json: ")
        running.wait("light", start=start)


def test_bad_sensors_without_a_good_copy_still_connect_and_tell(node: Node) -> None:
    node.write_config(node.config(sensors=[{**LIGHT, "pin": 77}]))
    node.bench.power_on()
    diagnostics = node.wait("diagnostics", mode="safe")
    assert diagnostics["faults"][0].startswith("sensors[0].pin: GPIO77 is not an analog")


def test_no_usable_config_is_said_and_looked_for_again(node: Node) -> None:
    node.write_config(node.config(mqtt={"prot": 1}))
    node.bench.power_on()
    node.bench.wait_for_line("again in 300 s")
    assert not node.bench.ended  # only a person takes the board over
    node.bench.interrupt()
    node.bench.wait_for_end()
    console = "\n".join(node.bench.lines)
    assert "mqtt.host: missing" in console
    assert 'mqtt.prot: unknown. Did you mean "port"?' in console
    assert "no usable config.json" in console


def test_wifi_password_refused_is_said_without_the_password(node: Node) -> None:
    wifi = {"ssid": "bench", "password": "not-the-password"}
    node.write_config(node.config(wifi=wifi))
    node.bench.power_on()
    node.bench.wait_for_line('wifi: Wi-Fi "bench" refused the password', 5)
    assert "not-the-password" not in "\n".join(node.bench.lines)


def test_numbers_go_out_with_their_decimals(node: Node) -> None:
    driver = HANGING.replace("Hanging", "Tenths").replace(
        "('x', ''),", "('x', 'C', 1), ('n', ''),"
    )
    driver = driver.replace("pin): pass", "pin): self.n = 90")
    driver = driver.replace(
        "while True: pass",
        "self.n += 1\n        return self.n / 10, self.n",
    )
    (node.flash / "lib/sensors/tenths.py").write_text(driver)
    tenths = {"name": "air", "driver": "tenths", "pin": 5, "interval": 0.1}
    node.write_config(node.config(sensors=[tenths]))
    node.bench.power_on()
    node.wait("air/n", value=110)
    told = [payload for topic, payload in node.seen.messages if topic.endswith("air/x")]
    assert [text.partition(",")[0] for text in told[:10]] == [
        f'{{"value": {n // 10}.{n % 10}' for n in range(91, 101)
    ]
    start = len(node.seen.messages)
    x, n = node.command("read", "air")["values"]["air"]
    (reply,) = [p for t, p in node.seen.messages[start:] if t.endswith("reply/read")]
    assert f"[{n // 10}.{n % 10}, {n}]" in reply
    assert x == n / 10


def test_nothing_is_dialled_without_wifi_and_at_once_when_it_is_back(node: Node) -> None:
    mqtt = {**node.config()["mqtt"], "keepalive": 5}
    node.write_config(node.config(mqtt=mqtt, ntp="", sensors=[LIGHT], queue=200))
    node.bench.power_on()
    node.wait("light")
    for _ in range(3):
        start = len(node.bench.lines)
        node.bench.wifi_down()
        node.bench.wait_for_line("not connected", 20, start)
        time.sleep(6)  # time in which pauses would grow
        lost = [line for line in node.bench.lines[start:] if "not connected" in line]
        assert len(lost) == 1, lost
        assert any('Wi-Fi "bench" not found' in line for line in node.bench.lines[start:])
        start = len(node.bench.lines)
        node.bench.wifi_up()
        began = time.monotonic()
        node.bench.wait_for_line("Petrel: connected", 10, start)
        assert time.monotonic() - began < 3  # a second for the radio, a quarter for the client


def test_a_radio_that_fails_stops_nothing(node: Node, tmp_path: Path) -> None:
    port = tmp_path / "port"
    shutil.copytree(compiled_port(), port)
    (port / "network_interface.mpy").unlink()
    source = (BOARDS / "UNIX" / "network_interface.py").read_text()
    (port / "network_interface.py").write_text(
        source.replace(
            "        self._active = bool(on)\n",
            "        if on and 'bad' in __import__('os').listdir():\n"
            "            raise RuntimeError('Wifi Unknown Error 0x3001')\n"
            "        self._active = bool(on)\n",
        )
    )
    node.bench._port = port
    (node.flash / "bad").touch()
    node.write_config(node.config(ntp="", sensors=[LIGHT]))
    node.bench.power_on()
    node.bench.wait_for_line("wifi: the radio fails: Wifi Unknown Error", 10)
    (node.flash / "bad").unlink()
    assert node.wait("light", 20)["seq"] == 1  # read and kept meanwhile
    assert node.bench.resets == ["power on", "soft"]


def test_a_broker_whose_name_has_its_port(node: Node) -> None:
    host = f"127.0.0.1:{node.bench.relay_port}"
    node.write_config(node.config(mqtt={"host": ["127.0.0.1:1", host], "port": 1}))
    node.bench.power_on()
    node.wait("light", 30)
