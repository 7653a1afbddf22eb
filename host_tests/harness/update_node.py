"""A node in CPython that takes updates as docs/updates.md says, for tests of the server's side."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Mapping
from typing import Any

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion

from tools.play.broker import Broker
from tools.update.manifest import Entry, Manifest, Refused, parse_list
from tools.update.verify import check_file, check_for_node, opened

RETRY_S = 0.5  # so that tests need not wait; a node waits longer
CHUNK = 1024
WAIT_S = 60


class UpdateNode:
    """A context manager. Its `files` outlive it, as those of a node outlive a restart.

    loses: whether it loses a chunk, by the count of those that came
    fails: whether it goes back from a release with that serial
    """

    def __init__(
        self,
        broker: Broker,
        name: str,
        board: str,
        trusted: Mapping[str, bytes],
        files: dict[str, bytearray] | None = None,
        serial: int = 0,
        loses: Callable[[int], bool] = lambda count: False,
        fails: Callable[[int], bool] = lambda serial: False,
    ) -> None:
        self.files = {} if files is None else files
        self.chunks = 0
        self.answers: list[str] = []  # reasons why there was no chunk
        self.serial = self._highest = serial
        self.ran: list[int] = []  # serials, one after the other
        self._name, self._board, self._trusted, self._loses = name, board, trusted, loses
        self._fails = fails
        self._offer: Manifest | None = None
        self._entries: list[Entry] = []
        self._asked = b""
        self._states: list[str] = []
        self._changed = threading.Condition()
        self._timer = threading.Timer(0, lambda: None)
        self._lock = threading.RLock()  # a timer may fire while a chunk is taken
        self._client = paho.Client(CallbackAPIVersion.VERSION2)
        self._client.on_connect = lambda client, *_: client.subscribe(
            [(self._topic("update/offer"), 1), (self._topic("update/chunk"), 0)]
        )
        self._client.on_message = self._on_message
        self._client.connect(broker.host, broker.port)

    def __enter__(self) -> UpdateNode:
        said = json.dumps({"board": self._board, "version": "0.2.0"})
        self._client.publish(self._topic("status"), "online", 1, True)
        self._client.publish(self._topic("diagnostics"), said, 1, True)
        self._say("idle")
        self._client.loop_start()
        return self

    def __exit__(self, *_: object) -> None:
        self._client.disconnect()
        self._client.loop_stop()
        self._timer.cancel()

    def wait(self, state: str) -> None:
        """Wait until it was in a state."""
        with self._changed:
            if not self._changed.wait_for(lambda: state in self._states, WAIT_S):
                raise TimeoutError(f"it was {self._states}, not {state}")

    def wait_for_chunks(self, count: int) -> None:
        """Wait until so many chunks came."""
        with self._changed:
            if not self._changed.wait_for(lambda: self.chunks >= count, WAIT_S):
                raise TimeoutError(f"{self.chunks} chunks came, not {count}")

    def _topic(self, what: str) -> str:
        return f"petrel/{self._name}/{what}"

    def _say(self, state: str, **more: Any) -> None:
        said = {"state": state, "version": f"v{self.serial}", "serial": self.serial, **more}
        if self._offer:
            said |= {"offered": self._offer.serial, "latest": self._offer.version}
        self._client.publish(self._topic("update/state"), json.dumps(said), 1, True)
        with self._changed:
            self._states.append(state)
            self._changed.notify_all()

    def _on_message(self, client: paho.Client, data: Any, message: paho.MQTTMessage) -> None:
        payload = bytes(message.payload)
        with self._lock:
            if message.topic.endswith("/offer"):
                if payload:
                    self._take_offer(payload)
                elif self._offer:  # it was withdrawn
                    self._timer.cancel()
                    self._offer = None
                    self._say("idle")
            elif self._offer:
                self._take_chunk(payload)

    def _take_offer(self, offer: bytes) -> None:
        try:
            told = opened(offer, self._trusted)
            if self._offer not in (None, told):
                self._entries = []
                self.files.clear()
            self._offer = told
            if told.serial == self.serial:
                self._say("idle")
                return
            check_for_node(told, self._board, 6, self._highest)
        except Refused as error:
            self._say("refused", error=str(error))
            self._offer = None
            return
        self._say("fetching", percent=0)
        self._next()

    def _next(self) -> None:
        """Ask for what is missing; with nothing missing it is done."""
        assert self._offer
        todo = [("list", self._offer.list_size)]
        todo += [(entry.path, entry.size) for entry in self._entries]
        for number, (path, size) in enumerate(todo):
            have = len(self.files.setdefault(path, bytearray()))
            if have < size:
                self._ask(f"{self._offer.id} {number} {have} {CHUNK}".encode())
                return
            if number == 0 and not self._entries:
                self._entries = parse_list(bytes(self.files["list"]), self._offer)
                self._next()
                return
        for entry in self._entries:
            check_file(entry, bytes(self.files[entry.path]))
        if self._fails(self._offer.serial):
            self._say("failed", error="ImportError: it was to fail")
            return
        self.serial = self._offer.serial
        self._highest = max(self._highest, self.serial)
        self.ran.append(self.serial)
        self._say("good")

    def _ask(self, request: bytes) -> None:
        self._asked = request
        self._client.publish(self._topic("update/get"), request)
        self._timer.cancel()
        self._timer = threading.Timer(RETRY_S, self._ask_again, [request])
        self._timer.start()

    def _ask_again(self, request: bytes) -> None:
        with self._lock:
            if self._asked is request:  # else its answer came just now
                self._ask(request)

    def _take_chunk(self, chunk: bytes) -> None:
        with self._changed:
            self.chunks += 1
            self._changed.notify_all()
        if self._loses(self.chunks):
            return
        head, _, content = chunk.partition(b"\n")
        if not self._asked:
            return
        name, number, offset, _ = self._asked.split(b" ")
        if head == b" ".join((name, number, b"-")):
            self.answers.append(content.decode())
        if head != b" ".join((name, number, offset)):
            return
        self._timer.cancel()
        self._asked = b""
        paths = ["list", *(entry.path for entry in self._entries)]
        self.files[paths[int(number)]] += content
        if self.chunks % 8 == 0:
            self._say("fetching", percent=50)
        self._next()
