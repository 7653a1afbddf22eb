# A power cut at every single write of an update, whole and torn: what ran before runs, or the new.
# heap: 3000K
# port

import os

import stage
import vfs
from disk import fresh
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
# One cut in so many is followed by a whole update. Each of them would take too long for a test.
OFTEN = 1 if os.getenv("PETREL_EACH_CUT") else 9


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


def whole(name):
    """The slot has every file of the release."""
    assert read(name + ".mpy") == reader()
    vfs.mount(Pack(name), "/slot")
    try:
        for path, data in FILES:
            assert held(path, len(data)) == data, path
    finally:
        vfs.umount("/slot")


def old():
    assert read("config.json") == CONFIG
    for path in ("lib/node/app.mpy", "lib/node/same.mpy"):
        assert read(path) == OLD


def sweep_of_an_update(kind):
    with fresh(kind, 200) as disk:
        board()
        before = bytes(disk.data)
        disk.log = []
        node = running(RELEASE, stage)
        offered(node, RELEASE)
        assert node.ended, (node.errors, node.client.told)
        log, disk.log = disk.log, None
    looked = []

    def check(index, torn):
        state = list(starts())
        looked.append(state)
        old()
        if state == ["-", "a", "3", "0"]:
            whole("update/a")
            assert read("update/config.json") == CONFIG
            return
        assert state == ["-", "-", "0", "0"], (index, torn, state)
        if index % OFTEN == 0:
            node = running(RELEASE, stage)
            node.client.updates.start(steps(node.client.updates))
            work(node)
            if not node.ended:  # the offer had not come yet; the broker has it
                offered(node, RELEASE)
            assert node.ended, (index, torn, node.errors, node.client.told)
            assert starts() == ["-", "a", "3", "0"]
            whole("update/a")

    each_cut(kind, before, log, check)
    assert len(looked) == 2 * len(log) and len(log) > 60, len(log)
    assert ["-", "a", "3", "0"] in looked and ["-", "-", "0", "0"] in looked


# fault: power-cut
def test_fetched_on_littlefs():
    sweep_of_an_update(vfs.VfsLfs2)


# fault: power-cut
def test_fetched_on_fat():
    sweep_of_an_update(vfs.VfsFat)


def sweep_of_the_end(kind, good):
    """A new slot is started, and then it is good, or it is taken back, with its config."""
    with fresh(kind, 200) as disk:
        board()
        node = running(RELEASE, stage)
        offered(node, RELEASE)
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
                old()
        elif good:
            assert state == ["a", "-", "0", "5"], (index, torn, state)
        else:
            assert state == ["-", "-", "0", "0"], (index, torn, state)
            old()
        if state[1] == "-" and not good:
            node = running(RELEASE, stage)
            offered(node, RELEASE)
            assert '"failed"' in node.client.told[-1], (index, torn, node.client.told)

    each_cut(kind, before, log, check)
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
