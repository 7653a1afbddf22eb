# A power cut at every single write, whole and torn, of runs of 500 writes: outbox and config.
# heap: 2000K
# port
# apart
import json

import vfs
from disk import Disk, Mounted, fresh
from fat import intact

from mqtt.durable import Durable
from node.commands.interval import save
from node.config import load as config
from node.config.load import write

WRITES = 500
LONG = "x" * 255  # so that a config takes more than one block
LAG = 8  # messages that may come once more, though they were acknowledged


def payload(number):
    return b"reading %d " % number + b"x" * (number * 7 % 90)


def each_cut(kind, before, log, check, left=None):
    """Call check(index, torn) on the file system as it is after each cut of a run of writes.

    left: called afterwards with the disk, index and torn
    """
    for torn in (False, True):
        image = bytearray(before)
        for index, (at, data) in enumerate(log):
            after = Disk(512, len(image) // 512, bytearray(image))
            if torn:
                half = len(data) // 2
                after.data[at : at + half] = data[:half]
            with Mounted(kind, after, make=False):
                check(index, torn)
            if left:
                left(after, index, torn)
            image[at : at + len(data)] = data


def outbox():
    return Durable("outbox", 8, segments=20, segment=1024, reserve=2048)


def outbox_run(disk):
    """Messages put and acknowledged until there were enough writes.

    Returns for each message the number of writes after which it was stored, and after which it
    was acknowledged.
    """
    stored = []
    acknowledged = []
    box = outbox()
    disk.log = []
    turn = 0
    while len(disk.log) < WRITES:
        turn += 1
        assert box.put("petrel/n1/light", payload(len(stored)), 2) is not None
        stored.append(len(disk.log))
        for _ in range((turn // 7 % 3) * (turn % 2)):  # a backlog that grows and is worked off
            if box.count:
                acknowledged.append(len(disk.log))
                box.pop()
        if turn % 23 == 0:  # a restart in between
            box.close()
            box = outbox()
    return stored, acknowledged


def sweep_of_the_outbox(kind):
    with fresh(kind, 160) as disk:
        outbox()
        before = bytes(disk.data)
        stored, acknowledged = outbox_run(disk)
        log = disk.log
    assert len(log) >= WRITES and len(stored) > 60, (len(log), len(stored))
    looked = []

    def check(index, torn):
        box = outbox()
        first = box.removed
        found = []
        while box.count:
            box.get(0)
            found.append(bytes(box.payload))
            assert str(box.topic, "utf-8") == "petrel/n1/light"
            box.pop()
        assert found == [payload(first + i) for i in range(len(found))], (index, torn, found)
        there = len([at for at in stored if at <= index])
        done = len([at for at in acknowledged if at <= index])
        assert first + len(found) >= there, "%d was stored, and lost at write %d" % (there, index)
        assert done - LAG <= first <= done, (index, torn, first, done)
        # and it goes on
        number = box.put("petrel/n1/light", b"after", 2)
        again = outbox()
        again.get(again.count - 1)
        assert number is not None and bytes(again.payload) == b"after", (index, torn)
        looked.append(index)

    each_cut(kind, before, log, check)
    assert len(looked) == 2 * len(log)


# fault: power-cut
def test_outbox_on_littlefs():
    sweep_of_the_outbox(vfs.VfsLfs2)


# fault: power-cut
def test_outbox_on_fat():
    sweep_of_the_outbox(vfs.VfsFat)


def good_config(number):
    return {
        "node": "n1",
        "mqtt": {"host": "10.0.0.1", "user": LONG, "password": LONG},
        "sensors": [{"name": "light", "driver": "analog", "pin": 34, "interval": number + 1}],
    }


def sweep_of_the_config(kind):
    saved = []  # writes after which a save has returned
    with fresh(kind) as disk:
        write("config.json", json.dumps(good_config(0)))
        before = bytes(disk.data)
        disk.log = []
        while len(disk.log) < WRITES:
            save("light", len(saved) + 2)
            saved.append(len(disk.log))
        log = disk.log
    assert len(log) >= WRITES
    looked = []

    def check(index, torn):
        loaded, faults, _ = config.load()
        assert not faults, (index, torn, faults)
        number = loaded["sensors"][0]["interval"] - 1
        there = len([at for at in saved if at <= index])
        assert number in (there, there + 1), (index, torn, number, there)
        assert loaded["mqtt"]["password"] == LONG
        looked.append(index)

    each_cut(kind, before, log, check, intact(kind, log))
    assert len(looked) == 2 * len(log)


# fault: power-cut
def test_config_on_littlefs():
    sweep_of_the_config(vfs.VfsLfs2)


# fault: power-cut
def test_config_on_fat():
    sweep_of_the_config(vfs.VfsFat)
