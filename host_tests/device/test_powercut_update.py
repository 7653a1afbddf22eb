# A power cut at every single write of an update, whole and torn: what ran before runs, or the new.
# heap: 3000K
# port
# apart

import os
import random

import stage
import vfs
from disk import fresh
from fat import intact
from test_powercut import each_cut
from updates import Release, held, keys_txt, offered, put, reader, running, work

from node.update.back import back
from node.update.check import steps
from node.update.pack import Pack
from node.update.trial import steps as trial

CONFIG = b'{"node": "n"}'
OLD = b"old code" * 200
FILES = [
    ("board.txt", b"UNIX"),
    ("keys.txt", keys_txt()),
    ("lib/node/app.mpy", bytes(range(256)) * 13),
    ("lib/node/same.mpy", OLD),
    ("lib/node/update/pack.mpy", reader()),
    ("lib/sensors/empty.py", b""),
]
RELEASE = Release(FILES)
OLDER = Release(FILES[:2] + [("lib/node/app.mpy", OLD)] + FILES[4:], serial=4)
# One cut in so many is followed by a whole update, on one layout of the flash. All of it is what
# `make test-powercut` does, which takes minutes.
OFTEN = 1 if os.getenv("PETREL_EACH_CUT") else 9
LAYOUTS = range(6) if os.getenv("PETREL_EACH_CUT") else (1,)


def board():
    """What a deploy has put there, and nothing of an update."""
    put("update/deployed", b"")
    put("keys.txt", keys_txt())
    put("board.txt", b"UNIX")
    put("config.json", CONFIG)
    put("lib/node/app.mpy", OLD)
    put("lib/node/same.mpy", OLD)
    starts()


def starts():
    """What the boot stage goes by after a power cut."""
    stage.state[:] = ["-", "-", "0", "0"]
    stage.read()
    stage.slot = stage.state[0]
    stage.trying = False
    return stage.state


def read(name):
    with open(name, "rb") as file:
        return file.read()


def whole(name, release=RELEASE):
    """The slot has every file of the release."""
    assert read(name + ".mpy") == reader()
    vfs.mount(Pack(name), "/slot")
    try:
        for path, data in release.files:
            assert held(path, len(data)) == data, path
    finally:
        vfs.umount("/slot")


def old(slot):
    """What ran before is there: what was deployed, or the slot "a"."""
    assert read("config.json") == CONFIG
    for path in ("lib/node/app.mpy", "lib/node/same.mpy"):
        assert read(path) == OLD
    if slot != "-":
        whole("update/" + slot, OLDER)


def fill(layout):
    """Other files, so that names and bytes of the update come to lie elsewhere; 0: none."""
    random.seed(layout)
    for i in range(random.randrange(14) if layout else 0):
        put("filler%d.txt" % i, bytes(random.randrange(3000)))
    for i in range(random.randrange(9) if layout else 0):
        put("update/filler%d" % i, bytes(random.randrange(3000)))
    put("large", bytes(random.randrange(60_000) if layout else 0))


def sweep_of_an_update(kind, second=False):
    """second: the slot "a" runs already, and the update goes into "b"."""
    for layout in LAYOUTS:
        sweep_of_a_layout(kind, second, layout)


def sweep_of_a_layout(kind, second, layout):
    with fresh(kind, 560) as disk:
        board()
        fill(layout)
        if second:
            offered(running(OLDER, stage), OLDER)
            stage.state[:] = ["a", "-", "0", "4"]
            stage.write()
            starts()
        slot, highest = stage.state[0], stage.state[3]
        free = "b" if second else "a"
        before = bytes(disk.data)
        disk.log = []
        fetched()
        log, disk.log = disk.log, None
    looked = []

    def check(index, torn):
        state = list(starts())
        looked.append(state)
        old(slot)
        if state == [slot, free, "3", highest]:
            whole("update/" + free)
            assert read("update/config.json") == CONFIG
        else:
            assert state == [slot, "-", "0", highest], (index, torn, state)
            if index % OFTEN:
                return
            fetched()
            assert starts() == [slot, free, "3", highest]
        put("later", bytes(2000))
        whole("update/" + free)
        old(slot)

    each_cut(kind, before, log, check, intact(kind, log))
    assert len(looked) == 2 * len(log) and len(log) > 60, len(log)
    assert [slot, free, "3", highest] in looked and [slot, "-", "0", highest] in looked


def fetched():
    """The node runs until the update is the one to try."""
    if stage.slot != "-":
        vfs.mount(Pack("update/" + stage.slot), "/slot")
    try:
        node = running(RELEASE, stage)
        node.client.updates.start(steps(node.client.updates))
        work(node)
        if not node.ended:  # the offer had not come yet; the broker has it
            offered(node, RELEASE)
        assert node.ended, (node.errors, node.client.told)
    finally:
        if stage.slot != "-":
            vfs.umount("/slot")


# fault: power-cut
def test_fetched_on_littlefs():
    sweep_of_an_update(vfs.VfsLfs2)


# fault: power-cut
def test_fetched_on_fat():
    sweep_of_an_update(vfs.VfsFat)


# fault: power-cut
def test_fetched_for_the_second_time_on_littlefs():
    sweep_of_an_update(vfs.VfsLfs2, second=True)


# fault: power-cut
def test_fetched_for_the_second_time_on_fat():
    sweep_of_an_update(vfs.VfsFat, second=True)


def sweep_of_the_end(kind, good):
    """A new slot is started, and then it is good, or it is taken back, with its config."""
    for layout in LAYOUTS:
        sweep_of_the_end_in(kind, good, layout)


def sweep_of_the_end_in(kind, good, layout):
    with fresh(kind, 560) as disk:
        board()
        fill(layout)
        fetched()
        before = bytes(disk.data)
        disk.log = []
        stage.state[2] = "2" if good else "0"
        stage.write()  # as prove() does
        put("config.json", b'{"node": "changed"}')
        if good:
            stage.slot = "a"
            node = running(RELEASE, stage)
            node.client.updates.start(trial(node.client.updates))
            work(node)
            assert stage.state == ["a", "-", "0", "5"], stage.state
        else:
            put("update/why", b"it hung")
            back()
        log, disk.log = disk.log, None
    seen = []

    def check(index, torn):
        state = list(starts())
        if state not in seen:
            seen.append(state)
        whole("update/a")
        if state[1] == "a":
            assert read("update/config.json") == CONFIG, (index, torn)
            assert state in (["-", "a", "3", "0"], ["-", "a", "2" if good else "0", "0"])
            if state[2] == "0":
                back()
                assert starts() == ["-", "-", "0", "0"]
                old("-")
        elif good:
            assert state == ["a", "-", "0", "5"], (index, torn, state)
        else:
            assert state == ["-", "-", "0", "0"], (index, torn, state)
            old("-")
        if state[1] == "-" and not good:
            node = running(RELEASE, stage)
            offered(node, RELEASE)
            assert '"failed"' in node.client.told[-1], (index, torn, node.client.told)

    each_cut(kind, before, log, check, intact(kind, log))
    assert len(seen) == 3, seen


# fault: power-cut
def test_good_on_littlefs():
    sweep_of_the_end(vfs.VfsLfs2, True)


# fault: power-cut
def test_good_on_fat():
    sweep_of_the_end(vfs.VfsFat, True)


# fault: power-cut
def test_taken_back_on_littlefs():
    sweep_of_the_end(vfs.VfsLfs2, False)


# fault: power-cut
def test_taken_back_on_fat():
    sweep_of_the_end(vfs.VfsFat, False)
