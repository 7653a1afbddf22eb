"""What each kind of delivery promises: over outages, power cuts, restarts and an unset clock."""

from __future__ import annotations

import socket
import struct
import threading
import time
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from host_tests.conformance.far import FarEnd
from host_tests.conformance.wire import PUBLISH
from host_tests.harness.interpreter import WIDTHS
from host_tests.harness.node import CRASH, DOOR, LIGHT, Node, make_node
from tools.play.broker import Broker
from tools.play.subscriber import Subscriber
from tools.talk.readings import parse

SURE = {**LIGHT, "delivery": "must_deliver"}


def readings(node: Node, sensor: str = "light", start: int = 0) -> list[dict[str, Any]]:
    """The readings of a sensor in the order of their arrival."""
    topic = f"petrel/n1/{sensor}"
    return [parse(payload) for its, payload in node.seen.messages[start:] if its == topic]


def keep_out(node: Node) -> None:
    """Away from the broker: nothing passes, and nobody is told."""
    node.bench.relay_off()


def more(node: Node, count: int, timeout: float = 20) -> None:
    """Wait until so many readings more have come."""
    wanted = len(readings(node)) + count
    assert node.seen.seen(lambda *_: len(readings(node)) >= wanted, timeout)


def test_must_deliver_survives_power_cuts_while_the_broker_is_away(node: Node) -> None:
    node.write_config(node.config(sensors=[SURE]))
    node.bench.power_on()
    more(node, 3)
    for _ in range(3):
        keep_out(node)
        time.sleep(1.5)  # readings that nobody gets
        node.bench.power_cut()
    stored = len(list((node.flash / "outbox").iterdir()))
    assert stored
    node.bench.relay_on()
    more(node, 25)
    got = readings(node)
    numbers = list(dict.fromkeys(each["seq"] for each in got))
    assert numbers == list(range(1, len(numbers) + 1)), "a gap, or out of order"
    assert len({each["boot"] for each in got}) >= 3
    # A duplicate repeats number and start; at most those that were under way at a cut.
    assert len(got) - len({(each["seq"], each["boot"]) for each in got}) <= 3 * 9
    node.command("diagnostics")
    diagnostics = node.wait("diagnostics", start=len(node.seen.messages) - 3)
    assert diagnostics["flash"] == {"errors": 0, "damaged": 0, "lost": 0}
    assert diagnostics["refused"] == 0


@pytest.fixture
def far() -> Iterator[FarEnd]:
    """A broker that does as it is told."""
    with FarEnd() as far:
        yield far


@pytest.mark.fault("wake-mid-inflight")
@pytest.mark.parametrize("present", [True, False])
def test_cut_before_puback_sends_the_same_again(
    tmp_path: Path, broker: Broker, seen: Subscriber, far: FarEnd, present: bool
) -> None:
    """With a session: the same identifier and DUP; without: as new."""
    far.silent.add(PUBLISH)
    node = make_node(tmp_path, WIDTHS[-1], broker, seen, air=("127.0.0.1", far.port))
    with node.bench:
        node.write_config(node.config(sensors=[{**SURE, "interval": 60}]))
        node.bench.power_on()
        first = _readings_of(far, 1)[-1]
        node.bench.power_off()  # SIGKILL
        far.present = present
        node.bench.power_on()
        again = [each for each in _readings_of(far, 2) if each.payload == first.payload][-1]
        assert again.pid == first.pid
        assert again.flags == (2 | 8 if present else 2)
        assert again.payload == first.payload


def _readings_of(far: FarEnd, count: int) -> list[Any]:
    """PUBLISH packets of readings on all connections, when there are so many."""

    def found() -> list[Any]:
        return [each for each in far.everything if each.kind == PUBLISH and b"seq" in each.payload]

    far.until(lambda: len(found()) >= count, f"{count} readings")
    return found()


