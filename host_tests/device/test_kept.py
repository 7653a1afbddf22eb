# What a node keeps over a restart of its own: nothing goes, and the order stays.
# heap: 4000K
# port
import os
import random

import vfs
from disk import fresh, payloads

import mqtt.durable
from mqtt.durable import Durable
from mqtt.engine.core import Outbox
from mqtt.engine.journal import Journal
from node import delivery
from node.app import Node
from node.health import backlog, kept, storing
from node.network import console


def node():
    return Node("petrel/n/", 300, {}, False)


def on_flash(test):
    def run(*arguments):
        with fresh(vfs.VfsLfs2, 400):
            test(*arguments)

    return run


def reading(i):
    return b'{"seq": %d}' % i


def must(readings):
    """Store readings as a node with a must_deliver sensor does."""
    outbox = kept.outbox(node(), 32, 65536, True)
    outbox.keep = True
    for i in readings:
        assert outbox.put("t", reading(i), 2) is not None


@on_flash
def test_what_was_stored_stays_on_the_flash_until_it_is_acknowledged():
    must(range(1, 7))
    for _ in range(3):  # the power is cut again and again, in a node without such a sensor
        one = node()
        outbox = kept.outbox(one, 32, 65536, False)
        assert type(outbox) is Outbox and outbox.count == 6
        assert one.count == 6  # the numbers of readings go on
    outbox.pop()
    outbox.put("t", reading(7), 2)
    storing.store(outbox)
    outbox = kept.outbox(node(), 32, 65536, False)
    assert payloads(outbox) == [reading(i) for i in range(2, 8)]


class Client:
    connects = failures = 0

    def __init__(self, outbox):
        self.outbox = outbox
        self.up = True


def taking_over(count):
    """A node that has taken over so many readings, in RAM."""
    must(range(1, count + 1))
    one = node()
    one.uptime = 100
    one.feed = print
    one.client = Client(kept.outbox(one, 32, 65536, False))
    return one


def go_on(one):
    """As the node does each second."""
    if one.client.outbox.removed >= one.more:
        backlog.more(one)


@on_flash
def test_the_flash_is_free_again_when_all_is_acknowledged():
    one = taking_over(6)
    for _ in range(5):
        one.client.outbox.pop()
    go_on(one)
    assert "outbox" in os.listdir()
    one.client.outbox.pop()
    go_on(one)
    assert "outbox" not in os.listdir()
    go_on(one)  # and that is all
    one.client.outbox.put("t", b"later", 2)
    assert storing.store(one.client.outbox) == (1, 0)
    assert payloads(kept.outbox(node(), 32, 65536, False)) == [b"later"]


def test_a_flash_that_does_not_get_free_does_not_end_the_node():
    with fresh(vfs.VfsLfs2, 400) as disk:
        one = taking_over(2)
        for _ in range(2):
            one.client.outbox.pop()
        disk.fails_at = disk.writes + 1
        go_on(one)
        assert one.drops == 1 and one.error.startswith("outbox: ")
        go_on(one)  # it is not tried again and again
        assert one.drops == 1


@on_flash
def test_files_of_somebody_else_stay():
    one = taking_over(2)
    open("outbox/notes", "w").close()
    for _ in range(2):
        one.client.outbox.pop()
    go_on(one)
    assert os.listdir("outbox") == ["notes"] and one.drops == 0
    assert kept.outbox(node(), 32, 65536, False).count == 0
    assert os.listdir("outbox") == ["notes"]


@on_flash
def test_queue_readings_keep_their_order_whatever_went_to_the_flash():
    outbox = kept.outbox(node(), 4, 65536, True)
    for i in range(20):  # q: queue; m: must_deliver
        outbox.keep = i % 3 == 0
        outbox.put("m" if outbox.keep else "q", b"%d" % i, 2)
        if i == 11:
            outbox.pop()
    storing.store(outbox)
    outbox = kept.outbox(node(), 40, 65536, True)
    found = {"m": [], "q": []}
    while outbox.count:
        outbox.get(0)
        found[str(outbox.topic, "utf-8")].append(int(outbox.payload))
        outbox.pop()
    assert sorted(found["m"] + found["q"]) == list(range(1, 20))
    for topic in found:
        assert found[topic] == sorted(found[topic]), found


@on_flash
def test_a_large_queue_is_kept_whole():
    outbox = Outbox(1000)
    for i in range(1000):
        outbox.put("petrel/greenhouse/light", b"%100d" % i, 2)
    assert storing.store(outbox) == (1000, 0)
    outbox = kept.outbox(node(), 1000, 8192, False)
    assert payloads(outbox) == [b"%100d" % i for i in range(1000)]


@on_flash
def test_an_outbox_that_cannot_be_read_does_not_stop_the_node():
    open("outbox", "w").close()  # a file where a folder should be
    one = node()
    assert kept.outbox(one, 32, 65536, True) == 32
    assert one.drops == 1 and "flash fails" in one.about["faults"][0]


class Link:
    """As much of a client as is posted to."""

    def __init__(self, outbox):
        self.outbox = outbox
        self.known = 0

    def post(self, topic, payload, retain=False):
        return self.outbox.put(topic, payload, 2 | retain)


def test_what_was_removed_is_held_no_longer():
    outbox = Outbox(8)
    for i in range(8):
        outbox.put("topic %d" % i, b"payload", 2)
    for _ in range(8):
        outbox.pop()
    assert [each for each in outbox.ring if isinstance(each, (str, bytes))] == []


