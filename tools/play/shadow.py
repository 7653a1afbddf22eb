"""Device shadows as AWS's documentation has them, at a broker of ours, for the tests of nodes."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion

from tools.play.hub import merge

MOST = 8192  # bytes of a state
DEPTH = 8
WAIT_S = 60.0
ROOT = "$aws/things/"


class Refused(Exception):
    """A request that AWS would refuse; code: as HTTP has it."""

    def __init__(self, code: int, said: str) -> None:
        super().__init__(said)
        self.code = code


class Shadow:
    """The document of a thing. Nothing in it is random, so it can be compared."""

    def __init__(self) -> None:
        self.desired: dict[str, Any] = {}
        self.reported: dict[str, Any] = {}
        self.version = 0

    def update(self, request: Any) -> None:
        """Take an update. Raises Refused."""
        state = request.get("state") if isinstance(request, dict) else None
        if not isinstance(state, dict):
            raise Refused(400, "Missing required node: state")
        if request.get("version", self.version) != self.version:
            raise Refused(409, "Version conflict")
        desired, reported = json.loads(json.dumps((self.desired, self.reported)))
        for part, its in (("desired", desired), ("reported", reported)):
            if part in state and state[part] is None:
                its.clear()
            elif not isinstance(state.get(part, {}), dict):
                raise Refused(400, f"State contains an invalid node: {part!r}")
            else:
                merge(its, state.get(part, {}))
        if len(json.dumps({"desired": desired, "reported": reported})) > MOST:
            raise Refused(413, "The payload exceeds the maximum size allowed")
        if max(_depth(desired), _depth(reported)) > DEPTH:
            raise Refused(400, "JSON contains too many levels of nesting")
        self.desired, self.reported = desired, reported
        self.version += 1

    def state(self) -> dict[str, Any]:
        """What GET tells."""
        if not self.version:
            raise Refused(404, "No shadow exists")
        told = {"desired": self.desired, "reported": self.reported, "delta": self.delta()}
        return {key: value for key, value in told.items() if value}

    def delta(self) -> dict[str, Any]:
        """What is desired otherwise than it is reported."""
        found = _delta(self.desired, self.reported)
        return found if isinstance(found, dict) else {}


def _delta(desired: Any, reported: Any) -> Any:
    """None if there is none."""
    if not (isinstance(desired, dict) and isinstance(reported, dict)):
        return None if desired == reported else desired
    found = {}
    for key, value in desired.items():
        other = value if key not in reported else _delta(value, reported[key])
        if other is not None:
            found[key] = other
    return found or None


def _depth(value: Any) -> int:
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return 1 + max(map(_depth, inner), default=0) if isinstance(value, dict | list) else 0


class Shadows:
    """The shadows of all things at a broker; a context manager."""

    def __init__(self, host: str, port: int, tls: Path | None = None) -> None:
        self.things: dict[str, Shadow] = {}
        self.refused: list[str] = []
        self.changed = threading.Condition()
        self._ready = threading.Event()
        self._client = paho.Client(CallbackAPIVersion.VERSION2)
        if tls:
            self._client.tls_set(str(tls))
        names = [(f"{ROOT}+/shadow/{name}", 1) for name in ("get", "update")]
        self._client.on_connect = lambda client, *_: client.subscribe(names)
        self._client.on_subscribe = lambda *_: self._ready.set()
        self._client.on_message = self._arrived
        self._client.connect(host, port)

    def __enter__(self) -> Shadows:
        self._client.loop_start()
        if not self._ready.wait(WAIT_S):
            raise TimeoutError("the broker doesn't take the subscriptions")
        return self

    def __exit__(self, *error: object) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    def desire(self, thing: str, desired: dict[str, Any]) -> None:
        """Update the desired state, as an application does."""
        self._do(thing, "update", json.dumps({"state": {"desired": desired}}))

    def reported(self, thing: str) -> dict[str, Any]:
        """What a thing has reported."""
        return self.things.get(thing, Shadow()).reported

    def wait(self, true: Callable[[], Any], what: str) -> None:
        """Wait for something to become true, or raise AssertionError."""
        with self.changed:
            if not self.changed.wait_for(true, WAIT_S):
                raise AssertionError(f"waited in vain for {what}; refused: {self.refused}")

    def _arrived(self, client: Any, data: Any, message: Any) -> None:
        thing, _, what = message.topic.removeprefix(ROOT).partition("/shadow/")
        self._do(thing, what, message.payload.decode())

    def _do(self, thing: str, what: str, payload: str) -> None:
        answers: dict[str, Any] = {}
        with self.changed:
            shadow = self.things.setdefault(thing, Shadow())
            try:
                if what == "update":
                    request = json.loads(payload)
                    shadow.update(request)
                    answers["update/accepted"] = {"state": request["state"]}
                    if delta := shadow.delta():
                        answers["update/delta"] = {"state": delta}
                else:
                    answers["get/accepted"] = {"state": shadow.state()}
                for answer in answers.values():
                    answer |= {"version": shadow.version, "timestamp": int(time.time())}
            except (Refused, ValueError) as error:
                code = error.code if isinstance(error, Refused) else 400
                answers[f"{what}/rejected"] = {"code": code, "message": str(error)}
                if code != 404:
                    self.refused.append(f"{thing} {what}: {error}")
            self.changed.notify_all()
        for below, answer in answers.items():
            self._client.publish(f"{ROOT}{thing}/shadow/{below}", json.dumps(answer), 1)
