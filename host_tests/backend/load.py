"""Publishers that cost next to nothing, so that a measurement is of the others.

Each is a process with one connection for many nodes. It writes MQTT packets as bytes, many at
once, and counts the acknowledgements. How a node really speaks is the simulated fleet's to know
(tools/backend/fleet.py).
"""

from __future__ import annotations

import multiprocessing
import select
import socket
import struct
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

SPAWN = multiprocessing.get_context("spawn")
PUBLISHERS = 2
NODES, SENSORS = 1000, 5  # of each
WINDOW = 500  # readings that wait for their acknowledgements
AT_ONCE = 50
TICK_S = 0.01
START_S = 60.0
ANSWER_S = 30.0
CONNACK, PUBACK_SIZE = b"\x20\x02\x00\x00", 4


def sensor_name(publisher: int, node: int, sensor: int) -> str:
    """A sensor as the page calls it."""
    return f"n{publisher}-{node}/s{sensor}"


@dataclass
class Load:
    """Publishers at work, and what each has published and has taken of the processor, in s."""

    processes: list[Any] = field(default_factory=list)
    published: Any = field(default_factory=lambda: SPAWN.Array("q", PUBLISHERS, lock=False))
    took_s: Any = field(default_factory=lambda: SPAWN.Array("d", PUBLISHERS, lock=False))
    connected: Any = field(default_factory=lambda: SPAWN.Barrier(PUBLISHERS + 1))

    @property
    def cpu_s(self) -> float:
        """What all have taken of the processor so far."""
        return float(sum(self.took_s))

    @property
    def sent(self) -> int:
        """Readings that the broker has acknowledged."""
        return int(sum(self.published))

    @property
    def alive(self) -> bool:
        """Whether any still publishes."""
        return any(process.is_alive() for process in self.processes)


@contextmanager
def publishing(port: int, readings: int, rate: float) -> Iterator[Load]:
    """Publish readings, so many a second (0: as fast as it goes); then the broker has them all."""
    share = readings // PUBLISHERS
    counts = [share] * (PUBLISHERS - 1) + [readings - share * (PUBLISHERS - 1)]
    load = Load()
    for number, count in enumerate(counts):
        shared = (load.published, load.took_s, load.connected)
        about = (port, number, count, rate / PUBLISHERS, *shared)
        load.processes.append(SPAWN.Process(target=_publish, args=about))
    for process in load.processes:
        process.start()
    load.connected.wait(START_S)
    try:
        yield load
    finally:
        for process in load.processes:
            process.join()


def _publish(
    port: int, number: int, readings: int, rate: float, published: Any, took: Any, ready: Any
) -> None:
    topics = [
        f"petrel/{sensor_name(number, node, sensor)}".encode()
        for sensor in range(SENSORS)
        for node in range(NODES)
    ]
    acknowledged = sent = rest = 0
    with _connected(port, number) as connection:
        ready.wait(START_S)
        began, before = time.monotonic(), time.process_time()
        while acknowledged < readings:
            due = readings if not rate else int((time.monotonic() - began) * rate)
            count = min(due - sent, readings - sent, WINDOW - sent + acknowledged, AT_ONCE)
            if count > 0:
                now = time.time()
                connection.sendall(
                    b"".join(
                        _packet(topics[index % len(topics)], index, number, now)
                        for index in range(sent, sent + count)
                    )
                )
                sent += count
            wait = 0.0 if count == AT_ONCE else TICK_S
            while select.select([connection], [], [], wait)[0]:
                came = connection.recv(65_536)
                if not came:
                    raise ConnectionError("the broker has closed the connection")
                rest += len(came)
                acknowledged += rest // PUBACK_SIZE
                rest %= PUBACK_SIZE
                published[number] = acknowledged
                took[number] = time.process_time() - before
                wait = 0.0


def _packet(topic: bytes, index: int, number: int, now: float) -> bytes:
    """A PUBLISH packet of QoS 1 with a reading."""
    payload = b'{"value": %.3f, "unit": "C", "seq": %d, "boot": %d, "time": %.3f}' % (
        index / 8, index + 1, number + 1, now,
    )  # fmt: skip
    body = struct.pack(">H", len(topic)) + topic + struct.pack(">H", index % 65_535 + 1) + payload
    size = len(body)
    length = bytes([size]) if size < 128 else bytes([size & 127 | 128, size >> 7])
    return b"\x32" + length + body


@contextmanager
def _connected(port: int, number: int) -> Iterator[socket.socket]:
    """A connection to the broker, without keep alive."""
    name = f"load{number}".encode()
    hello = b"\x00\x04MQTT\x04\x02\x00\x00" + struct.pack(">H", len(name)) + name
    with socket.create_connection(("127.0.0.1", port), ANSWER_S) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection.sendall(bytes([0x10, len(hello)]) + hello)
        if connection.recv(4, socket.MSG_WAITALL) != CONNACK:
            raise ConnectionError("the broker refused the connection")
        yield connection
        connection.sendall(b"\xe0\x00")