def test_latest_keeps_the_newest_alone(node: Node) -> None:
    node.write_config(node.config(sensors=[{**LIGHT, "delivery": "latest"}, DOOR]))
    node.bench.power_on()
    more(node, 3)
    keep_out(node)
    start = len(node.bench.lines)
    time.sleep(3)
    node.bench.relay_on()
    at = len(node.seen.messages)
    more(node, 10)
    numbers = [each["seq"] for each in readings(node, start=at)]
    gaps = [b - a for a, b in pairwise(numbers) if b - a != 1]
    # Those in flight when the air went dead, then one that stands for the rest.
    assert len(gaps) == 1 and gaps[0] > 3, numbers
    assert not any("Traceback" in line for line in node.bench.lines[start:])


def crashing(node: Node) -> None:
    """A node whose sensor ends it with its 11th reading, away from the broker."""
    (node.flash / "lib/sensors/crashing.py").write_text(
        "USES = 'pin'\ndef options(): return {}\nclass Crashing:\n"
        "    FIELDS = (('x', ''),)\n    def __init__(self, pin): self.n = 0\n"
        "    def start(self): return 0\n"
        "    def read(self):\n        self.n += 1\n"
        f"        if self.n == 11: {CRASH}\n        return (self.n,)\n"
        "DRIVER = Crashing\n"
    )
    sensor = {"name": "light", "driver": "crashing", "pin": 5, "interval": 0.2}
    node.write_config(node.config(sensors=[sensor]))
    keep_out(node)
    node.bench.power_on()


def test_readings_in_ram_are_kept_over_a_crash(node: Node) -> None:
    """The node restarts itself: what it has accepted goes to the flash, and is sent after it."""
    crashing(node)
    node.bench.wait_for_line("kept for the next start: 11")
    node.bench.relay_on()
    more(node, 15)
    got = [(each["boot"], each["seq"]) for each in readings(node)]
    first = got[0][0]
    assert [seq for boot, seq in got if boot == first] == list(range(1, 12))


def test_what_could_not_be_kept_over_a_crash_is_counted(node: Node) -> None:
    (node.flash / "outbox").write_text("in the way of the folder")
    crashing(node)
    node.bench.wait_for_line("Petrel: MemoryError|Petrel: TypeError")
    node.bench.relay_on()
    assert node.wait("diagnostics", 30)["lost"] == 11
    more(node, 3)
    assert len({each["boot"] for each in readings(node)}) == 1, "they were kept all the same"


def test_a_damaged_reading_on_the_flash_costs_itself_alone(node: Node) -> None:
    node.write_config(node.config(sensors=[SURE]))
    keep_out(node)
    node.bench.power_on()
    (node.flash / "outbox").mkdir(exist_ok=True)
    deadline = time.monotonic() + 30
    while b'"seq": 6,' not in _stored(node) and time.monotonic() < deadline:
        time.sleep(0.1)
    node.bench.power_cut()
    (segment,) = (node.flash / "outbox").iterdir()
    data = segment.read_bytes()
    assert b'"seq": 3,' in data
    segment.write_bytes(data.replace(b'"seq": 3,', b'"seq": 8,'))
    node.bench.relay_on()
    node.bench.power_on()
    more(node, 12)
    numbers = [each["seq"] for each in readings(node)]
    assert numbers[:5] == [1, 2, 4, 5, 6]
    assert numbers[2:] == list(range(4, 4 + len(numbers) - 2))
    node.command("diagnostics")
    diagnostics = node.wait("diagnostics", start=len(node.seen.messages) - 3)
    assert diagnostics["flash"] == {"errors": 0, "damaged": 1, "lost": 1}


def _stored(node: Node) -> bytes:
    """All that is on the flash of readings."""
    return b"".join(path.read_bytes() for path in (node.flash / "outbox").iterdir())


