# heap: 2048K
"""The ticks wrap: after six days at rest, what was long ago seems to lie ahead."""

import time

from far import Broker, Clock, run
from wire import raises

from mqtt.link import Link
from mqtt.robust import MQTTClient as Robust
from mqtt.simple import MQTTClient
from mqtt.throttle import Throttle
from mqtt.transport import Dialler

DAY = 86_400_000
PERIOD = time.ticks_add(0, -1) + 1  # of the ticks, in ms
REST = PERIOD * 3 // 4  # after it the difference of two ticks is negative


class Wrapping(Clock):
    """Its calls wrap, as those of a board's ticks_ms() do."""

    end = 8 * PERIOD

    def __call__(self):
        return self.now % PERIOD


def test_a_throttle_that_was_at_rest_for_days_lets_a_message_leave_at_once():
    with Wrapping() as clock:
        throttle = Throttle(messages=10)
        for rest in (DAY, REST, PERIOD, REST, 5):
            clock.sleep(rest)
            throttle.take(1, clock())
        assert [throttle.take(1, clock()) for _ in range(2)] == [195, 295]
        clock.sleep(REST)
        assert [throttle.take(1, clock()) for _ in range(2)] == [0, 100]


def test_a_client_that_was_stopped_or_only_made_days_ago_begins_at_once():
    for closed in (False, True):
        with Wrapping() as clock:
            broker = Broker(clock)
            link = Link(broker, "me")
            if closed:
                run(link, clock, 1000)
                link.close()
            clock.sleep(REST)
            run(link, clock, 10)
            assert link.session.up, closed


def test_so_do_reconnect_and_robust():
    for kind in (MQTTClient, Robust):
        with Wrapping() as clock:
            broker = Broker(clock)
            client = kind("me", "", dial=broker)
            client.wait = clock.sleep
            clock.sleep(REST)
            began = clock.now
            client.reconnect()
            assert clock.now - began < 10_000, kind


def test_a_connection_that_lasted_for_days_did_last():
    """Its end is followed by the short pause of a first end, whatever had been before."""
    for rest in (DAY, REST):
        with Wrapping() as clock:
            broker = Broker(clock)
            link = Link(broker, "me", keepalive=0)
            for _ in range(12):
                broker.away = None
                run(link, clock, 200)
                broker.stream.end()
                run(link, clock, 120_000)  # it comes back, ever more rarely
            assert link.session.up
            clock.sleep(rest)
            link.step()
            broker.stream.end()
            ended = clock.now
            run(link, clock, 1500)
            assert broker.attempts[-1] >= ended, (rest, clock.now - ended)


def test_an_address_is_used_again_after_a_connection_that_lasted_for_days():
    with Wrapping() as clock:
        asked = []

        class Socket:
            SOCK_STREAM = 1

            @staticmethod
            def getaddrinfo(*_):
                asked.append(1)
                raise OSError(-2)

        import mqtt.transport

        real, mqtt.transport.socket = mqtt.transport.socket, Socket
        try:
            dialler = Dialler("a.name", 1883)
            dialler.known = [(0, 0, 0, "", ("address", 1883))]
            clock.sleep(REST)
            raises(AttributeError, dialler)  # it goes on to make a socket
        finally:
            mqtt.transport.socket = real
        assert not asked
