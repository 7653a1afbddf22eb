"""The collector: takes messages from a broker, and acknowledges them when they are stored.

Two threads. The link's reads from the network and fills the inbox. The writer takes what is there,
commits it, and only then acknowledges it. So whatever happens to this process, the broker still
has what is not in the database; what comes twice is stored once.

- While the database is gone, nothing is acknowledged. The broker sends no more than it may have
  in flight, and keeps the rest in the collector's session.
- A message that the database refuses by itself is stored as unreadable, with the reason.
- With the brokers of a cluster, the next one of the list is tried when one is gone.
"""

from __future__ import annotations

import contextlib
import logging
import sqlite3
import sys
import threading
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import paho.mqtt.client as paho
import sqlalchemy as sa

from tools.backend.config import BackendConfig
from tools.backend.database import reason
from tools.backend.feed import Feed
from tools.backend.inbox import Inbox, Message
from tools.backend.link import Link
from tools.backend.mapping import Mappings
from tools.backend.messages import FOREIGN, Item, Reading, Unreadable, clean, parse
from tools.backend.releases import Releases, is_of_an_update
from tools.backend.store import Store, Tally, Written
from tools.shared.errors import ToolError
from tools.talk.connection import Address, log_in

log = logging.getLogger(__name__)
KEEP_ALIVE_S = 30
FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.2, 5.0  # before the database is tried again
WAKE_S = 0.5  # how often the writer looks whether it is to end
STOP_S = 30.0


@dataclass
class Counts(Tally):
    """Since the start: messages that came, and what became of them."""

    received: int = 0
    acknowledged: int = 0
    transactions: int = 0
    retries: int = 0


