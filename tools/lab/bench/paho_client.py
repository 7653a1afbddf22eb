"""The peer that PyPI has: paho-mqtt on CPython, called like the programs of inside/.

python -m tools.lab.bench.paho_client MODE PORT COUNT
"""

from __future__ import annotations

import sys
import threading
import time
from collections import deque

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion

from tools.lab.bench.place import HOST, PAYLOAD, TOPIC, WARM_UP

IN_FLIGHT = 8


def connect(port: int) -> paho.Client:
    """A client with its thread running, connected."""
    client = paho.Client(CallbackAPIVersion.VERSION2, "bench")
    up = threading.Event()
    client.on_connect = lambda *_: up.set()
    client.max_queued_messages_set(0)
    client.connect(HOST, port)
    client.loop_start()
    if not up.wait(10):
        raise SystemExit("paho-mqtt doesn't connect")
    return client


def publish(client: paho.Client, count: int, qos: int, in_flight: int) -> None:
    """Publish `count` messages, at most so many of them unacknowledged."""
    waiting: deque[paho.MQTTMessageInfo] = deque()
    for _ in range(count):
        waiting.append(client.publish(TOPIC, PAYLOAD, qos))
        if len(waiting) == in_flight:
            waiting.popleft().wait_for_publish()
    for info in waiting:
        info.wait_for_publish()


def receive(client: paho.Client, count: int) -> float:
    """Receive `count` messages; returns the seconds from the first to the last."""
    times: list[float] = []
    done = threading.Event()
    subscribed = threading.Event()

    def arrived(*_: object) -> None:
        times.append(time.perf_counter())
        if len(times) == WARM_UP + count:
            done.set()

    client.on_message = arrived
    client.on_subscribe = lambda *_: subscribed.set()
    client.subscribe(TOPIC)
    subscribed.wait(10)
    print("ready", flush=True)
    sys.stdin.readline()
    done.wait()
    return times[-1] - times[WARM_UP - 1]


def main() -> None:
    """Run one mode and print operations a second."""
    mode, port, count = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    client = connect(port)
    began = time.perf_counter()
    if mode == "receive0":
        took = receive(client, count)
    else:
        qos = 0 if mode == "qos0" else 1
        publish(client, count, qos, IN_FLIGHT if mode == "pipelined" else 1)
        took = time.perf_counter() - began
    client.disconnect()
    client.loop_stop()
    print(count / took)


if __name__ == "__main__":
    main()
