# heap: 2048K
"""What ends connections is set aside, so that everything else goes on."""

import os

import vfs
from disk import fresh
from far import PUBLISH, SUBSCRIBE, Broker, Clock, posts, run
from wire import raises

from mqtt.durable import Durable
from mqtt.engine.base import Refused
from mqtt.engine.core import Core, Outbox
from mqtt.engine.journal import Journal
from mqtt.engine.subscribe import want
from mqtt.link import Link
from mqtt.robust import MQTTClient
from node.network import connection, lost

MINUTE = 60_000


class Forbids(Broker):
    """Ends the connection at every message of one topic."""

    forbidden = "bad"

    def reply(self, first, body):
        if first & 0xF0 == PUBLISH and self.topic(body) == self.forbidden:
            return None
        return Broker.reply(self, first, body)


def delivered(broker, topic="good"):
    """The payloads that were acknowledged, each once, in the order of their first arrival."""
    found = []
    for _, _, body in broker.of_kind(PUBLISH):
        name = broker.topic(body)
        payload = bytes(body[2 + len(name) + 2 :])
        if name == topic and payload not in found:
            found.append(payload)
    return found


def test_a_message_that_ends_three_connections_in_a_row_is_set_aside_and_the_others_go_on():
    for present in (0, 1):
        told = []
        with Clock() as clock:
            broker = Forbids(clock, present)
            link = Link(broker, "me", on_lost=told.append)
            for number, topic in enumerate(("good", "good", "bad", "good", "good")):
                link.post(topic, b"%d" % number)
            run(link, clock, 2 * MINUTE)
            assert delivered(broker) == [b"0", b"1", b"3", b"4"]
            assert delivered(broker, "bad") == [b"2"] and len(broker.attempts) <= 4
            assert link.outbox.count == 0 and len(link.outbox.aside) == 1
            assert "PUBLISH to bad" in str(told[-1]) and "set aside" in str(told[-1]), told
            # It is tried again after an hour, and after the next.
            begun = len(broker.attempts)
            run(link, clock, 61 * MINUTE)
            assert begun < len(broker.attempts) <= begun + 3 and len(link.outbox.aside) == 1
            broker.forbidden = ""
            begun = len(broker.attempts)
            run(link, clock, 61 * MINUTE)
            assert link.outbox.count == 0 and not link.outbox.aside
            assert len(broker.attempts) == begun


def test_a_limit_on_the_rate_is_not_held_against_the_messages():
    class Limited(Broker):
        """Ends it where a sixth message comes within 10 s, counted over connections."""

        def reply(self, first, body):
            lately = [each for each in self.of_kind(PUBLISH) if each[0] > self.clock.now - 10_000]
            return None if len(lately) > 5 else Broker.reply(self, first, body)

    with Clock() as clock:
        broker = Limited(clock)
        link = Link(broker, "me", queue=1000)
        run(link, clock, 30 * MINUTE, posts(1500))
        assert len(getattr(link.outbox, "aside", ())) <= 1 and link.outbox.refused == 0
        assert link.outbox.removed > 100


def test_each_message_that_is_sent_has_its_own_identifier_and_dup_is_right_around_one_set_aside():
    with Clock() as clock:
        broker = Forbids(clock, 1)
        link = Link(broker, "me", clean=False)
        for topic in ("good", "bad", "good", "good"):
            link.post(topic, topic)
        run(link, clock, 2 * MINUTE)
        seen = {}
        unread = [broker.pid(body) for _, body in broker.unread]
        for _, first, body in broker.of_kind(PUBLISH):
            pid = broker.pid(body)
            assert bool(first & 8) == (pid in seen or pid in unread), "DUP: what was sent before"
            assert seen.setdefault(pid, body) == body, "one identifier for two messages"
        assert len(seen) == 4


def test_who_waits_for_a_message_that_is_set_aside_is_told():
    with Clock() as clock:
        client = MQTTClient("me", "", dial=Forbids(clock))
        client.wait = clock.sleep
        client.connect()
        assert "bad" in str(raises(Refused, client.publish, "bad", "x", False, 1))
        client.publish("good", "y", qos=1)
        assert client.outbox.count == 0


def test_a_topic_whose_messages_keep_ending_connections_is_barred_for_an_hour():
    with Clock() as clock:
        broker = Forbids(clock)
        link = Link(broker, "me")
        both = posts(10_000, "good"), posts(10_000, "bad")
        run(link, clock, 50 * MINUTE, *both)
        assert broker.in_minute(30) == 0 and link.outbox.refused > 100
        assert len(delivered(broker)) >= 1 and 2 <= len(link.outbox.aside) <= 4
        # What a node's diagnostics say of it: the topic, and how many of its messages wait.
        assert lost.set_aside(link) == {"bad": len(link.outbox.aside)}
        assert broker.in_minute(10) <= 1
        run(link, clock, 60 * MINUTE, *both)
        assert len(broker.attempts) <= 20
        broker.forbidden = ""
        run(link, clock, 65 * MINUTE, *both)
        assert not link.outbox.aside and not link.past[9]


