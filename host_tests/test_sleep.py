"""A node that sleeps: what it keeps, what it loses, and how it is reached."""

from __future__ import annotations

import json
import os
import random
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from host_tests.faults.proxy import Proxy
from host_tests.harness.nights import AWAKE_S, FAULTS, Nights
from host_tests.harness.node import LIGHT, Node, make_node
from tools.play.broker import Broker
from tools.play.subscriber import Subscriber

CYCLES = int(os.environ.get("PETREL_NIGHTS", "0"))  # 0: a few, with each fault
WAKE = {"pin": 33, "level": "change", "pull": "up"}
SEED = int(os.environ.get("PETREL_SEED", "1"))

Sleep = Callable[..., Nights]


@pytest.fixture
def sleep(tmp_path: Path, broker: Broker, seen: Subscriber) -> Iterator[Sleep]:
    """Makes a node that sleeps, with a broker of its own, and switches it on."""
    with ExitStack() as stack:

        def start(
            must: bool = False,
            seed: int = SEED,
            every: int = 600,
            config: Callable[[Node], dict[str, Any]] = lambda node: {},
            **options: Any,
        ) -> Nights:
            flash = tmp_path / f"flash-{must}"
            flash.mkdir()
            proxy = stack.enter_context(Proxy((broker.host, broker.port), log=False))
            node = make_node(
                flash, "64", broker, seen, ("127.0.0.1", proxy.port), nights="held", **options
            )
            stack.enter_context(node.bench)
            nights = Nights(node, proxy, seed, must, every, **config(node))
            nights.begin()
            return nights

        yield start


@pytest.mark.parametrize("must", (False, True), ids=("queue", "must_deliver"))
def test_nothing_accepted_is_lost_over_many_nights(sleep: Sleep, must: bool) -> None:
    nights = sleep(must)
    if CYCLES:
        nights.turns(CYCLES)
    else:
        faults = [*FAULTS, "cut", *[""] * 8]
        random.Random(SEED).shuffle(faults)
        for fault in faults:
            nights.turn(fault)
    nights.settle()
    nights.check()
    print(nights.account)
    assert nights.account.good
    assert nights.account.failed
    assert nights.account.longest_ms >= AWAKE_S * 1000  # it didn't give up before


def test_readings_wait_in_the_rtc_and_then_on_the_flash(sleep: Sleep) -> None:
    nights = sleep(chip="esp8266")
    turns = 0
    while not (nights.node.flash / "outbox").exists():
        nights.turn("no wifi")
        turns += 1
        assert turns <= 7  # an ESP8266 keeps some 270 bytes of readings
    assert turns > 2
    nights.settle()
    nights.check()
    assert not nights.account.may_miss


@pytest.mark.parametrize("format_", ("msgpack", "cbor", "plain", "json"))
def test_readings_of_other_formats_wait_on_the_flash(sleep: Sleep, format_: str) -> None:
    """So do those in JSON that have properties of MQTT 5."""
    five = format_ in ("msgpack", "json")

    def config(node: Node) -> dict[str, Any]:
        return {
            "format": format_,
            "mqtt": {**node.config()["mqtt"], "version": 5 if five else 4},
        }

    nights = sleep(config=config)
    nights.turn("no wifi")
    assert (nights.node.flash / "outbox").exists()
    nights.turn("command")
    assert nights.account.answered == 1
    nights.settle()
    nights.node.seen.catch_up()
    assert len(_readings(nights.node)) >= sum(nights.account.last.values())
    if format_ != "plain":  # which has no seq
        nights.check()
        assert not nights.account.may_miss


def test_a_formula_reports_in_each_wake_before_or_behind_its_sensors(sleep: Sleep) -> None:
    sensors = [
        {"name": "before", "driver": "formula", "formula": "2 * light", "interval": 60},
        LIGHT,
        {"name": "behind", "driver": "formula", "formula": "2 * light"},
    ]
    nights = sleep(config=lambda node: {"sensors": sensors})
    node = nights.node
    for _ in range(2):
        start = len(node.seen.messages)
        slept = len(node.bench.sleeps)
        node.bench.wake()
        node.bench.wait_for_sleeps(slept + 1)
        node.seen.catch_up()
        light = node.wait("light", 60, start)["value"]
        for name in ("before", "behind"):
            assert node.wait(name, 60, start)["value"] == pytest.approx(2 * light, abs=0.1)


def test_a_command_that_is_sent_while_it_sleeps_is_obeyed_at_the_next_wake(sleep: Sleep) -> None:
    nights = sleep()
    nights.turn("command")
    assert nights.account.answered == 1


