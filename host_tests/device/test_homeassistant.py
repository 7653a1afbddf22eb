# heap: 96K
"""A message that leaves piece by piece, and a broker that will not tell of Home Assistant."""

import io
from time import ticks_ms

from memory_broker import Broker

from mqtt.engine.base import LinkError
from mqtt.engine.core import Core
from mqtt.link import Link
from node.app import Node as App
from node.homeassistant import birth, step
from node.homeassistant.step import send

PAYLOAD = bytes([i & 127 for i in range(3000)])


def linked(broker, **options):
    link = Link(broker, "n1", buffer=256, **options)
    while not link.up:
        link.step()
    return link


def stepped(link, broker, count):
    for _ in range(5000):
        if len(broker.messages()) >= count:
            return
        link.wait(min(5, link.step()))
    raise AssertionError("%d messages" % len(broker.messages()))


def test_a_long_message_leaves_whole_whatever_the_stream_takes():
    for takes in (1, 7, 100, 1 << 20):
        broker = Broker(takes=takes, every_ms=0)
        link = linked(broker)
        before = Core.next_packet
        link.post("a", b"first", qos=1)
        stepped(link, broker, 1)
        while not send(link, "t", len(PAYLOAD), io.BytesIO(PAYLOAD), True):
            link.wait(min(5, link.step()))
        link.post("a", b"last", qos=1)
        stepped(link, broker, 3)
        found = [(each.topic, bytes(each.payload)) for each in broker.messages()]
        assert found == [("a", b"first"), ("t", PAYLOAD), ("a", b"last")], takes
        assert Core.next_packet is before, takes


def test_a_message_of_any_length_leaves_whole():
    broker = Broker()
    link = linked(broker)
    for count, size in enumerate((0, 1, 127, 128, 129, 200, 250, 255, 256, 257, 300, 384)):
        while not send(link, "topic", size, io.BytesIO(PAYLOAD[:size])):
            link.wait(min(5, link.step()))
        stepped(link, broker, count + 1)
        assert bytes(broker.messages()[-1].payload) == PAYLOAD[:size], size


def test_it_ends_with_its_connection_and_another_client_sends_on():
    broker = Broker(takes=50, every_ms=5)
    link, other = linked(broker), linked(Broker())
    before = Core.next_packet
    assert send(link, "t", len(PAYLOAD), io.BytesIO(PAYLOAD))
    other.post("b", b"meanwhile", qos=1)
    assert other.outbox.count or other.outbox.removed
    link.failed(OSError(104))
    while not (link.up and link.connects == 2):
        link.step()
    link.post("a", b"after", qos=1)
    stepped(link, broker, 1)
    assert broker.messages()[-1].topic == "a"
    assert Core.next_packet is before


def test_a_broker_that_ends_the_connection_in_the_middle_of_it_is_told_with_the_topic():
    topic = "ha/device/n1/config"
    told = []
    link = linked(Broker(takes=50, every_ms=1), on_lost=lambda error: told.append(str(error)))
    for text in (b"{" * 3000, b"0" * 3000, bytes((48, 0xC2)) * 1500, b"0\x00\x01" * 1000):
        file = io.BytesIO(text)
        if not send(link, topic, len(text), file):
            break
        while not 600 < file.tell() < 2500:  # some pieces have left
            link.wait(min(2, link.step()))
        link.failed(LinkError("the broker closed the connection"))
        link.since = ticks_ms()
        while not link.up:
            link.step()
    assert all("PUBLISH to " + topic in each for each in told[1:]), told
    assert "set aside" in told[-1], told
    assert not send(link, topic, 3000, io.BytesIO(PAYLOAD))


def test_where_there_is_no_memory_for_it_nothing_of_it_leaves():
    """A header without the rest would take what leaves next for its payload."""

    def full(size):
        raise MemoryError

    broker = Broker()
    link = linked(broker)
    before = Core.next_packet
    step.range = full
    try:
        send(link, "t", len(PAYLOAD), io.BytesIO(PAYLOAD))
        raise AssertionError("it was sent")
    except MemoryError:
        pass
    finally:
        del step.range
    link.post("a", b"after", qos=1)
    stepped(link, broker, 1)
    assert [bytes(each.payload) for each in broker.messages()] == [b"after"]
    assert Core.next_packet is before


class Node:
    prefix = "petrel/n1/"
    status = "online"
    birth = 1
    announce = late = 0
    boot = 7

    def __init__(self, client):
        self.client = client
        self.said = []

    def failed(self, name, error):
        self.said.append("%s: %s" % (name, error))


class Refusing(Broker):
    def answer(self, packet):
        if packet[0] >> 4 == 8:
            return b"\x90\x03" + packet[2:4] + b"\x80"
        return super().answer(packet)


def test_a_birth_message_that_the_broker_refuses_is_asked_for_no_more():
    node = Node(linked(Refusing()))
    birth.ask(node)
    while node.client.untold:
        node.client.step()
    assert node.birth == -1 and node.client.rejected == ["homeassistant/status"]
    birth.take(node)
    assert node.birth == 4 and not node.client.rejected and not node.client.filters
    assert node.said == []  # nobody has asked for it


def answered(node):
    birth.ask(node)
    asked = bool(node.client.untold)
    while node.client.untold:
        node.client.step()
    if asked:
        birth.take(node)
    return asked


def test_its_filter_is_not_held():
    node = Node(linked(Broker()))
    assert answered(node)
    assert node.birth == 5 and not node.client.filters


def test_other_filters_stay():
    link = linked(Broker())
    link.filters["house/mode"] = 1  # as rules have them
    assert answered(Node(link))
    assert list(link.filters) == ["house/mode"]


def test_it_is_asked_for_again_only_if_the_broker_has_lost_it():
    node = Node(linked(Broker()))
    client = node.client
    client.will = (b"petrel/n1/status", b"offline")
    assert answered(node)
    # In the last connection but one it was lost, and nobody has asked.
    for present, state in ((True, 5), (True, 5), (False, 1), (True, 1)):
        client.present = present
        App.on_connect(node)
        assert node.birth == state and not client.filters
    assert answered(node) and node.birth == 5


def test_after_three_connections_that_ended_at_it_nobody_asks():
    node = Node(linked(Broker()))
    for _ in range(3):
        birth.ask(node)
        birth.tell(node)
        assert not node.client.filters and not node.client.untold
    assert node.birth == 4
