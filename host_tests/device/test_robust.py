# heap: 700K
"""mqtt.robust over connections that end: what was taken is sent once."""

import vfs
from disk import fresh
from memory_broker import PUBLISH, Broker
from wire import raises

from mqtt.durable import Durable
from mqtt.engine.core import Outbox
from mqtt.robust import MQTTClient


class Failing(Broker):
    """Ends its first connections at their first PUBLISH, before or after it has taken it."""

    def __init__(self, failures, taken):
        super().__init__(present=1)
        self.failures = failures
        self.taken = taken

    def answer(self, packet):
        if packet[0] >> 4 == PUBLISH and len(self.streams) <= self.failures:
            stream = self.streams[-1]
            stream.end()
            if not self.taken:
                stream.sent.pop()
            return b""
        return super().answer(packet)


class Client(MQTTClient):
    def delay(self, i):
        pass


def client(broker, queue):
    return Client("id", "host", dial=broker, queue=queue)


def backlog(count):
    outbox = Durable("outbox", limit=4, reserve=0)
    for i in range(count):
        assert outbox.put("t", b"%d" % i, 2) is not None
    outbox.close()
    return Durable("outbox", limit=4, reserve=0)


def test_a_message_is_sent_once_whatever_waits_before_it():
    for waiting in (0, 1, 2, 3, 6, 20):
        for failures in (0, 1, 2):  # the third would set the message aside
            for taken in (True, False):
                with fresh(vfs.VfsLfs2):
                    broker = Failing(failures, taken)
                    one = client(broker, backlog(waiting))
                    one.connect(False)
                    for payload in (b"new", b"newer"):
                        one.publish("t", payload, qos=1)
                    expected = [b"%d" % i for i in range(waiting)] + [b"new", b"newer"]
                    pids = {}
                    for message in broker.messages():
                        pids.setdefault(message.payload, set()).add(message.pid)
                    assert all(len(found) == 1 for found in pids.values()), (waiting, pids)
                    assert sorted(pids) == sorted(expected), (waiting, failures, taken)
                    first = sorted(pids, key=lambda payload: min(pids[payload]))
                    assert first == expected, (waiting, failures, taken)
                    assert one.outbox.waiting() == 0


def test_a_message_published_from_inside_the_callback_is_not_taken_for_the_outer_one():
    for queue in (1, 2, 8):
        broker = Failing(1, True)
        one = client(broker, Outbox(queue))
        inside = []

        def callback(topic, msg, one=one, inside=inside):
            inside.append(msg)
            try:
                one.publish("inside", msg, qos=1)
            except OSError as error:
                assert "queue full" in str(error)

        one.set_callback(callback)
        one.connect(False)
        broker.streams[0].arrive(b"\x30\x04\x00\x01t!")
        one.publish("outer", b"1", qos=1)
        one.publish("outer", b"2", qos=1)
        outer = [m.payload for m in broker.messages() if m.topic == "outer" and not m.dup]
        assert outer == [b"1", b"2"], (queue, outer)


def test_a_queue_that_is_full_is_told_and_no_reason_to_connect_again():
    with fresh(vfs.VfsLfs2):
        broker = Broker(acks=False)
        one = client(broker, Durable("outbox", limit=4, segments=2, segment=128, reserve=0))
        one.connect(False)
        while one.post("t", b"x" * 60) is not None:
            pass
        waiting = one.outbox.waiting()
        error = raises(OSError, one.publish, "t", b"x" * 60, False, 1)
        assert "queue full: %d messages" % waiting in str(error)
        assert "segments" in str(error)
        assert len(broker.streams) == 1


def test_not_connected_is_a_reason_to_connect():
    broker = Broker()
    one = client(broker, 4)
    for qos in (0, 1, 2):
        one.hang_up()
        one.publish("t", b"%d" % qos, qos=qos)
    assert [message.payload for message in broker.messages()] == [b"0", b"1", b"2"]
