"""A day of a node at the hub of tools/play/hub.py, at a clock that runs faster: what may happen.

The passwords end each hour, so the node makes new ones. Meanwhile the desired properties change,
methods are called, messages sent, and the network fails. In the end each reading has arrived,
each message was acknowledged, and the hub has seen nothing that Azure forbids.
"""

from __future__ import annotations

import json
import random
import shutil
import time
from collections import Counter
from pathlib import Path
from typing import Any

from host_tests.harness.authority import Authority
from host_tests.harness.interpreter import WIDTHS
from host_tests.harness.node import LIGHT, make_node
from tools.make.package import build
from tools.play.broker import Broker
from tools.play.hub import Hub
from tools.play.subscriber import Subscriber
from tools.shared.paths import BUILD

SILENCE_S = 2.0  # of the network, in real time
# The board's `time`: it was right at a moment, and runs faster.
CLOCK = """
import utime
from utime import *
def time():
    return int({began} + (utime.time() - {began}) * {speed})
def gmtime(seconds=None):
    return utime.gmtime(time() if seconds is None else seconds)
localtime = gmtime
"""


class Day:
    """The hub, the node, and what may happen to them; a context manager."""

    def __init__(self, folder: Path, broker: Broker, seen: Subscriber, speed: int) -> None:
        self.done: Counter[str] = Counter()
        (folder / "authority").mkdir()
        authority = Authority(folder / "authority")
        self.hub = Hub("127.0.0.1", *authority.issue("127.0.0.1"), speed=speed)
        self.device = self.hub.add("n1")
        build("UNIX", quiet=True)
        port = folder / "port"
        shutil.copytree(BUILD / "UNIX-port", port)
        (port / "time.mpy").unlink()
        (port / "time.py").write_text(CLOCK.format(began=self.hub.began, speed=speed))
        flash = folder / "flash"
        air = ("127.0.0.1", self.hub.port)
        self.node = make_node(flash, WIDTHS[0], broker, seen, air=air, heap="256K", port=port)
        self.bench = self.node.bench
        shutil.copyfile(authority.file, flash / "azure.pem")

    def __enter__(self) -> Day:
        self.hub.__enter__()
        self.bench.__enter__()
        mqtt = {"ca": "azure.pem", "port": self.bench.relay_port}
        cloud = {"azure": self.hub.string(self.device)}
        self.node.write_config(
            self.node.config(cloud=cloud, mqtt=mqtt, sensors=[LIGHT], ntp="", queue=200)
        )
        self.bench.power_on()
        return self

    def __exit__(self, *error: object) -> None:
        self.bench.__exit__(None, None, None)
        self.hub.__exit__()
        if any(error):
            print("the board's console:", *self.bench.lines[-200:], sep="\n  ")

    @property
    def hours(self) -> float:
        """What has passed by the hub's clock."""
        return (self.hub.now() - self.hub.began) / 3600

    def live(self, hours: float, chance: random.Random) -> None:
        """Have so much time pass by the hub's clock, and something happen all the while."""
        events = (self.method, self.desire, self.message, self.cut, self.silence, self.ended)
        while self.hours < hours:
            event = chance.choice(events)
            self.done[event.__name__] += 1
            event(chance)
            time.sleep(chance.uniform(0, 0.5))  # so that events meet each moment of the others

    def method(self, chance: random.Random) -> None:
        """A method, called again where a connection ended on the way, as its caller would."""
        for _ in range(10):
            try:
                status, answer = self.hub.call(self.device, "read", "light", 10)
            except TimeoutError:
                continue
            assert status == 200 and answer["ok"], answer
            return
        raise AssertionError("no answer to ten calls")

    def desire(self, chance: random.Random) -> None:
        """Another interval."""
        seconds = round(chance.uniform(0.1, 0.4), 3)
        version = self.hub.desire(
            self.device, {"config": {"sensors": {"light": {"interval": seconds}}}}
        )
        self.hub.wait(lambda: self._applied(version), f"version {version} to be applied")

    def _applied(self, version: int) -> bool:
        told = self.device.reported.get("desired", {})
        assert told.get("state") not in ("refused", "taken back"), told
        return bool(told.get("version") == version and told["state"] == "applied")

    def message(self, chance: random.Random) -> None:
        """A message from the cloud; it waits for the device."""
        self.hub.send(self.device, json.dumps({"command": "ping"}))

    def cut(self, chance: random.Random) -> None:
        """The connection ends."""
        self.bench.relay_cut()

    def silence(self, chance: random.Random) -> None:
        """Nothing passes for a while, and then the connection ends."""
        self.bench.relay_off()
        time.sleep(chance.uniform(0, SILENCE_S))
        self.bench.relay_cut()
        self.bench.relay_on()

    def ended(self, chance: random.Random) -> None:
        """The hub takes the password for ended."""
        self.hub.expire(self.device)

    def readings(self) -> dict[int, list[int]]:
        """The numbers of the readings that arrived, by start of the node."""
        found: dict[int, list[int]] = {}
        for told, payload in list(self.device.telemetry):
            if told.get("topic") == "light":
                said: dict[str, Any] = json.loads(payload)
                found.setdefault(said["boot"], []).append(said["seq"])
        return found

    def missing(self) -> dict[int, list[int]]:
        """The readings that have not arrived though later ones of the same start have.

        The numbers of a start begin with 1, or behind the last that was kept from before.
        """
        starts = {boot: set(numbers) for boot, numbers in self.readings().items()}
        found = {}
        for boot, numbers in starts.items():
            least = min(numbers)
            others = set().union(*(its for other, its in starts.items() if other != boot))
            first = least if least - 1 in others else 1
            if gaps := set(range(first, max(numbers) + 1)) - numbers:
                found[boot] = sorted(gaps)
        return found

    def settle(self) -> None:
        """Wait until what is still on its way has arrived."""
        if not self.hub.until(lambda: not (self.device.waiting or self.missing())):
            raise AssertionError(f"lost: {self.missing()}, messages {self.device.waiting}")
