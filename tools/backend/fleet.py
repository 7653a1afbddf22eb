"""A fleet of simulated nodes in one process: what the collector is tried with.

Each node has a connection of its own and speaks as docs/topics.md says: last will, birth,
diagnostics, readings with boot and seq, replies to commands. It has a node's troubles as well:
outages, after which readings come late; restarts, after which readings have an uptime until the
clock is set; and readings that are sent twice.

paho's clients run on the selectors of one event loop. A node keeps its readings itself, until the
broker has acknowledged them.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import random
import time
from collections import deque
from dataclasses import dataclass, field
from typing import IO, Any

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode

from tools.talk.connection import Address, log_in, words

WINDOW = 16  # readings of a node that wait for their acknowledgement at most
KEEP_ALIVE_S = 60
MISC_S = 1.0  # how often keep alives are looked after
CLOCK_S = (0.5, 3.0)  # how long a node's clock isn't set after a start
OUTAGE_S = (1.0, 20.0)
# name, unit, lowest and highest; a switch has no unit
SENSORS: tuple[tuple[str, str, float, float], ...] = (
    ("air/temperature", "C", -10, 35),
    ("air/humidity", "%", 20, 95),
    ("air/pressure", "hPa", 980, 1040),
    ("light", "lx", 0, 20_000),
    ("soil", "%", 5, 60),
    ("door", "", 0, 1),
    ("boiler", "C", 30, 75),
    ("tank", "m", 0.1, 2),
    ("battery", "V", 3.2, 4.2),
    ("co2", "ppm", 400, 2000),
)


@dataclass
class Plan:
    """What the nodes are to do.

    interval_s: between two readings of a sensor
    trouble_s: between two troubles of a node, on average; 0: none
    """

    nodes: int = 100
    sensors: int = len(SENSORS)
    interval_s: float = 60.0
    trouble_s: float = 600.0
    base: str = "petrel"
    seed: int = 1


@dataclass
class Totals:
    """accepted: readings that a node had; delivered: those that the broker acknowledged."""

    accepted: int = 0
    delivered: int = 0
    again: int = 0
    outages: int = 0
    restarts: int = 0
    commands: int = 0


@dataclass(slots=True)
class _Reading:
    topic: str
    head: str  # the payload, up to its time
    uptime: float | None
    time: int
    counts: bool = True

    def payload(self) -> str:
        if self.uptime is not None:
            return f'{self.head}"uptime": {self.uptime:.0f}}}'
        return f'{self.head}"time": {self.time}}}'


class Fleet:
    """All nodes; `run` until it is stopped, then until all is delivered.

    ledger: a file that gets a line for each accepted reading: node, sensor, boot, seq
    """

    def __init__(self, broker: Address, plan: Plan, ledger: IO[str] | None = None) -> None:
        self.broker = broker
        self.plan = plan
        self.totals = Totals()
        self.ledger = ledger
        self.stopping = asyncio.Event()
        self.why = ""  # the last attempt to connect failed
        self.nodes = [_Node(self, number) for number in range(plan.nodes)]

    @property
    def online(self) -> int:
        """How many nodes have a connection."""
        return sum(node.connected for node in self.nodes)

    @property
    def waiting(self) -> int:
        """How many readings the broker doesn't have yet."""
        return sum(len(node.outbox) + len(node.under_way) for node in self.nodes)

    async def run(self, deliver_s: float = 60.0) -> bool:
        """Run all nodes; True if everything was delivered.

        After the end it goes on until `deliver_s` have passed in which nothing was.
        """
        tasks = [asyncio.create_task(node.live()) for node in self.nodes]
        tasks.append(asyncio.create_task(self._look_after()))
        await self.stopping.wait()
        left, since = self.waiting, time.monotonic()
        while self.waiting and time.monotonic() - since < deliver_s:
            await asyncio.sleep(0.05)
            if self.waiting < left:
                left, since = self.waiting, time.monotonic()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for node in self.nodes:
            node.leave()
        await asyncio.sleep(0.2)  # the last packets leave
        return not self.waiting

    async def _look_after(self) -> None:
        while True:
            await asyncio.sleep(MISC_S)
            for node in self.nodes:
                node.link.loop_misc()