def test_the_retained_command_awake_keeps_it_up_until_it_is_removed(sleep: Sleep) -> None:
    nights = sleep()
    node = nights.node
    topic = f"petrel/{node.name}/cmd/awake"
    node.seen.publish(topic, "on", retain=True)
    node.seen.catch_up()
    node.bench.wake()
    node.bench.wait_for_line("stays awake: on", 60)
    assert node.command("ping")["ok"]
    assert not node.bench.asleep
    slept = len(node.bench.sleeps)
    node.seen.publish(topic, "", retain=True)
    node.bench.wait_for_sleeps(slept + 1)


def test_awake_has_a_limit_and_says_so(sleep: Sleep) -> None:
    nights = sleep()
    node = nights.node
    node.seen.publish(f"petrel/{node.name}/cmd/awake", "100000")
    node.seen.catch_up()
    node.bench.wake()
    reply = node.wait("reply/awake", 60)
    assert reply == {"ok": False, "error": "100000 s is too long; up to 86400"}
    node.bench.wait_for_sleeps(2)


def test_it_is_up_for_a_while_after_a_reset_and_numbers_its_readings_anew(sleep: Sleep) -> None:
    nights = sleep()
    node = nights.node
    config = json.loads((node.flash / "config.json").read_text())
    config["sleep"]["hold"] = 600
    node.write_config(config)
    before = {json.loads(text)["boot"] for text in _readings(node)}
    start = len(node.seen.messages)
    node.bench.reset()
    reading = node.wait("light", 60, start=start)
    assert reading["boot"] not in before
    assert node.command("ping")["ok"]
    assert len(node.bench.sleeps) == 1
    node.seen.publish(f"petrel/{node.name}/cmd/awake", "0")
    node.bench.wait_for_sleeps(2)


def test_a_long_sleep_comes_in_pieces_without_wifi_or_sensors(sleep: Sleep) -> None:
    nights = sleep(chip="esp8266", every=10_000)
    bench = nights.node.bench
    seen = len(nights.node.seen.messages)
    bench.wake()
    bench.wait_for_sleeps(2)
    bench.wake()
    bench.wait_for_sleeps(3)
    assert len(nights.node.seen.messages) == seen
    assert bench.sleeps[:2] == [4_200_000, 4_200_000]
    assert 0 < bench.sleeps[2] <= 1_600_000
    bench.wake()
    bench.wait_for_sleeps(4)
    nights.node.seen.catch_up()
    assert len(nights.node.seen.messages) > seen


