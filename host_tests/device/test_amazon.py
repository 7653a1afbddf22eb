# heap: 2048K
"""How a node comes back to AWS IoT Core: never within a second, and after ever longer pauses."""

import random

from far import CONNECT, Broker, Clock, posts, run

from mqtt.link import Link
from node.network import amazon_iot_core, brokers


class AfterConnack(Broker):
    """Accepts, and then ends it."""

    def reply(self, first, body):
        if first & 0xF0 == CONNECT:
            self.stream.end()
        return Broker.reply(self, first, body)


class NoConnack(Broker):
    """Never answers CONNECT."""

    def reply(self, first, body):
        return b"" if first & 0xF0 == CONNECT else Broker.reply(self, first, body)


def pauses(kind, seed):
    """The ms between the ends of connections and the next attempts, in five minutes."""
    random.seed(seed)
    with Clock() as clock:
        amazon_iot_core.ticks_ms = clock
        broker = kind(clock)
        link = Link(broker, "me", clean=False, connect_ms=3000)
        ends = []
        link.on_lost = lambda error: ends.append(clock.now)
        run(link, clock, 300_000, posts(1500))
    return [begun - end for end, begun in zip(ends, broker.attempts[1:])]


def test_never_within_a_second_and_no_two_alike():
    before = Link.give_up
    try:
        for kind in (AfterConnack, NoConnack):
            Link.give_up = before
            assert min(min(pauses(kind, seed)) for seed in range(4)) < 1000, "otherwise it is idle"
            amazon_iot_core.begin()
            found = [pauses(kind, seed) for seed in range(4)]
            for each in found:
                assert len(each) >= 6, each
                assert min(each) >= 1000, each
                assert max(each[3:]) > 2 * each[0], each  # it grows
            assert len({tuple(each[:3]) for each in found}) == 4, found  # and is drawn
    finally:
        Link.give_up = before


def test_it_is_the_host_that_decides():
    before = Link.give_up
    changed = []
    try:
        for host in ("broker.lan", "a-ats.iot.eu-central-1.amazonaws.com",
                     ["a-ats.iot.eu-central-1.amazonaws.com:8883"]):  # fmt: skip
            Link.give_up = before
            brokers.dials({"host": host, "ca": "aws.pem"})
            changed.append(Link.give_up is not before)
    finally:
        Link.give_up = before
    assert changed == [False, True, True]
