"""The collector as a server of releases: it answers nodes that fetch one, and lists them.

Requests are answered in a thread of their own: a disk that is slow must not hold up the readings.
A release that isn't here may be another server's, so then nothing is said. While another program,
such as `petrel offer`, answers a node, it gets nothing twice.
"""

from __future__ import annotations

import contextlib
import queue
import random
import threading
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from tools.backend.inbox import Message
from tools.update.manifest import LIST, OFFER, Manifest, Refused
from tools.update.release import serials
from tools.update.server import NoAnswer, Server, read_release

GET, CHUNK = "/update/get", "/update/chunk"
# What a node and a server say to each other over an update; nothing of it is a reading.
TOPICS = ("update/get", "update/chunk", "update/offer", "update/state")
MOST_WAIT = 500  # requests; a node whose request is dropped asks again
MOST_KEPT = 5000  # answers that haven't come back from the broker, and nodes that another answers
# For how long a node is another server's after its last answer. Two collectors must not both be
# silent until the same moment, again and again.
QUIET_S = (10.0, 60.0)


class Releases:
    """The releases below a folder, for nodes and for the page.

    publish: sends (topic, payload)
    """

    def __init__(self, folder: Path, publish: Callable[[str, bytes], Any]) -> None:
        self.folder = folder
        self._publish = publish
        self._server = Server(folder, alone=False)
        self._own: set[tuple[str, bytes]] = set()  # answers that the broker will send here, too
        self._others: dict[str, float] = {}  # until when somebody else answers a node, by topic
        self._waiting: queue.Queue[Message | None] = queue.Queue(MOST_WAIT)
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._work, name="releases", daemon=True)

    def start(self) -> None:
        """Begin to answer."""
        self._thread.start()

    def stop(self) -> None:
        """Answer nothing that comes from now on."""
        self._ended.set()
        with contextlib.suppress(queue.Full):
            self._waiting.put_nowait(None)
        self._thread.join(10)

    def take(self, messages: Iterable[Message]) -> None:
        """Take what concerns it among messages. Never waits."""
        for message in messages:
            if message.retained:
                continue
            if message.topic.endswith(GET):
                with contextlib.suppress(queue.Full):
                    self._waiting.put_nowait(message)
            elif message.topic.endswith(CHUNK):
                self._answered(message.topic, message.payload)

    def listed(self) -> list[Manifest]:
        """What there is, the newest first; what can't be read is left out."""
        return [
            told
            for serial in reversed(serials(self.folder))
            for path in sorted((self.folder / str(serial)).glob(f"*/{OFFER}"))
            if (told := _told(path.parent))
        ]

    def files(self, serial: int) -> dict[str, Path]:
        """The files of a release, by their paths in it; raises KeyError if there is none."""
        found = {}
        for path in sorted((self.folder / str(serial)).glob(f"*/{OFFER}")):
            folder = path.parent
            if _told(folder):
                for name in (OFFER, LIST, *(entry.path for entry in read_release(folder)[1])):
                    found[f"{folder.name}/{name}"] = folder / name
        if not found:
            raise KeyError(f"release {serial}")
        return found

    def _answered(self, topic: str, payload: bytes) -> None:
        """A chunk was sent: by this server, or by another."""
        key = (topic, payload.partition(b"\n")[0])
        if key in self._own:
            self._own.discard(key)
            return
        if len(self._others) > MOST_KEPT:
            self._others.clear()
        self._others[topic] = time.monotonic() + random.uniform(*QUIET_S)

    def _work(self) -> None:
        while (message := self._waiting.get()) and not self._ended.is_set():
            topic = message.topic.removesuffix(GET) + CHUNK
            if self._others.get(topic, 0) > time.monotonic():
                continue
            with contextlib.suppress(NoAnswer):
                answer = self._server.answer(message.payload)
                if len(self._own) > MOST_KEPT:
                    self._own.clear()
                self._own.add((topic, answer.partition(b"\n")[0]))
                self._publish(topic, answer)


def is_of_an_update(topic: str, base: str) -> bool:
    """Whether a message is one of those with which nodes get an update."""
    return topic.removeprefix(base + "/").partition("/")[2] in TOPICS


def _told(folder: Path) -> Manifest | None:
    """What a release says of itself, if it is where it belongs."""
    try:
        told, _ = read_release(folder)
    except Refused:
        return None
    return told if (str(told.serial), told.board) == folder.parts[-2:] else None