def test_with_a_low_battery_it_tells_so_once_and_only_sleeps_until_it_is_charged(
    tmp_path: Path, broker: Broker, seen: Subscriber
) -> None:
    node = make_node(tmp_path, "64", broker, seen, nights="held")
    with node.bench as bench:
        cell = {"name": "cell", "driver": "battery", "pin": 34, "top": 10_000.0}
        node.write_config(
            node.config(sensors=[cell], sleep={"every": 600, "awake": 60, "hold": 0, "low": 3.3})
        )
        bench.set_adc(34, 1.9)
        bench.power_on()
        bench.wait_for_sleeps(1)
        assert bench.sleeps[0] <= 600_000
        bench.set_adc(34, 1.6)
        bench.wake()
        bench.wait_for_sleeps(2)
        assert bench.sleeps[1] == 4_200_000
        told = node.wait("diagnostics", 60, start=len(seen.messages) // 2)
        assert "(sleep.low: 3.3 V)" in told["error"]
        assert node.wait("cell/voltage", start=0)
        seen.catch_up()
        count = len(seen.messages)
        for number in range(3, 6):  # two more pieces, and a look at the battery
            bench.wake()
            bench.wait_for_sleeps(number)
        assert bench.sleeps[1:5] == [4_200_000] * 4
        bench.reset()  # doesn't help
        bench.wait_for_sleeps(6)
        seen.catch_up()
        assert len(seen.messages) == count
        bench.set_adc(34, 1.9)
        for number in range(7, 10):
            bench.wake()
            bench.wait_for_sleeps(number)
        assert bench.sleeps[8] <= 600_000
        seen.catch_up()
        readings = [json.loads(text) for topic, text in seen.messages if "cell/" in topic]
        numbers = [(each["boot"], each["seq"]) for each in readings]
        assert len({*numbers}) == len(numbers) == 6


def test_it_joins_the_strongest_access_point_at_once_and_another_when_that_has_gone(
    sleep: Sleep,
) -> None:
    nights = sleep()
    world = nights.node.bench.world
    strong = {**world.wifi, "bssid": "02:00:00:00:00:09", "rssi": -30}
    world.others.append(strong)
    nights.node.bench.power_cut()  # a cold start, which looks around
    nights.node.bench.wait_for_sleeps(2)
    nights.turn()
    assert world.joined["bssid"] == strong["bssid"]
    world.others.remove(strong)
    nights.turn()
    assert world.joined["bssid"] == world.wifi["bssid"]
    nights.check()


def test_a_pin_wakes_it_and_the_diagnostics_say_so(sleep: Sleep) -> None:
    contact = {"name": "door", "driver": "digital", "pin": 33, "pull": "up"}

    def config(node: Node) -> dict[str, Any]:
        section = {"every": 600, "awake": 60, "hold": 0, "wake": WAKE}
        return {"sensors": [LIGHT, contact], "sleep": section}

    nights = sleep(config=config)
    node, bench = nights.node, nights.node.bench
    for number, level in ((2, 0), (3, 1)):  # each change, and no wake in between
        start = len(node.seen.messages)
        bench.world.clock_offset += 100
        bench.set_pin(33, level)
        bench.wait_for_sleeps(number)
        told = node.wait("diagnostics", 60, start=start)
        assert told["wake"] == "pin"
        assert told["reset"] == "deepsleep"
        assert 100 <= told["uptime"] - (number - 2) * 100 < 500, told  # it had 600 s to sleep
        assert node.wait("door", 60, start=start)["value"] == level
    assert len(bench.sleeps) == 3
    assert bench.resets.count("wake") == 2
    nights.check()


def test_a_pin_that_keeps_its_level_wakes_it_once_and_not_again_until_it_had_the_other(
    sleep: Sleep,
) -> None:
    def config(node: Node) -> dict[str, Any]:
        section = {"every": 10_000, "awake": 60, "hold": 0}
        return {"sleep": {**section, "wake": {"pin": 33, "level": 0, "pull": "up"}}}

    bench = sleep(config=config, every=10_000).node.bench
    bench.wake()  # the first piece of the sleep is over; it sleeps on, and the pin still wakes it
    bench.wait_for_sleeps(2)
    bench.set_pin(33, 0)
    bench.wait_for_line("GPIO33 is 0 already: the time alone wakes it", 60)
    bench.wait_for_sleeps(3)
    bench.set_pin(33, 1)
    bench.set_pin(33, 0)
    assert bench.asleep
    bench.set_pin(33, 1)
    bench.wake()
    bench.wait_for_sleeps(4)
    assert bench.sleeps[2] == bench.sleeps[0] == 4_200_000


def test_a_touch_wakes_it(sleep: Sleep) -> None:
    def config(node: Node) -> dict[str, Any]:
        return {"sleep": {"every": 600, "awake": 60, "hold": 0, "wake": {"touch": 14}}}

    node = sleep(config=config).node
    start = len(node.seen.messages)
    node.bench.touch(14, 700)
    assert node.bench.asleep
    node.bench.touch(14, 300)
    node.bench.wait_for_sleeps(2)
    assert node.wait("diagnostics", 60, start=start)["wake"] == "touch"


@pytest.mark.parametrize("pin", (4, 23), ids=("rtc", "digital"))
def test_an_output_keeps_its_state_over_a_sleep_and_the_wake(sleep: Sleep, pin: int) -> None:
    valve = {"name": "valve", "driver": "relay", "pin": pin}
    pump = {"name": "pump", "driver": "relay", "pin": 22}

    def config(node: Node) -> dict[str, Any]:
        section = {"every": 600, "awake": 60, "hold": 0, "keep": ["valve"]}
        return {"sensors": [LIGHT, valve, pump], "sleep": section}

    nights = sleep(config=config)
    node, bench = nights.node, nights.node.bench
    for name in ("valve", "pump"):
        order = json.dumps({"output": name, "value": True})
        node.seen.publish(f"petrel/{node.name}/cmd/set", order)
    node.seen.catch_up()
    bench.wake()
    bench.wait_for_sleeps(2)
    assert [bench.world.level(each) for each in (pin, 22)] == [1, 0]  # a pin that floats is 0 here
    seen: list[int] = []
    bench.world.on_output = lambda which, level: seen.append(level) if which == str(pin) else None
    start = len(node.seen.messages)
    bench.wake()
    bench.wait_for_sleeps(3)
    assert seen
    assert {*seen} == {1}, seen
    assert node.wait("valve", 60, start=start)["value"] == 1
    assert node.wait("pump", 60, start=start)["value"] == 0
    bench.reset()  # after anything but a sleep it begins in its safe state
    bench.wait_for_sleeps(4)
    assert bench.world.level(pin) == 0


def test_readings_keep_their_time_without_a_network_time(sleep: Sleep) -> None:
    """The clock goes on over a sleep, and `uptime` does where it was never set."""
    nights = sleep(clock="unset")
    for _ in range(3):
        nights.turn()
    told = [json.loads(text) for text in _readings(nights.node)]
    assert [each["uptime"] for each in told] == sorted(each["uptime"] for each in told)
    assert told[-1]["uptime"] - told[0]["uptime"] >= 3 * 590


def _readings(node: Node) -> list[str]:
    return [text for topic, text in node.seen.messages if topic.endswith(("/light", "/other"))]
