# The watchdog on ports that differ in how long it waits.
# heap: 128K
import sys

from node.start import watchdog


class Node:
    def __init__(self):
        self.about = {"faults": ["another"]}
        self.feed = int


class Port:
    """Takes up to `most` ms, as rp2 and stm32 do; or `fixed` alone, as ESP8266 does."""

    def __init__(self, most=1 << 30, fixed=None):
        self.most = most
        self.fixed = fixed
        self.ms = None

    def WDT(self, timeout=5000):
        if timeout > self.most or self.fixed and timeout != self.fixed:
            raise ValueError("timeout")
        self.ms = timeout
        return self

    def feed(self):
        return "fed"


def started(port, seconds, **facts):
    watchdog.machine = port
    sys.modules.pop("board", None)
    if facts:
        sys.modules["board"] = type("board", (), facts)
    node = Node()
    watchdog.start(node, seconds)
    assert node.feed() == "fed"
    assert "board" not in sys.modules  # it is large
    return port.ms, node.about["faults"][1:]


def test_what_the_port_can_do_is_done_and_nothing_told():
    assert started(Port(), 3600) == (3_600_000, [])
    assert started(Port(8388), 8, WATCHDOG_MS=8388) == (8000, [])
    assert started(Port(fixed=5000), 5, WATCHDOG_MS=5000) == (5000, [])


def test_more_than_the_port_can_do_becomes_what_it_can_and_is_told():
    for most, shown in ((8388, "8.388 s"), (32_700, "32.7 s")):
        ms, told = started(Port(most), 60, WATCHDOG_MS=most)
        assert ms == most
        assert len(told) == 1 and "60 s" in told[0] and shown in told[0], told


def test_a_fixed_time_is_told_whatever_was_wanted():
    for seconds in (2, 30):
        ms, told = started(Port(fixed=5000), seconds, WATCHDOG_MS=5000)
        assert ms == 5000 and "%d s" % seconds in told[0] and "5.0 s" in told[0], told


def test_a_board_whose_facts_are_not_installed():
    for most in (32_700, 8388):
        ms, told = started(Port(most), 60)
        assert ms == most and "60 s" in told[0]
    ms, told = started(Port(fixed=5000), 60)
    assert ms == 5000 and "60 s" in told[0]