class Ntp:
    """An SNTP server on a free port that answers after a while, or, without a delay, never."""

    def __init__(self, delay_s: float | None = None) -> None:
        self.delay_s = delay_s
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self.name = f"127.0.0.1:{self._socket.getsockname()[1]}"
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def __enter__(self) -> Ntp:
        return self

    def __exit__(self, *error: object) -> None:
        self._socket.sendto(b"", self._socket.getsockname())
        self._thread.join(5)
        self._socket.close()

    def _serve(self) -> None:
        while True:
            try:
                question, address = self._socket.recvfrom(64)
            except OSError:
                return
            if not question:
                return
            if self.delay_s is None:
                continue
            time.sleep(self.delay_s)
            seconds = struct.pack(">II", int(time.time()) + 2_208_988_800, 0)
            answer = b"\x24\x02".ljust(24, b"\0") + question[40:48] + seconds * 2
            for wrong in (answer[:40], answer[:24] + bytes(8) + b"\xff" * 16, b""):
                self._socket.sendto(wrong, address)
            self._socket.sendto(answer, address)


@pytest.mark.parametrize(
    ("delivery", "format_"),
    [("queue", None), ("must_deliver", None), ("queue", "msgpack"), ("must_deliver", "cbor")],
)
def test_readings_before_the_clock_was_set_get_their_time(
    tmp_path: Path, broker: Broker, seen: Subscriber, delivery: str, format_: str | None
) -> None:
    node = make_node(tmp_path, WIDTHS[-1], broker, seen, clock="unset")
    with Ntp(delay_s=2.5) as ntp, node.bench:
        light = {**LIGHT, "interval": 0.3, "delivery": delivery}
        changes = {"sensors": [light], "ntp": ntp.name, "queue": 6, "format": format_}
        node.write_config(node.config(**changes))
        keep_out(node)
        began = time.time()
        node.bench.power_on()
        time.sleep(5)
        node.bench.relay_on()
        more(node, 30)
        got = readings(node)
        if delivery == "must_deliver":
            assert [each["seq"] for each in got] == list(range(1, len(got) + 1))
        assert all("time" in each and "uptime" not in each for each in got), got
        flagged = [each.get("restamped", False) for each in got]
        assert flagged[0] and not flagged[-1]
        assert flagged == sorted(flagged, reverse=True)
        times = [each["time"] for each in got]
        assert times == sorted(times)
        assert began - 2 <= times[0] <= began + 6
        assert abs(times[-1] - time.time()) < 4


def test_a_clock_that_was_never_set_is_told_by_the_uptime(
    tmp_path: Path, broker: Broker, seen: Subscriber
) -> None:
    node = make_node(tmp_path, WIDTHS[-1], broker, seen, clock="unset")
    with Ntp() as ntp, node.bench:
        node.write_config(node.config(sensors=[LIGHT], ntp=ntp.name))
        node.bench.power_on()
        more(node, 3)
        assert all("uptime" in each and "time" not in each for each in readings(node))


def test_a_clock_that_is_wrong_is_corrected_and_told(
    tmp_path: Path, broker: Broker, seen: Subscriber
) -> None:
    """It was set once, and has drifted, or somebody has set it wrong; a restart keeps it so."""
    node = make_node(tmp_path, WIDTHS[-1], broker, seen)
    with Ntp(delay_s=0.1) as ntp, node.bench:
        node.write_config(node.config(sensors=[LIGHT], ntp=ntp.name))
        node.bench.world.clock_offset = -7200
        node.bench.power_on()
        assert node.wait("light")["time"] < time.time() - 7000
        node.bench.wait_for_line("Petrel: the clock was 7[12].. s slow", 20)
        assert seen.seen(_clock_told, 20)
        reading = node.wait("light", start=len(seen.messages))
        assert abs(reading["time"] - time.time()) < 4


def _clock_told(topic: str, payload: str) -> bool:
    told = parse(payload) if topic == "petrel/n1/diagnostics" else {}
    return str(told.get("clock")).endswith("s slow") and told["drops"] == 0
