# heap: 2048K
"""The ticks wrap: after six days at rest, what was long ago seems to lie ahead."""

import time

from far import PINGREQ, PUBLISH, Broker, Clock, run
from wire import raises

from mqtt.client import Client
from mqtt.engine.base import LinkError
from mqtt.link import Link
from mqtt.robust import MQTTClient as Robust
from mqtt.serial import serial
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
            assert link.up, closed


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
                run(link, clock, 120_000)  # it comes back, less and less often
            assert link.up
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


# --- a program that comes by again after days


class Silent(Broker):
    """A broker that answers nothing any more once it is told so."""

    silent = False

    def reply(self, first, body):
        return b"" if self.silent else super().reply(first, body)


class Blocking(MQTTClient):
    """The blocking client with the calls of a link, as far as they are wanted here."""

    def __init__(self, broker, name, **options):
        super().__init__(name, "", dial=broker, **options)
        self.wait = lambda _: None
        self.connect()

    step = MQTTClient.check_msg


def clients(clock, **options):
    """Each kind of client with its broker; it is connected."""
    for kind in (Blocking, Link, Client):
        broker = Silent(clock)
        client = kind(broker, "me", **options)
        for _ in range(3):
            client.step()
        yield client, broker


def until_it_ends(client, clock, ms):
    """Step a client for so long, or until its connection ends; returns after how many ms."""
    began = clock.now
    while client.stream and clock.now - began < ms:
        try:
            client.step()
        except LinkError:
            pass
        clock.sleep(500)
    return clock.now - began


def test_the_answer_that_came_during_a_rest_of_days_is_found():
    for rest in (DAY, REST):
        with Wrapping() as clock:
            for client, broker in clients(clock, keepalive=0):
                client.ping_due = True
                client.send()
                client.post("t", b"x")
                clock.sleep(rest)
                until_it_ends(client, clock, 10_000)
                assert client.stream, (rest, client)
                assert not client.outbox.count and len(broker.of_kind(PUBLISH)) == 1


def test_an_answer_that_did_not_come_in_days_is_late():
    for rest in (DAY, REST):
        with Wrapping() as clock:
            for client, broker in clients(clock, keepalive=0):
                broker.silent = True
                client.ping_due = True
                client.send()
                assert broker.of_kind(PINGREQ)
                clock.sleep(rest)
                assert until_it_ends(client, clock, 60_000) < 10_000, (rest, client)


def test_a_message_that_was_not_acknowledged_in_days_is_sent_again():
    for rest in (DAY, REST):
        with Wrapping() as clock:
            for client, broker in clients(clock, keepalive=0):
                broker.silent = True
                client.post("t", b"x")
                clock.sleep(rest)
                broker.silent = False
                until_it_ends(client, clock, 10_000)
                assert len(broker.of_kind(PUBLISH)) == 2, (rest, client)
                assert not client.outbox.count


def test_a_broker_that_went_away_without_a_word_meanwhile_is_noticed():
    for rest in (DAY, REST):
        with Wrapping() as clock:
            for client, broker in clients(clock, keepalive=60):
                broker.silent = True
                clock.sleep(rest)
                assert until_it_ends(client, clock, 120_000) < 10_000, (rest, client)
                assert len(broker.of_kind(PINGREQ)) == 1


def test_one_that_is_still_there_is_asked_at_once_and_kept():
    with Wrapping() as clock:
        for client, broker in clients(clock, keepalive=60):
            clock.sleep(REST)
            until_it_ends(client, clock, 30_000)
            assert client.stream and len(broker.of_kind(PINGREQ)) == 1
            until_it_ends(client, clock, 30_000)
            assert len(broker.of_kind(PINGREQ)) == 2


def test_a_stream_that_has_not_opened_in_days_or_takes_no_more_is_given_up():
    for opens in (False, True):
        with Wrapping() as clock:
            broker = Broker(clock)

            def stuck(broker=broker):
                stream = broker()
                stream._has_room = bool  # it has none
                return stream

            link = Link(broker if opens else stuck, "me", keepalive=0)
            link.step()
            if opens:
                link.step()
                link.stream._has_room = bool
                link.post("t", b"x")
            clock.sleep(REST)
            run(link, clock, 1000)
            assert link.failures == 1, opens


def test_what_was_set_aside_is_tried_again_after_a_rest_of_days():
    class Picky(Broker):
        def reply(self, first, body):
            bad = first & 0xF0 == PUBLISH and self.topic(body) == "bad"
            return None if bad and self.picky else super().reply(first, body)

    with Wrapping() as clock:
        broker = Picky(clock)
        broker.picky = True
        link = Link(broker, "me", keepalive=0)
        link.post("bad", b"x")
        run(link, clock, 300_000)
        assert not link.outbox.count
        before = len(broker.of_kind(PUBLISH))
        broker.picky = False
        clock.sleep(REST)
        run(link, clock, 10_000)
        assert len(broker.of_kind(PUBLISH)) == before + 1


def test_a_frame_on_a_serial_line_is_sent_again_after_a_rest_of_days():
    class Port:
        said = 0

        def readinto(self, *_):
            return None

        def write(self, data, at, n):
            self.said += 1
            return n

    with Wrapping() as clock:
        port = Port()
        line = serial(port)()
        for rest in (100, 600, REST):
            before = port.said
            clock.sleep(rest)
            line.ioctl(3, 1)
            assert port.said - before == (rest > 500), rest