class Collector:
    """The connection and the writer.

    connected: the broker has answered; refused: why it will not, empty if it does
    trouble: why nothing can be stored now, empty if it can
    """

    def __init__(
        self, brokers: Sequence[Address], config: BackendConfig, engine: sa.Engine, feed: Feed
    ) -> None:
        self.counts = Counts()
        self.connected = threading.Event()
        self.refused = ""
        self.trouble = ""
        self.feed = feed
        self.inbox = Inbox(config.database.queue, config.database.queue_mb * 1_000_000)
        self._config = config
        self._store = Store(engine)
        self._mappings = Mappings(config.mapping)
        self._stopping = threading.Event()
        self._writer = threading.Thread(target=self._write, name="writer")
        self._brokers = brokers
        self._at = 0  # which of them
        self._link = Link(config.broker.client_id, self._take)
        folder = config.updates.folder
        self.releases = Releases(folder, self._answer) if folder else None
        self._link.reconnect_delay_set(1, 15)
        log_in(self._link, brokers[0])
        self._link.on_connect = self._on_connect
        self._link.on_connect_fail = self._on_connect_fail
        self._link.on_disconnect = self._on_disconnect
        self._link.on_subscribe = self._on_subscribe

    def __enter__(self) -> Collector:
        self.start()
        return self

    def __exit__(self, *error: object) -> None:
        self.stop()

    def start(self) -> None:
        """Begin; a broker that isn't there is tried again and again."""
        if self.releases:
            self.releases.start()
        self._writer.start()
        self._aim()
        self._link.loop_start()

    def stop(self) -> None:
        """End: what has come is stored and acknowledged if the database takes it."""
        if self.releases:
            self.releases.stop()
        self._stopping.set()
        self._writer.join(STOP_S)
        self._link.disconnect()
        self.inbox.close()
        self._link.loop_stop()

    def publish(self, topic: str, payload: bytes) -> None:
        """Send a message, such as a command to a node. Raises ToolError if there is no broker."""
        if not self.connected.is_set():
            raise ToolError(f"no connection to {self._broker}", "Does the broker run?")
        self._link.publish(topic, payload, qos=1)

    def figures(self) -> dict[str, float]:
        """The counts, and how it is now, for those who watch it."""
        return {
            **asdict(self.counts),
            "waiting": len(self.inbox),
            "dropped": self.inbox.dropped,
            "connected": float(self.connected.is_set()),
            "storing": float(not self.trouble),
        }

    @property
    def _broker(self) -> Address:
        return self._brokers[self._at]

    def _aim(self) -> None:
        """Say where the next attempt goes."""
        self._link.connect_async(self._broker.host, self._broker.port, KEEP_ALIVE_S)

    def _answer(self, topic: str, payload: bytes) -> None:
        """Answer a node that fetches a release; it asks again if that is lost."""
        self._link.publish(topic, payload)

    # --- the network's thread

    def _take(self, messages: list[Message]) -> None:
        if self.releases:
            self.releases.take(messages)
        self.inbox.put(messages)

    def _on_connect(self, client: paho.Client, data: Any, flags: Any, code: Any, _: Any) -> None:
        if code.is_failure:
            self.refused = str(code)
            log.error("%s refused the connection: %s", self._broker, code)
            return
        self.refused = ""
        filters = [f"{base}/#" for base in self._config.topics.base]
        filters += [mapping.filter for mapping in self._config.mapping]
        client.subscribe([(each, 1) for each in dict.fromkeys(filters)])

    def _on_connect_fail(self, client: paho.Client, data: Any) -> None:
        log.warning("no broker at %s: %s", self._broker, sys.exc_info()[1])
        self._turn()

    def _on_subscribe(self, client: paho.Client, data: Any, mid: int, codes: Any, _: Any) -> None:
        if any(code.is_failure for code in codes):
            self.refused = "a subscription; may the collector's user read these topics?"
            log.error("%s refused %s", self._broker, self.refused)
        else:
            self.connected.set()
            log.info("connected to %s", self._broker)

    def _on_disconnect(
        self, client: paho.Client, data: Any, flags: Any, code: Any, _: Any
    ) -> None:
        self._link.lost()
        self.connected.clear()
        if not self._stopping.is_set():
            log.warning("the connection to %s is lost: %s", self._broker, code)
            self._turn()

    def _turn(self) -> None:
        """Have the next attempt go to the next broker of the list."""
        if len(self._brokers) > 1:
            self._at = (self._at + 1) % len(self._brokers)
            self._aim()

    # --- the writer's thread

    def _write(self) -> None:
        while True:
            messages = self.inbox.take(self._config.database.batch, WAKE_S)
            if messages:
                self.counts.received += len(messages)
                if not self._settle(messages):
                    return
            if self._stopping.is_set():
                return  # what isn't acknowledged the broker still has

    def _settle(self, messages: Sequence[Message]) -> bool:
        """Store messages and acknowledge them; False if the end came first."""
        items = [item for message in messages for item in self._read(message)]
        try:
            self._commit(items)
        except _Ended:
            return False
        self.counts.acknowledged += self._link.acknowledge(messages)
        return True

    def _read(self, message: Message) -> list[Item]:
        topic, payload, at = message.topic, message.payload, message.at
        for base in self._config.topics.base:
            if topic.startswith(base + "/"):
                if is_of_an_update(topic, base):
                    return []
                item = parse(topic, payload, at, base, message.retained)
                if isinstance(item, Reading) and item.boot == FOREIGN:
                    item.seq = self._mappings.counted(item.node, item.sensor, at)
                return [item]
        found = self._mappings.parse(topic, payload, at)
        if found is None:
            return [Unreadable(clean(topic), payload, "no mapping is meant for this topic", at)]
        return found

    def _commit(self, items: Sequence[Item]) -> None:
        """Store items in a transaction, or in several if the database refuses one of them."""
        try:
            written = self._insist(items)
        except Exception as error:  # whatever it is, one message must not stop all others
            if len(items) == 1:
                self._once_more(items[0], error)
                return
            middle = len(items) // 2
            self._commit(items[:middle])
            self._commit(items[middle:])
            return
        self._count(written)

    def _insist(self, items: Sequence[Item]) -> Written:
        """Try until the database is there. Raises what it says to these items themselves."""
        pause = FIRST_PAUSE_S
        while True:
            try:
                written = self._store.write(items, self.feed.heard)
            except Exception as error:
                if not _passes(error):
                    raise
                if not self.trouble:
                    log.error("can't store, and try again until it works: %s", reason(error))
                self.trouble = reason(error)
                self.counts.retries += 1
                if self._stopping.wait(pause):
                    raise _Ended from error
                pause = min(2 * pause, LONGEST_PAUSE_S)
                continue
            if self.trouble:
                log.info("storing works again")
            self.trouble = ""
            return written

    def _once_more(self, item: Item, error: Exception) -> None:
        """Store an item that the database refused, if it still does, as what can't be read.

        A refusal can be another's doing: a partition was dropped just now.
        """
        with contextlib.suppress(Exception):
            self._count(self._insist([item]))
            return
        if isinstance(item, Unreadable):
            log.error("%s can't be stored at all: %s", item.topic[:100], reason(error))
            return
        log.error("the database refuses a message of %s: %s", item.node, reason(error))
        topic = f"{item.base}/{item.node}"
        text = repr(item).encode(errors="replace")
        self._count(self._insist([Unreadable(topic, text, reason(error), item.at)]))

    def _count(self, written: Written) -> None:
        self.counts.transactions += 1
        self.counts.add(written)
        if written.events:
            self.feed.publish(written.events)


class _Ended(BaseException):
    """The collector ends while the database is gone."""


def _passes(error: Exception) -> bool:
    """True if the same transaction can succeed later: the server is gone, the disk is full, ...

    A damaged file of SQLite is reported as DatabaseError itself; all that concerns single rows
    comes as one of its subclasses.
    """
    if type(error) in (sa.exc.DatabaseError, sqlite3.DatabaseError):
        return True
    passing = (sa.exc.OperationalError, sa.exc.InterfaceError, sa.exc.InternalError)
    return isinstance(error, (*passing, sqlite3.OperationalError, OSError))