@dataclass
class _Node:
    fleet: Fleet
    number: int
    connected: bool = False
    boot: int = 0
    seq: int = 0
    outbox: deque[_Reading] = field(default_factory=deque)
    under_way: dict[int, _Reading] = field(default_factory=dict)

    def __post_init__(self) -> None:
        plan = self.fleet.plan
        self.random = random.Random(plan.seed * 1_000_003 + self.number)
        self.name = f"sim{self.number:04}"
        self.topic = f"{plan.base}/{self.name}"
        self.link = self._link()
        self.values = [self.random.random() for _ in range(plan.sensors)]
        self.connects = 0
        self._last: _Reading | None = None
        self._gone = asyncio.Event()
        self._reset = "power"
        self._start()

    # --- its life

    async def live(self) -> None:
        """Connect, and again whenever the connection is gone; measure all the time."""
        measuring = asyncio.create_task(self._measure())
        try:
            # Not all at the same moment: a broker lets so many wait to be accepted and no more.
            await asyncio.sleep(self.random.random() * self.fleet.plan.nodes / 500)
            while True:
                self._gone.clear()
                try:
                    host, port = self.fleet.broker.host, self.fleet.broker.port
                    self.link.connect(host, port, KEEP_ALIVE_S)
                    await self._gone.wait()
                except OSError as error:
                    self.fleet.why = f"no broker at {self.fleet.broker}: {words(error)}"
                self._back()
                # Not wait_for(): until Python 3.12 it may swallow the cancellation at the end.
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(self.random.uniform(*OUTAGE_S)):
                        await self.fleet.stopping.wait()  # at the end nobody stays away
                if self.fleet.stopping.is_set():
                    await asyncio.sleep(0.2)
        finally:
            measuring.cancel()

    async def _measure(self) -> None:
        plan = self.fleet.plan
        await asyncio.sleep(self.random.random() * plan.interval_s)
        due = asyncio.get_running_loop().time()
        while not self.fleet.stopping.is_set():
            for index in range(plan.sensors):
                self._take(index)
            self._pump()
            if plan.trouble_s and self.random.random() < plan.interval_s / plan.trouble_s:
                self.random.choice((self._outage, self._restart, self._again))()
            due += plan.interval_s
            await asyncio.sleep(due - asyncio.get_running_loop().time())

    def _start(self) -> None:
        self.boot = self.random.getrandbits(30)
        self.seq = 0
        self.began = time.time()
        self.clock_set = self.began + self.random.uniform(*CLOCK_S)

    def _outage(self) -> None:
        self.fleet.totals.outages += 1
        self._drop()

    def _restart(self) -> None:
        self.fleet.totals.restarts += 1
        self._reset = "crash"
        self._drop()
        self._start()

    def _again(self) -> None:
        """Send a reading once more that was acknowledged, as after a power cut."""
        if self._last and self.connected:
            self.fleet.totals.again += 1
            self.outbox.appendleft(
                _Reading(
                    self._last.topic, self._last.head, self._last.uptime, self._last.time, False
                )
            )
            self._pump()

    def _take(self, index: int) -> None:
        """A reading, into the outbox: from here on it counts."""
        name, unit, low, high = SENSORS[index % len(SENSORS)]
        if index >= len(SENSORS):
            name = f"{name}{index // len(SENSORS)}"
        self.seq += 1
        now = time.time()
        value = min(1.0, max(0.0, self.values[index] + self.random.gauss(0, 0.01)))
        self.values[index] = value
        said = "true" if value > 0.5 else "false"
        if unit:
            said = f'{low + (high - low) * value:.2f}, "unit": "{unit}"'
        head = f'{{"value": {said}, "seq": {self.seq}, "boot": {self.boot}, '
        uptime = None if now >= self.clock_set else now - self.began
        self.outbox.append(_Reading(f"{self.topic}/{name}", head, uptime, int(now)))
        self.fleet.totals.accepted += 1
        if self.fleet.ledger:
            self.fleet.ledger.write(f"{self.name}\t{name}\t{self.boot}\t{self.seq}\n")

    # --- its connection

    def _pump(self) -> None:
        while self.connected and self.outbox and len(self.under_way) < WINDOW:
            reading = self.outbox.popleft()
            if reading.uptime is not None and time.time() >= self.clock_set:
                self._restamp(reading)
            told = self.link.publish(reading.topic, reading.payload(), qos=1)
            if told.rc != MQTTErrorCode.MQTT_ERR_SUCCESS:
                self.outbox.appendleft(reading)
                return
            self.under_way[told.mid] = reading

    def _restamp(self, reading: _Reading) -> None:
        """Give a reading its time afterwards, if it is of this start."""
        if f'"boot": {self.boot}, ' in reading.head:
            reading.uptime = None

    def _link(self) -> paho.Client:
        link = paho.Client(CallbackAPIVersion.VERSION2, client_id=self.name)
        link.max_inflight_messages_set(2 * WINDOW)
        link.will_set(f"{self.topic}/status", "offline", qos=1, retain=True)
        log_in(link, self.fleet.broker)
        link.on_socket_open = lambda client, _, sock: _loop().add_reader(sock, client.loop_read)
        link.on_socket_close = lambda client, _, sock: _forget("remove_reader", sock)
        link.on_socket_register_write = lambda client, _, sock: _loop().add_writer(
            sock, client.loop_write
        )
        link.on_socket_unregister_write = lambda client, _, sock: _forget("remove_writer", sock)
        link.on_connect = self._on_connect
        link.on_disconnect = lambda *_: self._gone.set()
        link.on_publish = self._on_publish
        link.on_message = self._on_message
        return link

    def _drop(self) -> None:
        """Lose the connection without a goodbye, so that the broker sends the last will."""
        sock: Any = self.link.socket()
        if sock is not None:
            with contextlib.suppress(OSError):
                sock.shutdown(2)

    def _back(self) -> None:
        """What wasn't acknowledged waits again, in order."""
        self.connected = False
        self.outbox.extendleft(reversed(self.under_way.values()))
        self.under_way.clear()
        # A new client: the old one would send its own copies as well.
        self.link = self._link()

    def leave(self) -> None:
        """Say goodbye, and go."""
        if self.connected:
            self.link.publish(f"{self.topic}/status", "offline", qos=1, retain=True)
            self.link.disconnect()

    def _on_connect(self, client: paho.Client, data: Any, flags: Any, code: Any, _: Any) -> None:
        if code.is_failure:
            self.fleet.why = f"{self.fleet.broker} refused the connection: {code}"
            self._gone.set()
            return
        self.connected = True
        self.connects += 1
        client.subscribe(f"{self.topic}/cmd/#", 1)
        client.publish(f"{self.topic}/status", "online", qos=1, retain=True)
        self._say_diagnostics()
        self._pump()

    def _say_diagnostics(self) -> None:
        said = {
            "version": "0.1.0",
            "board": "simulated",
            "reset": self._reset,
            "mode": "normal",
            "uptime": round(time.time() - self.began),
            "heap_free": 21_000 + self.random.randrange(2000),
            "waiting": len(self.outbox),
            "refused": 0,
            "drops": 0,
            "connects": self.connects,
            "rssi": -40 - self.random.randrange(45),
        }
        self.link.publish(f"{self.topic}/diagnostics", json.dumps(said), qos=1, retain=True)

    def _on_publish(self, client: paho.Client, data: Any, mid: int, *_: Any) -> None:
        reading = self.under_way.pop(mid, None)
        if reading and client is self.link:
            if reading.counts:
                self.fleet.totals.delivered += 1
                self._last = reading
            self._pump()

    def _on_message(self, client: paho.Client, data: Any, message: paho.MQTTMessage) -> None:
        self.fleet.totals.commands += 1
        name = message.topic.rsplit("/", 1)[-1]
        uptime = round(time.time() - self.began)
        known = {"ping": {"ok": True, "uptime": uptime}, "reboot": {"ok": True}}
        said = known.get(name, {"ok": False, "error": f"there is no command {name}"})
        if name == "set":
            said = {"ok": True}
        if name == "diagnostics":
            said = {"ok": True}
            self._say_diagnostics()
        client.publish(f"{self.topic}/reply/{name}", json.dumps(said))
        if name == "reboot":
            _loop().call_later(0.2, self._restart)  # after the reply


def _loop() -> asyncio.AbstractEventLoop:
    return asyncio.get_running_loop()


def _forget(how: str, sock: Any) -> None:
    """Take a socket off the loop, unless it is closed already, or the loop has ended."""
    with contextlib.suppress(ValueError, OSError, RuntimeError):
        getattr(_loop(), how)(sock)
