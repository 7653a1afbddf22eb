"""Hundreds of nodes in one client: they take each offer at once, and fetch nothing."""

from __future__ import annotations

import json
import threading

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion

from tools.play.broker import Broker
from tools.update.manifest import parse

WAIT_S = 60


class Crowd:
    """A context manager.

    bad: nodes on which the release `serial` crashes: some in its trial, some after it
    runs: what each runs; most: how many had that release at a time, or tried it
    """

    def __init__(self, broker: Broker, names: list[str], before: int, serial: int) -> None:
        self.runs = dict.fromkeys(names, before)
        self.bad: set[str] = set()
        self.most = 0
        self._serial = serial
        self._on_it: set[str] = set()
        self._ready = threading.Event()
        self._client = paho.Client(CallbackAPIVersion.VERSION2)
        self._client.max_inflight_messages_set(1000)
        self._client.on_message = self._on_message
        self._client.on_subscribe = lambda *_: self._ready.set()
        self._client.connect(broker.host, broker.port)

    def __enter__(self) -> Crowd:
        self._client.loop_start()
        for name in self.runs:
            told = self._say(name, "status", "online")
            self._state(name, "idle")
        told.wait_for_publish(WAIT_S)
        self._client.subscribe("petrel/+/update/offer", 1)
        assert self._ready.wait(WAIT_S)
        return self

    def __exit__(self, *_: object) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    def _on_message(self, client: paho.Client, data: object, message: paho.MQTTMessage) -> None:
        name = message.topic.split("/")[1]
        if not message.payload:
            self._state(name, "idle")
            return
        serial = parse(bytes(message.payload).partition(b"\n")[0]).serial
        if serial != self._serial:
            self._on_it.discard(name)
            self.runs[name] = serial
            self._state(name, "good", offered=serial)
            return
        self._on_it.add(name)
        self.most = max(self.most, len(self._on_it))
        if name in self.bad and len(self._on_it) % 2:
            self._on_it.discard(name)
            self._state(name, "failed", offered=serial, error="ImportError")
            return
        self.runs[name] = serial
        self._state(name, "good", offered=serial)
        if name in self.bad:
            self._say(name, "diagnostics", json.dumps({"crashes": 1, "why": "KeyError"}))

    def _state(self, name: str, state: str, **more: object) -> None:
        said = {"state": state, "serial": self.runs[name], **more}
        self._say(name, "update/state", json.dumps(said))

    def _say(self, name: str, what: str, payload: str) -> paho.MQTTMessageInfo:
        return self._client.publish(f"petrel/{name}/{what}", payload, 1, True)
