# heap: 256K
"""Which commands a node takes for old ones after a reconnect: as few as can be."""

from memory_broker import CONNECT, PINGREQ, PUBLISH, Broker, Message

from mqtt.link import Link
from node.app import Node

PREFIX = "petrel/n/"


def connected(backlog):
    """A node that has just come back to its session, with readings that wait; and its broker."""
    broker = Broker(present=1, acks=False)
    node = Node(PREFIX, 300, {}, False)
    node.client = link = Link(
        broker, "n", clean=False, on_connect=node.on_connect,
        will=(PREFIX + "status", "offline", 1, True),
    )  # fmt: skip
    link.on_message = node.on_message
    for i in range(backlog):
        link.post("t", b"%d" % i)
    while not link.up:
        link.step()
    return node, broker


def test_the_question_what_is_new_leaves_before_the_backlog():
    """Else a live command is refused for as long as the backlog takes to leave."""
    node, broker = connected(20)
    node.client.step()
    packets = broker.streams[0].sent
    kinds = [packet[0] >> 4 for packet in packets]
    assert kinds[:3] == [CONNECT, PUBLISH, PINGREQ], kinds
    assert Message(packets[1]).topic == PREFIX + "status"
    assert kinds[3:] == [PUBLISH] * 8, kinds  # the window
    assert node.client.outbox.count == 20


def test_what_comes_right_after_its_answer_is_new_though_the_backlog_waits():
    from node.commands.take import look

    node, broker = connected(20)
    assert node.late == 1
    look(node, 1)
    assert node.late == 2  # the answer is not here yet: that one had been kept by the broker
    node.client.step()
    look(node, 0)
    assert node.late == 0 and node.client.outbox.count == 20
