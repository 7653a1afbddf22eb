# heap: 2048K
"""How often a client comes back to a broker that ends its connections, over minutes and hours."""

import random

from far import CONNECT, PUBLISH, Broker, Clock, posts, run

from mqtt.link import Link
from mqtt.robust import MQTTClient

MINUTE = 60_000
SEEDS = range(4)


class AtOnce(Broker):
    """Ends each connection before it has answered."""

    def reply(self, first, body):
        return None


class AfterConnack(Broker):
    """Accepts, and then ends it."""

    def reply(self, first, body):
        if first & 0xF0 == CONNECT:
            self.stream.end()
        return Broker.reply(self, first, body)


class AtPublish(Broker):
    """Ends it at every PUBLISH."""

    def reply(self, first, body):
        if first & 0xF0 != PUBLISH:
            return Broker.reply(self, first, body)


class AfterOnePuback(Broker):
    """Acknowledges one message, and then ends it."""

    def reply(self, first, body):
        if first & 0xF0 == PUBLISH:
            self.stream.end()
        return Broker.reply(self, first, body)


class Garbles(Broker):
    """Acknowledges one message, and then sends what is no packet."""

    def reply(self, first, body):
        return Broker.reply(self, first, body) + (b"\0\0" if first & 0xF0 == PUBLISH else b"")


class GarblesAtOnce(Broker):
    """Answers CONNECT by what is no packet."""

    def reply(self, first, body):
        return b"\0\0"


class Limited(Broker):
    """Ends it where a sixth message comes within 10 s, counted over connections."""

    def reply(self, first, body):
        if first & 0xF0 == PUBLISH:
            lately = [each for each in self.of_kind(PUBLISH) if each[0] > self.clock.now - 10_000]
            if len(lately) > 5:
                return None
        return Broker.reply(self, first, body)


class Silent(Broker):
    """Accepts, and never acknowledges."""

    def reply(self, first, body):
        return b"" if first & 0xF0 == PUBLISH else Broker.reply(self, first, body)


def code(number):
    class Refuses(Broker):
        def reply(self, first, body):
            return bytes((0x20, 2, 0, number))

    return Refuses


def hold(broker, told, first=0):
    """AssertionError if it was tried too often, or no more."""
    told = told, broker.pauses()
    assert 3 <= broker.in_minute(0, first) <= 6, told
    assert 1 <= max(broker.in_minute(minute) for minute in (10, 11)) <= 2, told
    assert max(told[1]) < 136_000, told  # a minute, and a connection that did not last


def test_who_is_thrown_out_again_and_again_comes_back_ever_more_rarely():
    for kind in (AtOnce, AfterConnack, AfterOnePuback, Garbles, GarblesAtOnce, Limited, Silent,
                 code(5), code(3)):  # fmt: skip
        for seed in SEEDS:
            random.seed(seed)
            with Clock() as clock:
                broker = kind(clock)
                link = Link(broker, "me", clean=False, queue=1000)
                run(link, clock, 14 * MINUTE, posts(1500))
            hold(broker, (kind.__name__, seed), kind is Limited)  # the first is good for 10 s


def test_robust_and_reconnect_come_back_as_rarely():
    for kind in (AtOnce, AfterConnack, AfterOnePuback):
        for seed in SEEDS:
            random.seed(seed)
            with Clock() as clock:
                broker = kind(clock)
                client = MQTTClient("me", "", dial=broker)
                client.wait = clock.sleep
                clock.end = 13 * MINUTE
                try:
                    client.reconnect()
                    while True:
                        client.publish("t", "x", qos=1)
                except EOFError:
                    pass
            hold(broker, (kind.__name__, seed))


class Jealous(Broker):
    """Has one client at a time: accepting one ends the connections of the others."""

    others = ()

    def reply(self, first, body):
        if first & 0xF0 == CONNECT:
            for other in self.others:
                if other is not self and other.stream:
                    other.stream.end()
        return Broker.reply(self, first, body)


def test_two_with_one_client_id_take_turns_ever_more_rarely():
    for interval in (2000, 10_000, 60_000):
        for seed in SEEDS:
            random.seed(seed)
            with Clock() as clock:
                Jealous.others = both = [Jealous(clock), Jealous(clock)]
                links = [Link(broker, "me", clean=False) for broker in both]
                post = [posts(interval), posts(interval)]
                while clock.now < 14 * MINUTE:
                    for i in range(2):
                        run(links[i], clock, 100, post[i])
            for broker in both:
                hold(broker, (interval, seed))


def test_a_broker_that_is_away_is_tried_as_soon_as_before():
    with Clock() as clock:
        broker = Broker(clock)
        broker.away = OSError(111)
        link = Link(broker, "me")
        run(link, clock, 20 * MINUTE)
        pauses = [b - a for a, b in zip(broker.attempts, broker.attempts[1:])]
        assert max(pauses) <= 15_001 and broker.in_minute(10) >= 4, pauses
        broker.away = None
        run(link, clock, 15_001)
        assert link.up


def test_one_fault_costs_a_second_at_most_and_the_next_after_some_work_too():
    for seed in SEEDS:
        random.seed(seed)
        with Clock() as clock:
            broker = Broker(clock)
            link = Link(broker, "me")
            post = posts(200)
            for _ in range(20):
                run(link, clock, 5000, post)
                assert link.up
                broker.stream.end()
                begun = len(broker.attempts)
                run(link, clock, 1100, post)
                assert len(broker.attempts) == begun + 1, seed


def test_faults_of_all_kinds_every_few_seconds_never_make_it_wait_longer_than_15_s():
    ends = []
    clock = Clock()
    for seed in SEEDS:
        random.seed(seed)
        ends.clear()
        with clock:
            broker = Broker(clock)
            link = Link(broker, "me", queue=300, on_lost=lambda _: ends.append(clock.now))
            post = posts(200)
            for _ in range(500):
                broker.away = None
                broker.came.clear()
                run(link, clock, random.getrandbits(13), post)  # up to 8 s
                if random.getrandbits(2):
                    if broker.stream:
                        broker.stream.end()
                    continue
                broker.away = OSError(113)
                run(link, clock, random.getrandbits(13), post)
            for end in ends[:-1]:
                assert min(at for at in broker.attempts if at >= end) - end <= 15_300, seed
