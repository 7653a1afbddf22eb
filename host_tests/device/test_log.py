# The log of a node: which lines it keeps, what it publishes, and how it ends.
# heap: 128K
# port
import builtins
import gc
import json
import os
import sys
import time

import vfs
from disk import fresh

from node.app import Node
from node.overlay import call

PRINT = print
fresh(vfs.VfsLfs2).__enter__()  # for all tests


class Client:
    """As much of a client as a log uses; takes `room` messages, then no more."""

    def __init__(self):
        self.up = True
        self.stream = self
        self.again = None
        self.room = 1000
        self.sent = []
        self.outbox = self
        self.removed = 0

    def post(self, topic, payload, retain, qos):
        assert (topic, retain, qos) == ("petrel/n/log", False, 0)
        if not self.room:
            return None
        self.room -= 1
        self.sent.append(json.loads(payload))
        return -1

    def texts(self):
        return [each["text"] for each in self.sent]


class Quiet(Node):
    """A node that has nothing to do in a second."""

    def _each_second(self):
        self.uptime += 1


def node_with(wanted="info"):
    node = Quiet("petrel/n/", 300, {}, False)
    node.client = Client()
    if wanted:
        call("log", "begin", "begin", node, wanted)
    return node


def log_of():
    return sys.modules["node.log.lines"].log


def ended(node):
    """What the end of a node does with its log."""
    call("log", "keep", "store")
    assert print is PRINT
    assert "node.log.lines" not in sys.modules
    return node


def order(node, payload=b""):
    return json.loads(call("commands", "orders", "obey", node, "log", payload))


def test_a_line_is_printed_kept_and_published_in_the_next_second():
    node = node_with()
    print("Petrel: connected")
    print("of a driver:", 3, None)
    assert not node.client.sent
    node._each_second()
    first, second = node.client.sent
    assert first["text"] == "connected" and second["text"] == "of a driver: 3 None"
    assert (first["seq"], second["seq"]) == (0, 1)
    assert first["boot"] == node.boot and first["level"] == "info" and "again" not in first
    assert abs(first["time"] - time.time()) < 60
    node._each_second()
    assert len(node.client.sent) == 2
    ended(node)


def test_levels():
    node = node_with("info")
    node.failed("light", ValueError("no answer"))
    for text in (
        "not connected: timeout",
        "warning: wifi: none",
        "crash.txt: not written: 28",
        'Wi-Fi "x": not joined; it is tried again every 5 minutes.',
        "OSError: 5; main.py, line 3; after 4 s, at light",
        "safe mode: it crashed",
        "light works again",
    ):
        print("Petrel:", text)
    node._each_second()
    levels = [each["level"] for each in node.client.sent]
    assert levels == ["warning"] * 5 + ["error"] * 2 + ["info"], levels
    ended(node)


def test_only_what_is_wanted_is_kept():
    node = node_with("error")
    node.failed("light", ValueError("no answer"))
    print("Petrel: connected")
    print("Petrel: safe mode: x")
    node._each_second()
    assert node.client.texts() == ["safe mode: x"]
    ended(node)


def test_nothing_is_published_without_a_connection_and_all_of_it_after():
    node = node_with()
    node.client.up = False
    for i in range(12):
        print("Petrel: line", i)
        node._each_second()
    assert not node.client.sent
    node.client.up = True
    node.client.room = 3
    node._each_second()
    assert len(node.client.sent) == 3  # the connection takes no more
    node.client.room = 100
    node._each_second()
    node._each_second()
    assert node.client.texts() == ["line %d" % i for i in range(12)]
    ended(node)


def test_the_oldest_lines_make_room_whatever_their_length():
    node = node_with()
    node.client.up = False
    expected = []
    for i in range(60):
        text = "%d %s" % (i, "ü" * (i * 7 % 190))
        expected.append(text[:160])
        print(text)
        log = log_of()
        assert log.used <= len(log.lines) and log.lines[log.used - 1] == 10
    node.client.up = True
    for _ in range(20):
        node._each_second()
    got = node.client.texts()
    assert 3 < len(got) < 100 and got == expected[-len(got) :]
    assert [each["seq"] for each in node.client.sent] == list(range(60 - len(got), 60))
    ended(node)


def test_until_the_clock_is_set_the_uptime_is_told():
    node = node_with()
    log_of().epoch = -time.time()
    node.uptime = 7
    print("Petrel: x")
    node._each_second()
    assert node.client.sent[0]["uptime"] == 7 and "time" not in node.client.sent[0]
    ended(node)


