# heap: 2000K
# port
"""A config changed by a command: the power cut at every write of it, and what becomes of it."""

import io
import json
import os
import sys

import vfs
from disk import Disk, Mounted, fresh
from fat import faults

from node.commands import config as command
from node.commands import shown
from node.config import change, changed, merge
from node.config import load as config
from node.config.load import write


class Reset(BaseException):
    """The board restarts."""


class Cut(BaseException):
    """The power goes."""


class Machine:
    """Stands in for the module."""

    @staticmethod
    def soft_reset():
        raise Reset


class Dying(Disk):
    """A flash whose power goes at the write `left`, which may be torn."""

    def __init__(self, data, left=-1, torn=False):
        super().__init__(512, len(data) // 512, bytearray(data))
        self.left = left
        self.torn = torn

    def _spend(self, at, data):
        if self.left == 0:
            if self.torn:
                half = len(data) // 2
                self.data[at : at + half] = data[:half]
                self.torn = False
            raise Cut
        self.left -= 1

    def writeblocks(self, block, buffer, offset=0):
        self._spend(block * 512 + offset, buffer)
        super().writeblocks(block, buffer, offset)

    def ioctl(self, op, argument):
        if op == 6:
            self._spend(argument * 512, b"\xff" * 512)
        return super().ioctl(op, argument)


class Client:
    up = True
    untold = ()
    rejected = ()

    def __init__(self):
        self.said = []

    def post(self, topic, payload):
        self.said.append(json.loads(payload))
        return 1


class Node:
    prefix = "petrel/n1/"
    faulty = False
    error = "wifi: not found"
    ended = gave_up = None

    def __init__(self, about, uptime=20, up=True):
        self.about = about
        self.uptime = uptime
        self.client = Client()
        self.client.up = up


LONG = "x" * 255  # so that a config takes more than one block
GOOD = {
    "node": "n1",
    "mqtt": {"host": "10.0.0.1", "user": LONG, "password": LONG},
    "sensors": [{"name": "light", "driver": "analog", "pin": 34, "interval": 60}],
}
PART = b'{"sensors": {"light": {"interval": 5}}}'


def start():
    """Start until the node runs; returns what node.config.load gives, and what is in `about`."""
    for _ in range(12):
        try:
            found = config.load()
        except Reset:
            continue
        if found[2] != "new":
            about = changed.begin(found[0], found[1], "") if noted() else {}
            if about is not None:
                return found, about
    raise AssertionError("it never comes to an end: %s" % os.listdir())


def noted():
    return any(name.startswith("config.json.changed") for name in os.listdir())


def with_machine(action):
    before = sys.modules.get("machine")
    sys.modules["machine"] = Machine
    try:
        return action()
    finally:
        sys.modules.pop("machine")
        if before:
            sys.modules["machine"] = before


def proven(part=PART, at_once=False):
    """A change that the node connects with."""
    command.write("part", "config.json", part)
    if at_once:
        assert change.now() == ([], [])
    _, about = start()
    node = Node(about)
    if "changed" in about:
        changed.look(node)
    return node.client.said


def taken_back():
    """A change that it does not connect with."""
    command.write("part", "config.json", PART)
    _, about = start()
    node = Node(about, about["changed"], up=False)
    changed.look(node)
    assert node.ended
    _, about = start()
    node = Node(about)
    changed.look(node)
    return node.client.said


def interval_of(found):
    return found[0]["sensors"][0]["interval"]


def good_flash(kind):
    with fresh(kind, 100) as disk:
        write("config.json", json.dumps(GOOD).encode())
        start()
    return bytes(disk.data)


def sweep(kind, action, wanted, pace=1):
    """Cut the power at each write of the action; wanted: the intervals that may be in use then.

    pace: 3 for every third write; of torn ones half as many
    """
    data = good_flash(kind)
    disk = Dying(data)
    with Mounted(kind, disk, make=False):
        action()
    writes = -1 - disk.left
    assert writes > 20, writes
    met = set()
    for torn in (False, True):
        for left in range(0, writes + 1, 2 * pace if torn else pace):
            disk = Dying(data, left, torn)
            try:
                with Mounted(kind, disk, make=False):
                    action()
            except Cut:
                pass
            disk.left = -1
            if kind is vfs.VfsFat and disk.torn is torn:  # else the table itself may be torn
                assert not faults(disk), (left, torn, faults(disk))
            with Mounted(kind, disk, make=False):
                found, about = start()
                assert not found[1], (left, torn, found[1])
                assert found[0]["mqtt"]["password"] == LONG
                met.add(interval_of(found))
                if about.get("changed"):  # and then it does not connect
                    changed.look(Node(about, about["changed"], up=False))
                    found, about = start()
                    assert interval_of(found) == 60, (left, torn)
                if "changed" in about:
                    changed.look(Node(about))
                found, about = start()
                assert about == {} and not found[1], (left, torn, about, found)
                assert "config.json.changed" not in os.listdir()
    assert met == wanted, met


# fault: power-cut
def test_a_change_that_is_proven_on_littlefs():
    with_machine(lambda: sweep(vfs.VfsLfs2, proven, {60, 5}, 5))


# fault: power-cut
def test_a_change_that_is_proven_on_fat():
    with_machine(lambda: sweep(vfs.VfsFat, proven, {60, 5}))


# fault: power-cut
def test_a_change_that_is_checked_at_once():
    with_machine(lambda: sweep(vfs.VfsLfs2, lambda: proven(at_once=True), {60, 5}, 5))


# fault: power-cut
def test_a_change_that_is_taken_back_on_littlefs():
    with_machine(lambda: sweep(vfs.VfsLfs2, taken_back, {60, 5}, 2))


# fault: power-cut
def test_a_change_that_is_taken_back_on_fat():
    with_machine(lambda: sweep(vfs.VfsFat, taken_back, {60, 5}))


def on_flash(action, first=GOOD):
    def run():
        with fresh(vfs.VfsLfs2, 100):
            write("config.json", json.dumps(first).encode())
            start()
            return action()

    return with_machine(run)


def test_what_is_told_afterwards():
    assert on_flash(proven) == [{"ok": True, "applied": True}]
    (said,) = on_flash(taken_back)
    assert said == {
        "ok": False,
        "applied": False,
        "error": "it went back to the config before: no connection with it in time; "
        "wifi: not found",
    }


def test_faults_that_the_start_finds_are_told_and_the_config_is_taken_back():
    def action():
        said = proven(b'{"sensors": {"light": {"interval": -1}}}')
        return said, interval_of(config.load())

    (said,), interval = on_flash(action)
    assert interval == 60
    assert said["error"].startswith("it went back to the config before: sensors[0].interval: -1")
    assert len(said["faults"]) == 1 and not said["applied"]


def test_what_can_not_be_made_at_the_start_is_told():
    for part, error in (
        (b'{"sensors": {"3": {"interval": 1}}}', 'there is no "3" in a list of 1'),
        (b"[1", "payload: line 1, column 3: "),
        (b'{"wifi": {}}', "wifi.ssid: missing. The node would be cut off."),
    ):
        (said,) = on_flash(lambda part=part: proven(part))
        assert said["error"].startswith(error) and not said["applied"], said


def test_the_time_goes_on_over_power_cuts():
    def action():
        command.write("part", "config.json", PART)
        lefts = []
        about = start()[1]
        for _ in range(40):
            lefts.append(about["changed"])
            node = Node(about, 60, up=False)
            changed.look(node)
            if node.ended:
                break
            about = start()[1]  # the power was cut, a minute after the start
        return lefts, interval_of(start()[0])

    lefts, interval = on_flash(action)
    assert lefts == [300, 240, 180, 120, 60], lefts
    assert interval == 60


def test_power_cuts_every_few_seconds_come_to_an_end():
    def action():
        command.write("part", "config.json", PART)
        starts = 0
        while start()[1].get("changed"):
            starts += 1
        return starts

    assert on_flash(action) == 30


def test_a_change_to_the_same_that_is_taken_back():
    def action():
        command.write("part", "config.json", b"{}")
        about = start()[1]
        changed.look(Node(about, about["changed"], up=False))
        return start()[0][1], start()[1]["changed"]

    assert on_flash(action) == ([], 0)


def test_a_config_that_is_sent_over_usb_meanwhile_stays():
    def action():
        command.write("part", "config.json", PART)
        start()
        write("config.json", json.dumps(dict(GOOD, queue=7)).encode())
        found, about = start()
        assert about == {} and "config.json.before" not in os.listdir()
        return found[0]["queue"]

    assert on_flash(action) == 7


def test_a_node_that_may_not_hear_commands_goes_back():
    def action():
        command.write("part", "config.json", PART)
        about = start()[1]
        node = Node(about, about["changed"])
        node.client.rejected = ["petrel/n1/cmd/#"]
        changed.look(node)
        return node.ended

    assert on_flash(action) == "the broker doesn't allow petrel/n1/cmd/#"


def test_a_crash_in_a_row_takes_it_back():
    def action():
        command.write("part", "config.json", PART)
        found, _ = start()
        assert changed.begin(found[0], [], "ValueError: x") is None
        return interval_of(start()[0])

    assert on_flash(action) == 60


def shown_as(text):
    for size in (1, 64):
        out = io.BytesIO()

        class Slow(io.BytesIO):
            def read(self, n=-1, size=size):
                return super().read(size)

        shown.write(Slow(text), out)
        found = json.loads(out.getvalue())
    return found


def test_secrets_are_not_shown():
    hidden = {"password": None, "secret": None, "token": None, "x": [{"password": None}, 5]}
    for value in ('"a"', "5", '["a", {"b": ","}]', '{"a": "}"}', '"\\"\\\\"', "null", '"}"'):
        text = '{"password": V, "secret":V,"token" : V , "x": [{"password":V}, 5]}'
        assert shown_as(text.replace("V", value).encode()) == hidden, value
    assert shown_as(rb'{"passw\u006frd": "a", "ssid": "password", "a": ["secret", "b"]}') == {
        "password": None, "ssid": "password", "a": ["secret", "b"],
    }  # fmt: skip


def test_the_key_of_a_cloud_is_a_secret():
    assert shown_as(b'{"cloud": {"azure": "HostName=h;SharedAccessKey=k"}}') == {
        "cloud": {"azure": None}
    }
    azure = {"cloud": {"azure": "HostName=h"}}
    hosted = {"cloud": {"service": "ubidots", "token": "1"}}
    assert merge.keep({"cloud": {"azure": None}}, dict(azure)) == azure
    assert merge.keep({"cloud": {"service": "ubidots"}}, dict(hosted)) == hosted
    for new, before in ((hosted, azure), (azure, hosted)):  # another cloud has none of it
        assert merge.keep(json.loads(json.dumps(new)), before) == new
    other = {"cloud": {"service": "adafruit"}}
    assert merge.keep(json.loads(json.dumps(other)), hosted) == other


def test_secrets_are_kept_with_what_they_belong_to():
    before = {
        "wifi": {"ssid": "a", "password": "1"},
        "mqtt": {"host": "h", "user": "u", "password": "2"},
        "commands": {"secret": "3"},
    }

    def kept(config):
        return merge.keep(config, json.loads(json.dumps(before)))

    assert kept({"wifi": {"ssid": "a"}, "mqtt": {"host": "g", "user": "u", "password": None}}) == {
        "wifi": {"ssid": "a", "password": "1"},
        "mqtt": {"host": "g", "user": "u", "password": "2"},
        "commands": {"secret": "3"},
    }
    assert kept({"wifi": {"ssid": "b"}, "mqtt": {"host": "g"}, "commands": {"secret": "4"}}) == {
        "wifi": {"ssid": "b"},
        "mqtt": {"host": "g"},
        "commands": {"secret": "4"},
    }