def test_a_topic_of_qos_0_that_ends_connections_is_barred_as_well():
    with Clock() as clock:
        broker = Forbids(clock)
        link = Link(broker, "me", clean=False)
        link.on_connect = lambda: link.post("bad", "online", True, 0)
        run(link, clock, 10 * MINUTE, posts(5000))
        assert len(broker.attempts) <= 6 and link.up
        assert lost.set_aside(link) == {"bad": 0}


class NoSubscribe(Broker):
    """Ends the connection at SUBSCRIBE."""

    def reply(self, first, body):
        return None if first & 0xF0 == SUBSCRIBE else Broker.reply(self, first, body)


def test_a_broker_that_ends_the_connection_at_subscribe_gets_the_messages():
    told = []
    with Clock() as clock:
        broker = NoSubscribe(clock)
        link = Link(broker, "me", on_lost=told.append)
        want(link, "cmd/#", 1)
        run(link, clock, 10 * MINUTE, posts(5000))
        assert len(broker.attempts) == 4 and link.up
        assert "SUBSCRIBE to cmd/#" in str(told[-1]) and link.rejected == ["cmd/#"]
        asked = len(broker.of_kind(SUBSCRIBE))
        broker.stream.end()  # that connection has lasted
        run(link, clock, MINUTE, posts(5000))
        assert len(broker.of_kind(SUBSCRIBE)) > asked


def test_a_filter_that_the_broker_refuses_is_asked_for_again_on_the_next_connection():
    class Refuses(Broker):
        granted = b"\x80"

        def reply(self, first, body):
            if first & 0xF0 == SUBSCRIBE:
                return b"\x90\x03" + body[:2] + self.granted
            return Broker.reply(self, first, body)

    for present in (0, 1):
        with Clock() as clock:
            broker = Refuses(clock, present)
            link = Link(broker, "me")
            want(link, "cmd/#", 1)
            run(link, clock, 5000)
            assert link.up and link.rejected == ["cmd/#"]
            broker.granted = b"\x01"
            broker.stream.end()
            run(link, clock, 10_000)
            assert len(broker.of_kind(SUBSCRIBE)) == 2 and link.rejected == []
            broker.stream.end()
            run(link, clock, 15_000)
            assert len(broker.of_kind(SUBSCRIBE)) == 3 - present


def test_what_is_set_aside_of_a_durable_outbox_is_there_after_a_restart_and_the_next_hour():
    for kind in (vfs.VfsLfs2, vfs.VfsFat):
        with fresh(kind), Clock() as clock:
            broker = Forbids(clock, 1)
            outbox = Durable("outbox", limit=8, reserve=2048)
            link = Link(broker, "me", clean=False, queue=outbox)
            for number, topic in enumerate(("good", "bad", "good", "good")):
                link.post(topic, b"%d" % number)
            run(link, clock, 2 * MINUTE)
            assert delivered(broker) == [b"0", b"2", b"3"] and outbox.waiting() == 0
            link.hang_up()  # the power is cut, without a goodbye
            broker.forbidden = ""
            again = Durable("outbox", limit=8, reserve=2048)
            assert again.waiting() >= 1
            run(Link(broker, "me", clean=False, queue=again), clock, MINUTE)
            assert delivered(broker, "bad") == [b"1"] and again.waiting() == 0
            assert "outbox-aside" not in os.listdir()
            # Up to 8 may be there again: _LAG of mqtt.engine.journal.
            assert Durable("outbox", limit=8, reserve=2048).count <= 8
            # And without a restart, after an hour.
            broker.forbidden = "bad"
            link = Link(broker, "me", clean=False, queue=again)
            link.post("bad", b"4")
            link.post("good", b"5")
            run(link, clock, 2 * MINUTE)
            assert "outbox-aside" in os.listdir() and again.waiting() == 0
            broker.forbidden = ""
            run(link, clock, 62 * MINUTE)
            assert delivered(broker, "bad")[-1] == b"4" and "outbox-aside" not in os.listdir()


class Node:
    """What node.network.connection needs of one."""

    prefix = "petrel/me/"
    wlan = client = None

    def on_connect(self):
        pass

    on_message = on_lost = on_connect


def test_a_node_sets_aside_on_the_flash_though_the_code_that_made_its_outbox_is_gone():
    kinds = Link, Core, Outbox, Durable, Journal
    made = [each.__init__ for each in kinds]
    node = Node()
    try:
        with fresh(vfs.VfsLfs2), Clock() as clock:
            broker = Forbids(clock, 1)
            outbox = Durable("outbox", limit=8, reserve=2048)
            config = {"node": "me", "mqtt": {"keepalive": 60}, "queue": outbox}
            connection.make(node, config, [broker])
            for number, topic in enumerate(("good", "bad", "good")):
                node.client.post(topic, b"%d" % number)
            run(node.client, clock, 2 * MINUTE)
            assert delivered(broker) == [b"0", b"2"] and outbox.waiting() == 0
            assert "outbox-aside" in os.listdir()
    finally:
        for each, function in zip(kinds, made):
            each.__init__ = function