def test_the_lines_before_a_restart_are_told_after_it_once():
    node = node_with()
    print("Petrel: told already")
    node._each_second()
    node.client.up = False
    print("Petrel: OSError: 5; main.py; after 4 s, at light")
    before = node.boot
    ended(node)
    assert "log.txt" in os.listdir()
    node = node_with()
    assert "log.txt" not in os.listdir()
    print("Petrel: connected")
    node._each_second()
    assert [(each["boot"], each["text"][:9]) for each in node.client.sent] == [
        (before, "OSError: "), (node.boot, "connected"),
    ], node.client.sent  # fmt: skip
    ended(node)
    node = node_with()
    node._each_second()
    assert not node.client.sent  # all of it was told, and what was before that is gone
    order(node)
    node._each_second()
    assert node.client.texts() == ["connected"], node.client.sent
    assert node.client.sent[0]["again"]
    ended(node)
    os.remove("log.txt")


def test_a_damaged_file_keeps_nobody_from_a_log():
    for content in (
        b"", b"x", b"1 2", b"1 0\n", b"1 0\nabc", b"1 0\nabc\n\n9 9x1 \xff\n", b"-\xff\n\xff",
        b"1 9000\n1 2u1 a\n", b"1 0\n" + b"3 1u2 x\n" * 500, bytes(3000),
    ):  # fmt: skip
        with open("log.txt", "wb") as file:
            file.write(content)
        node = node_with()
        print("Petrel: new")
        for _ in range(30):
            node._each_second()
        assert node.client.texts()[-1:] == ["new"], (content, node.client.sent)
        ended(node)
    os.remove("log.txt")


def test_a_command_shows_the_lines_again():
    node = node_with("warning")
    print("Petrel: warning: a")
    node._each_second()
    print("Petrel: warning: b")
    assert order(node) == {"ok": True, "level": "info", "lines": 2}
    node._each_second()
    told = [(each["text"], each.get("again")) for each in node.client.sent]
    assert told == [("warning: a", None), ("warning: a", True), ("warning: b", None)]
    print("Petrel: connected")
    node._each_second()
    assert node.client.texts()[-1] == "connected"
    for _ in range(600):
        node._each_second()
    print("Petrel: connected")
    node._each_second()
    assert len(node.client.sent) == 4  # as the config says again
    assert order(node, b"off") == {"ok": True, "level": "warning", "lines": 3}
    ended(node)
    os.remove("log.txt")


def test_a_log_that_someone_asks_for_ends_by_itself_and_leaves_nothing():
    node = node_with("")
    free = []
    for _ in range(3):
        reply = order(node, b"warning")
        assert reply == {"ok": True, "level": "warning", "lines": 0}, reply
        print("Petrel: warning: x")
        for _ in range(599):
            node._each_second()
        assert print is not PRINT
        node._each_second()
        assert print is PRINT
        assert node.client.texts() == ["warning: x"]
        node.client.sent = []
        gc.collect()
        free.append(gc.mem_free())
    assert "_each_second" not in node.__dict__
    assert free[0] - free[2] < 64, free  # the first has names to learn
    left = [name for name in sys.modules if name.startswith("node.log")]
    assert not left, left
    assert order(node, b"off") == {"ok": True, "level": "off"}


def test_a_wrong_level_is_refused_and_changes_nothing():
    node = node_with("")
    for payload in (b"debug", b"\xff", b"INFO", b"info "):
        reply = order(node, payload)
        assert not reply["ok"], payload
    assert "info" in order(node, b"debug")["error"]
    assert print is PRINT


def test_a_quiet_log_takes_no_memory_from_second_to_second():
    node = node_with()
    print("Petrel: connected")
    for _ in range(3):
        node._each_second()
    gc.collect()
    gc.disable()
    free = gc.mem_free()
    for _ in range(50):
        node._each_second()
    taken = free - gc.mem_free()
    gc.enable()
    assert taken <= 64, taken
    ended(node)


def test_what_cannot_be_printed_or_kept_harms_nobody():
    node = node_with()

    class Bad:
        def __str__(self):
            raise RuntimeError("x")

    for args in ((Bad(),), ("a\nb",)):
        try:
            print(*args)
        except RuntimeError:
            pass
    print("no line", end="")
    log_of().lines = None  # as if there were no memory
    print("Petrel: x")
    log_of().lines = bytearray(768)
    log_of().used = log_of().at = 0
    print("Petrel: y")
    node._each_second()
    assert node.client.texts() == ["y"]
    ended(node)


def test_without_a_connection_by_nature_there_is_no_log():
    from node.network.console import Console

    node = node_with()
    node.client = Console()
    print("Petrel: x")
    node._each_second()
    assert print is PRINT and builtins.print is PRINT
