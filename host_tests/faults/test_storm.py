"""A broker restarts: its clients come back spread out."""

from __future__ import annotations

import queue
import subprocess
import threading
import time
from collections import Counter
from pathlib import Path

from host_tests.faults.storm import arrivals, with_jitter, without_jitter
from host_tests.harness.interpreter import interpreter
from tools.play.broker import Broker
from tools.shared.process import popen

SCRIPT = Path(__file__).parent.parent / "scripts" / "storm.py"
CLIENTS = 200


def test_200_clients_come_back_spread_out(broker: Broker) -> None:
    machine = interpreter("64")
    process = popen(
        machine.command(SCRIPT, [str(broker.port), str(CLIENTS)], heap="16M"),
        env=machine.environment(),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    lines: dict[str, queue.Queue[float]] = {"up": queue.Queue(), "down": queue.Queue()}

    def read() -> None:
        assert process.stdout
        for line in process.stdout:
            lines[line.strip()].put(time.monotonic())

    threading.Thread(target=read, daemon=True).start()
    try:
        for _ in range(CLIENTS):
            lines["up"].get(timeout=60)
        broker.kill()
        for _ in range(CLIENTS):  # the first attempt follows within a second of it
            lines["down"].get(timeout=60)
        killed = time.monotonic()
        time.sleep(4)
        broker.start()
        back = time.monotonic()
        times = [lines["up"].get(timeout=40) - back for _ in range(CLIENTS)]
    finally:
        process.kill()
        process.communicate()
    seconds = Counter(int(at) for at in times)
    print(
        f"the broker was away for {back - killed:.1f} s; arrivals in each second after:", seconds
    )
    assert max(times) <= 16, "later than the longest pause"
    assert max(seconds.values()) <= CLIENTS * 0.4, seconds
    assert len(seconds) >= 4, seconds
    # As the simulation says, on which the figures for more clients rest.
    counts, last, _ = arrivals(CLIENTS, back - killed, CLIENTS, with_jitter)
    assert abs(last - (back - killed) - max(times)) <= 6
    assert counts


def test_simulation_of_100_000_clients_is_bounded_by_the_backoff() -> None:
    outage, rate = 20, 5000
    jittered, all_in, attempts = arrivals(100_000, outage, rate, with_jitter)
    at_once, all_in_at_once, attempts_at_once = arrivals(100_000, outage, rate, without_jitter)
    assert max(jittered[outage:]) <= 100_000 / 15 * 2.2  # twice a mean pause of 7.5 s
    assert max(at_once[outage:]) >= 95_000
    assert all_in < 60 < 300 < all_in_at_once
    assert attempts < attempts_at_once / 2
