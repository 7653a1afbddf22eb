"""A fault on three of a hundred publishes, again and again: how long does nothing new arrive?"""

from __future__ import annotations

import random
import subprocess
import time
from itertools import pairwise
from pathlib import Path
from threading import Lock

import pytest

from host_tests.conformance.wire import PUBACK, PUBLISH
from host_tests.faults.conftest import note
from host_tests.faults.proxy import DOWN, UP, Cut, Proxy
from host_tests.harness.interpreter import WIDTHS, interpreter
from tools.play.broker import Broker
from tools.play.subscriber import Subscriber
from tools.shared.process import popen
from tools.talk.readings import number

SCRIPTS = Path(__file__).parent.parent / "scripts"
CLIENTS = {"asyncio": "reporter_asyncio.py", "link": "reporter.py"}
SHARE = 0.03
SECONDS = 30
APART = 12  # packets, of either direction, from one fault to the next
# The first pause is at most 0.75 s; an acknowledgement is waited for 4 s.
BOUNDS = {"end before PUBACK": 2, "PUBACK lost": 4 + 1, "all together": 5}


class Chances:
    """Numbers from 0 to 1, none below SHARE within APART packets of the one before.

    What several faults one upon another do is a matter of the soak; no bound holds there.
    """

    def __init__(self) -> None:
        self._draw = random.Random(7)
        self._left = 0
        self._lock = Lock()

    def next(self) -> float:
        """The next one."""
        with self._lock:
            chance = self._draw.random()
            self._left -= 1
            if chance < SHARE and self._left > 0:
                return 1.0
            if chance < SHARE:
                self._left = APART
            return chance


@pytest.mark.parametrize("client", CLIENTS)
@pytest.mark.parametrize("what", BOUNDS)
def test_longest_stall(broker: Broker, what: str, client: str) -> None:
    chances = Chances()

    def up(packet: bytes) -> list[bytes]:
        if chances.next() < SHARE:
            raise Cut(packet)
        return [packet]

    def down(packet: bytes) -> list[bytes]:
        chance = chances.next()
        if chance < SHARE:
            return []
        if what == "all together" and chance < 3 * SHARE:
            return [packet, packet, bytes((PUBACK, 2, 0x12, 0x34))]
        return [packet]

    machine = interpreter(WIDTHS[-1])
    times: dict[int, float] = {}

    def arrived(_: str, payload: str) -> None:
        times.setdefault(number(payload), time.monotonic())

    with (
        Proxy((broker.host, broker.port)) as proxy,
        Subscriber(broker, "petrel/reporter/n", show=arrived),
    ):
        if what != "PUBACK lost":
            proxy.rule(PUBLISH, UP, up, 1 << 30)
        if what != "end before PUBACK":
            proxy.rule(PUBACK, DOWN, down, 1 << 30)
        process = popen(
            machine.command(
                SCRIPTS / CLIENTS[client], ["127.0.0.1", str(proxy.port), "60"], heap="512K"
            ),
            env=machine.environment(),
            stdout=subprocess.DEVNULL,
        )
        try:
            time.sleep(SECONDS)
        finally:
            process.kill()
            process.communicate()
    numbers = list(times)
    assert numbers == list(range(1, len(numbers) + 1)), "lost, or out of order"
    stall = max(b - a for a, b in pairwise(times.values()))
    print(f"{client}, {what}: {len(numbers)} in {SECONDS} s, longest stall {stall:.1f} s")
    note(f"stall, {client}: {what}", stall)
    # How many there are is left to chance, since each lost PUBACK costs 4 s. Enough to have met
    # faults of each kind is asked for; what is held is the longest stall.
    assert len(numbers) > 1.5 / SHARE
    assert stall <= BOUNDS[what]
