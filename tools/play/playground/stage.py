"""The playground's stage: broker, board and parts, and what a person does to them."""

from __future__ import annotations

import copy
import json
import shutil
import tempfile
import threading
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any

from tools.config.check import findings
from tools.make.package import build
from tools.play.amqtt import Amqtt
from tools.play.beside import bridge
from tools.play.broker import Broker
from tools.play.playground.parts import Part, wired
from tools.play.sim import Bench
from tools.play.sim.bench import WIFI
from tools.play.sim.world import World
from tools.play.subscriber import Subscriber
from tools.shared.errors import ToolError
from tools.shared.paths import MOSQUITTO
from tools.talk.connection import Address
from tools.talk.dialog import Dialog
from tools.talk.readings import Readings

STEP_S = 0.2  # how often what follows a wave is set again
FORGOTTEN = ("ca", "cert", "key", "verify", "serial", "baud", "user", "password", "port")


class Stage:
    """A broker, and a node with a config, whose network and broker are replaced by the stage's.

    on_line: called with each line of the board's console
    """

    def __init__(self, config: dict[str, Any]) -> None:
        self.on_line: Callable[[str], None] = lambda line: None
        self.config = copy.deepcopy(config)
        self.readings = Readings("petrel")
        self.parts: dict[str, Part] = {}
        self.broker: Any = None
        self.cloud: Any = None  # this stage, if it has a hub in place of the broker
        self.hangs = False  # the broker, see the command broker hang
        self._stack = ExitStack()
        self._ends = threading.Event()

    def __enter__(self) -> Stage:
        try:
            self._open()
        except BaseException:
            self._stack.close()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._ends.set()
        self._stack.close()

    def _open_broker(self) -> tuple[str, int]:
        """Start the broker, and whatever listens to it; returns its host and port."""
        base = str(self.config.get("base", "petrel"))
        own = Broker(settings=bridge(base)) if MOSQUITTO.exists() else Amqtt()
        self.broker = self._stack.enter_context(own)
        self.watcher = Subscriber(own, "#", show=self._arrived)
        self._stack.callback(self.watcher.close)
        return own.host, own.port

    def _open(self) -> None:
        address = self._open_broker()
        self.flash = Path(tempfile.mkdtemp(prefix="petrel-play-"))
        self._stack.callback(shutil.rmtree, self.flash, ignore_errors=True)
        shutil.copytree(build("UNIX", quiet=True), self.flash, dirs_exist_ok=True)
        self.bench = Bench(
            self.flash,
            broker=address,
            echo=lambda line: self.on_line(line),
        )
        self._stack.enter_context(self.bench)
        self.said = self._take(self.config)
        threading.Thread(target=self._follow, daemon=True).start()

    def _take(self, config: dict[str, Any]) -> list[str]:
        """Wire a config's parts and put it onto the flash; network and broker become the stage's.

        Returns what was changed in its pins.
        """
        self._settle(config)
        self.base = str(config.get("base", "petrel"))
        self.node = str(config["node"])
        self.readings = Readings(self.base)
        self.parts = {}
        self.parts, said = wired(self.bench.world, config)
        self.config = config
        (self.flash / "config.json").write_text(json.dumps(config, indent=2) + "\n")
        return said

    def _settle(self, config: dict[str, Any]) -> None:
        """Give a config the stage's network and broker."""
        config.setdefault("node", "playground")
        mqtt = config.get("mqtt")
        kept = mqtt if isinstance(mqtt, dict) else {}
        kept = {key: value for key, value in kept.items() if key not in FORGOTTEN}
        config["mqtt"] = {**kept, "host": "127.0.0.1", "port": self.bench.relay_port}
        config["wifi"] = WIFI
        config.setdefault("ntp", "")  # the simulated clock is right

    def faults(self, config: dict[str, Any]) -> list[str]:
        """What the node would say is wrong with a config."""
        trial = copy.deepcopy(config)
        self._settle(trial)
        wired(World({}, WIFI), trial)
        return findings(trial, "UNIX")[0]

    def start(self) -> None:
        """Switch the board on."""
        self.bench.power_on()

    def wait_online(self, seconds: float) -> None:
        """Wait until the node says that it is online; raises ToolError."""
        if not self.watcher.seen(lambda *message: message == self._online, seconds):
            raise ToolError(
                f"the node didn't connect within {seconds:g} s",
                "\n  ".join(self.bench.lines[-5:]) or "it printed nothing",
            )
        # It subscribes to its commands after that, and sends its diagnostics within a second.
        diagnostics = f"{self.base}/{self.node}/diagnostics"
        self.watcher.seen(lambda topic, _: topic == diagnostics, 3)

    @property
    def _online(self) -> tuple[str, str]:
        return (f"{self.base}/{self.node}/status", "online")

    def restart(self, config: dict[str, Any]) -> list[str]:
        """Take the config's parts, and start with it; returns what was changed in it."""
        said = self._take(config)
        if self.bench.powered:
            self.bench.reset()
        return said

    def send(self, command: str, payload: str) -> str:
        """Send the node a command; returns its reply. Raises ToolError if there is none."""
        if not self.broker.running:
            raise ToolError("the broker is stopped", "type: broker start")
        if self.hangs:
            raise ToolError("the broker hangs", "type: broker resume")
        try:
            return self._ask(command, payload)
        except ToolError as error:
            if not self.bench.powered:
                raise ToolError("no reply: the board has no power", "type: power on") from error
            if not self.bench.world.in_reach:
                raise ToolError("no reply: the Wi-Fi is off", "type: wifi on") from error
            raise

    def _ask(self, command: str, payload: str) -> str:
        address = Address(self.broker.host, self.broker.port)
        commands = self.config.get("commands")
        secret = str(commands.get("secret", "")) if isinstance(commands, dict) else ""
        with Dialog(address, self.base, self.node, secret) as dialog:
            return dialog.ask(command, payload, wait=5)

    def _arrived(self, topic: str, payload: str) -> None:
        self.readings.take(topic, payload)

    def _follow(self) -> None:
        while not self._ends.wait(STEP_S):
            for part in list(self.parts.values()):
                part.step(self.bench.world)