def test_delivery_without_a_network_prints():
    client = console.Console()
    delivery.latest(client, "t", "1")
    delivery.must_deliver(client, "t", "2")


@on_flash
def test_a_flash_that_fails_is_told_by_must_deliver():
    outbox = Durable("outbox", 4)
    disk = os.statvfs("/flash")
    outbox.journal.reserve = disk[0] * disk[3]
    try:
        delivery.must_deliver(Link(outbox), "t", b"1")
        raise AssertionError
    except OSError as error:
        assert "not accepted" in str(error)
    assert not outbox.keep


@on_flash
def test_the_numbers_go_on_whatever_was_stored_last():
    must(range(1, 7))
    outbox = kept.outbox(node(), 32, 65536, True)
    outbox.keep = True
    for topic, payload in (("reply/ping", b'{"ok": true}'), ("t", b"no JSON"), ("t", reading(3))):
        outbox.put(topic, payload, 2)
    for must_be in (True, False):
        one = node()
        kept.outbox(one, 32, 65536, must_be)
        assert one.count == 6


@on_flash
def test_the_newest_of_latest_comes_last_over_restarts():
    must(range(20))  # more than are in RAM
    for number in (100, 101, 200):  # restarts in a long outage
        outbox = kept.outbox(node(), 32, 65536, True)
        client = Link(outbox)
        for i in range(3):
            delivery.latest(client, "l", "%d%d" % (number, i))
        storing.store(outbox)
    journal = Journal("outbox")
    found = []
    message = journal.read()
    while message:
        found.append(message[1])
        message = journal.read()
    assert found == [reading(i) for i in range(20)] + [b"1002", b"1012", b"2002"], found
    outbox = kept.outbox(node(), 32, 65536, True)
    delivery.latest(Link(outbox), "l", "now")
    found = payloads(outbox)
    assert found.count(b"now") == 1
    assert [each for each in found if each in (b"1002", b"1012", b"2002")] == []


@on_flash
def test_the_newest_of_latest_is_kept_when_others_went_to_the_flash_behind_it():
    outbox = kept.outbox(node(), 8, 65536, True)
    client = Link(outbox)
    delivery.latest(client, "l", "old")
    for i in range(12):
        delivery.must_deliver(client, "t", reading(i))
    delivery.latest(client, "l", "new")
    storing.store(outbox)
    found = payloads(kept.outbox(node(), 32, 65536, True))
    assert found == [reading(i) for i in range(12)] + [b"new"]


# fault: flash-full
def test_the_last_write_takes_the_reserve_and_counts_what_finds_no_room():
    with fresh(vfs.VfsLfs2, 40):
        outbox = Outbox(400)
        for i in range(400):
            outbox.put("t", b"%100d" % i, 2)
        stored, lost = storing.store(outbox)  # all of it is less than the reserve
        assert stored > 50 and lost > 50 and stored + lost == 400
        found = payloads(kept.outbox(node(), 400, 65536, False))
        assert found == [b"%100d" % i for i in range(stored)]


@on_flash
def test_without_ram_for_an_outbox_on_flash_it_is_told_and_the_flash_is_delivered_all_the_same():
    must(range(10))

    def no_room(*_, **__):
        raise MemoryError

    one = node()
    one.uptime = 100
    one.feed = print
    module = mqtt.durable
    whole = module.Durable
    module.Durable = no_room
    try:
        outbox = kept.outbox(one, 8, 65536, True)
    finally:
        module.Durable = whole
    assert type(outbox) is Outbox and "too little memory" in one.about["faults"][0]
    one.client = Client(outbox)
    one.client.known = 0
    found = []
    for turn in range(12):
        delivery.must_deliver(Link(outbox), "new", b"%d" % turn)
        for _ in range(2):
            if outbox.count:
                outbox.get(0)
                if outbox.topic != "new":
                    found.append(bytes(outbox.payload))
                outbox.pop()
        go_on(one)
    assert found == [reading(i) for i in range(10)]
    assert "outbox" not in os.listdir()


def _acknowledge(one, sent):
    """The broker has the message at the head; what was taken over is looked at as a node does."""
    outbox = one.client.outbox
    outbox.get(0)
    payload = bytes(outbox.payload)
    sent.append(int(payload[payload.find(b" ") : -1]))
    outbox.pop()
    go_on(one)


@on_flash
def _random_lives(seed):
    """Take and acknowledge at random, over six restarts of the node's own: all is sent."""
    random.seed(seed)
    one = node()
    one.client = Client(Outbox(64))
    taken, sent = [], []
    for life in range(7):
        outbox = one.client.outbox
        for _ in range(random.randrange(5, 120)):
            if random.random() < 0.5:
                if outbox.put("t", reading(len(taken)), 2) is not None:
                    taken.append(len(taken))
            elif outbox.count:
                _acknowledge(one, sent)
        if life < 6:
            assert storing.store(outbox)[1] == 0
            one = node()
            outbox = kept.outbox(one, 64, 65536, False)
            # There may have been nothing to take over.
            one.client = Client(Outbox(outbox) if isinstance(outbox, int) else outbox)
    while one.client.outbox.count:
        _acknowledge(one, sent)
    assert [i for i in taken if i not in sent] == [], seed


def test_nothing_goes_over_any_number_of_restarts():
    for seed in range(20):
        _random_lives(seed)
