"""A whole node for a test: the built files on a simulated board, a real broker, a subscriber."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from tools.make.package import build, files
from tools.play.broker import Broker
from tools.play.sim import Bench
from tools.play.subscriber import Subscriber
from tools.shared.paths import MICROPYTHON

WIFI = {"ssid": "bench", "password": "bench-password"}
DOOR = {"name": "door", "driver": "digital", "pin": 4, "pull": "up", "invert": True}
LIGHT = {"name": "light", "driver": "analog", "pin": 34, "interval": 0.2}
AWAY = "sent while the node was away"
COMMANDS_S = 5  # what a node obeys, and four times as many at once
# What a driver of a test does to make the node itself crash in its next turn.
CRASH = "from mqtt.link import Link; Link.step = None"

BootNode = Callable[..., "Node"]


class Node:
    """A bench with a node on it; `seen` has subscribed to everything it publishes."""

    def __init__(
        self, flash: Path, bench: Bench, broker: Broker, seen: Subscriber, name: str = "n1"
    ) -> None:
        self.name = name
        self.flash = flash
        self.bench = bench
        self.broker = broker
        self.seen = seen

    def config(self, **changes: Any) -> dict[str, Any]:
        """A good config; `changes` replace its keys, None removes one."""
        config = {
            "node": self.name,
            "wifi": WIFI,
            "mqtt": {"host": "127.0.0.1", "port": self.bench.relay_port},
            "sensors": [DOOR, LIGHT],
            **changes,
        }
        return {key: value for key, value in config.items() if value is not None}

    def write_config(self, config: object) -> None:
        """Put config.json onto the flash, as JSON unless it is text already."""
        text = config if isinstance(config, str) else json.dumps(config)
        (self.flash / "config.json").write_text(text)

    def command(self, name: str, payload: str = "") -> Any:
        """Send a command; returns the reply.

        What comes right after a connection may have been kept for the node, and is refused then.
        """
        for _ in range(30 * COMMANDS_S):
            start = len(self.seen.messages)
            self.seen.publish(f"petrel/{self.name}/cmd/{name}", payload)
            reply = self.seen.wait(f"petrel/{self.name}/reply/{name}", 30, start=start)
            if not isinstance(reply, dict) or AWAY not in str(reply.get("error")):
                break
            time.sleep(1 / COMMANDS_S)  # it answers at most so many, and would fall silent
        return reply

    def obeys(self) -> None:
        """Wait until it obeys."""
        assert self.command("ping")["ok"]

    def wait(self, below: str, timeout: float = 40, start: int = 0, **fields: Any) -> Any:
        """Wait for a message of the node."""
        return self.seen.wait(f"petrel/{self.name}/{below}", timeout, start, **fields)


def make_node(
    flash: Path,
    bits: str,
    broker: Broker,
    seen: Subscriber,
    air: tuple[str, int] | None = None,
    name: str = "n1",
    names: Iterable[str] | None = None,
    **options: Any,
) -> Node:
    """A node that is not switched on yet, without a config.

    air: what the Wi-Fi leads to, if not the broker; name: its name in the topics
    names: the built files that it gets, if not all
    options: those of its Bench
    """
    built = build("UNIX", quiet=True)
    for file in files(built) if names is None else names:
        (flash / file).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(built / file, flash / file)
    bench = Bench(
        flash,
        interpreter=MICROPYTHON[bits],
        parts={"adc:34": {"model": "waveform", "period_s": 5}},
        wifi=WIFI,
        broker=air or (broker.host, broker.port),
        **options,
    )
    return Node(flash, bench, broker, seen, name)
