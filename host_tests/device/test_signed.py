# Signed commands: only with the secret, and each only once.
# heap: 2000K
# port
import os

import vfs
from disk import fresh
from fat import intact
from test_powercut import each_cut

from node.commands.signed import _last, _store, begin, look, opened, sign
from node.config import load as config


class Node:
    prefix = "petrel/n/"
    secret = "sixteen letters!"

    def __init__(self):
        self.about = {}


def signed(number, body, name="reboot", secret=Node.secret):
    tail = b"%d %s" % (number, body)
    return (sign(secret, b"petrel/n/cmd/" + name.encode() + b"\0" + tail) + " ").encode() + tail


def refused(payload, name="reboot"):
    try:
        opened(Node, name, payload)
    except ValueError as error:
        return str(error)
    raise AssertionError("obeyed: %r" % payload)


def test_rfc_4231_examples():
    data = b"what do ya want for nothing?"
    wanted = "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
    assert sign("Jefe", data) == wanted  # test case 2
    long = "\x0b" * 20
    wanted = "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"
    assert sign(long, b"Hi There") == wanted  # test case 1


def test_a_signed_command_is_opened_once():
    with fresh(vfs.VfsLfs2, 32):
        begin()
        body = b'{"sensor": "light", "seconds": 5}'
        assert opened(Node, "interval", signed(5, body, "interval")) == body
        assert opened(Node, "ping", signed(6, b"", "ping")) == b""
        for number in (6, 5, 0):
            assert "not larger" in refused(signed(number, b""))
        assert opened(Node, "reboot", signed(7, b"")) == b""
        os.rename("counter.txt", "counter.txt.new")  # as a power cut on FAT leaves it
        assert "not larger" in refused(signed(7, b""))


def test_what_is_not_signed_so_is_refused():
    with fresh(vfs.VfsLfs2, 32):
        begin()
        good = signed(9, b"body")
        for bad in (
            b"", b"body", b"x" * 250, b"\xff\xfe" * 40, b"0 0 0", good[1:], b"0" + good[1:],
            good[:-1] + b"X", good[:65] + b"8" + good[66:], b" " * 100, good.upper(),
        ):  # fmt: skip
            assert refused(bad), bad
        assert "wrong" in refused(good, "interval")  # of another command
        assert "wrong" in refused(signed(9, b"body", secret="another secret!!"))
        assert opened(Node, "reboot", good) == b"body"


def test_what_is_signed_for_one_command_is_not_for_another():
    """A topic may hold blanks: the rest of it must not pass for the number."""
    with fresh(vfs.VfsLfs2, 32):
        begin()
        known = signed(2000, b"99 hello", "ping")  # somebody has seen this one go by
        assert "wrong" in refused(known[:65] + known[70:], "ping 2000")
        for number in (b"+7", b"7_0", b"-7", b"\xd9\xa3", b"", b"1e9"):
            tail = number + b" body"
            text = sign(Node.secret, b"petrel/n/cmd/reboot\0" + tail).encode() + b" " + tail
            assert refused(text), number


def test_a_counter_that_cannot_be_read_refuses_until_it_is_set_anew():
    for damage in ("", "x", "\xff", None):
        with fresh(vfs.VfsLfs2, 32):
            begin()
            first = signed(5, b"")
            assert opened(Node, "reboot", first) == b""
            os.remove("counter.txt")
            if damage is not None:
                with open("counter.txt", "w") as file:
                    file.write(damage)
            for number in (5, 6):
                assert "counter.txt" in refused(signed(number, b"")), damage
            node = Node()
            look(node)
            assert "counter.txt" in node.about["faults"][0]
            with open("counter.txt", "w") as file:
                file.write("5")
            node = Node()
            look(node)
            assert "faults" not in node.about
            assert refused(first)
            assert opened(Node, "reboot", signed(6, b"")) == b""


def test_a_new_secret_begins_a_counter_and_the_same_one_does_not():
    with fresh(vfs.VfsLfs2, 64):

        def load(secret):
            with open("config.json", "w") as file:
                file.write('{"mqtt": {"host": "b"}, "commands": {"secret": "%s"}}' % secret)
            assert not config.load()[1]

        load("a secret of length")
        assert opened(Node, "reboot", signed(5, b"")) == b""
        load("another of that length")
        assert refused(signed(5, b""))  # a number that was used stays used
        os.remove("counter.txt")
        with open("config.json", "w") as file:  # changed, with the same secret
            file.write('{"mqtt":{"host":"b"},"commands":{"secret":"another of that length"}}')
        config.load()
        assert "counter.txt" in refused(signed(6, b""))
        load("a third of that length")
        assert opened(Node, "reboot", signed(6, b"")) == b""


def cut_at_each_write(kind):
    """The number of the last command, or the one that was being stored, is there."""
    stored = []
    with fresh(kind) as disk:
        begin()
        before = bytes(disk.data)
        disk.log = []
        while len(disk.log) < 60:
            _store(10 * len(stored) + 9)
            stored.append(len(disk.log))
        log = disk.log
    looked = []

    def check(index, torn):
        there = len([at for at in stored if at <= index])
        number = _last()
        assert number in (10 * there - 1 if there else 0, 10 * there + 9), (index, torn, number)
        _store(number + 1)
        assert _last() == number + 1
        looked.append(index)

    each_cut(kind, before, log, check, intact(kind, log))
    assert len(looked) == 2 * len(log)


# fault: power-cut
def test_a_power_cut_leaves_the_last_number_on_littlefs():
    cut_at_each_write(vfs.VfsLfs2)


# fault: power-cut
def test_a_power_cut_leaves_the_last_number_on_fat():
    cut_at_each_write(vfs.VfsFat)
