"""The playground's stage with a hub like Azure's in place of the broker, on this computer."""

from __future__ import annotations

import json
import shutil
import tempfile
from pathlib import Path
from typing import Any

from tools.play.hub import Device, Hub
from tools.play.playground.stage import Stage
from tools.play.self_signed import certificate
from tools.play.sim import Bench
from tools.shared.errors import ToolError

HOST = "127.0.0.1"
# What a node with Azure has no use for, see lib/node/config/cloud.py.
NOT_THERE = ("homeassistant", "format")


class Reach:
    """What is typed for the broker, done to the hub: it is on the other side of the relay."""

    running = True

    def __init__(self, stage: AzureStage) -> None:
        self._stage = stage

    @property
    def _bench(self) -> Bench:
        return self._stage.bench

    def kill(self) -> None:
        """It takes no connections; the stage has ended the one there was."""
        self.running = False

    def start(self) -> None:
        """It takes connections again."""
        self.running = True

    def suspend(self) -> None:
        """Nothing passes any more."""
        self._bench.relay_off()

    def resume(self) -> None:
        """It passes again."""
        self._bench.relay_on()


class AzureStage(Stage):
    """A hub, and a node that is a device of it."""

    hub: Hub
    device: Device

    def _open_broker(self) -> tuple[str, int]:
        folder = Path(tempfile.mkdtemp(prefix="petrel-hub-"))
        self._stack.callback(shutil.rmtree, folder, ignore_errors=True)
        self._cert, key = certificate(folder, HOST)
        self.hub = self._stack.enter_context(Hub(HOST, self._cert, key))
        self.device = self.hub.add(str(self.config.get("node", "playground")))
        self.hub.on_telemetry = self._heard
        self.hub.on_violation = lambda said: self.on_line(f"the hub ended the connection: {said}")
        self.broker = Reach(self)
        self.cloud = self
        return HOST, self.hub.port

    def _take(self, config: dict[str, Any]) -> list[str]:
        shutil.copyfile(self._cert, self.flash / "azure.pem")
        return super()._take(config)

    def _settle(self, config: dict[str, Any]) -> None:
        super()._settle(config)
        config["cloud"] = {"azure": self.hub.string(self.device)}
        config["mqtt"] = {"ca": "azure.pem", "port": self.bench.relay_port}
        for key in NOT_THERE:
            config.pop(key, None)

    def _heard(self, device: Device, told: dict[str, str], payload: bytes) -> None:
        below = told.get("topic") or told.get("kind", "")
        self._arrived(f"{self.base}/{self.node}/{below}", payload.decode(errors="replace"))

    def wait_online(self, seconds: float) -> None:
        """Wait until the node has connected and told its config; raises ToolError."""
        if not self.hub.until(lambda: "config_mark" in self.device.reported, seconds):
            raise ToolError(
                f"the node didn't connect within {seconds:g} s",
                "\n  ".join(self.bench.lines[-5:]) or "it printed nothing",
            )

    def _ask(self, command: str, payload: str) -> str:
        try:
            given = json.loads(payload)
        except ValueError:
            given = payload
        try:
            status, answer = self.hub.call(self.device, command, given, 5)
        except TimeoutError as error:
            raise ToolError("no reply from the node") from error
        return f"{status} {json.dumps(answer)}"

    # --- what is typed for the hub alone; each returns what to show

    def twin(self, text: str) -> str:
        """What the hub knows of the device."""
        twin = {"desired": self.device.desired, "reported": self.device.reported}
        return json.dumps(twin, indent=2)

    def desire(self, text: str) -> str:
        """Change the desired properties of the device's twin."""
        try:
            patch = json.loads(text)
            return f"version {self.hub.desire(self.device, patch)} is desired"
        except ValueError as error:
            hint = 'desire {"config": {"queue": 50}}'
            raise ToolError(f"a twin doesn't take that: {error}", hint) from error

    def message(self, text: str) -> str:
        """Send the device a message."""
        if not self.device.connection:
            raise ToolError("the node isn't connected, and this hub keeps no messages")
        self.hub.send(self.device, text)
        return "it was sent"

    def expire(self, text: str) -> str:
        """Have the password of its connection end."""
        self.hub.expire(self.device)
        return "its password has ended"
