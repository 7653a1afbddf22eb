"""The last lines that a node has printed, in RAM until they are published. Loaded for a log only.

While there is a Log, print() is its told(). So whatever the node and its drivers print is in it,
and no code that prints has to know of it. Once a second the lines that are new are published, as
QoS 0: they never take a place that a reading needs.
"""

import builtins
import time

from micropython import const

from node.overlay import call

if False:  # for type checkers: it costs a board nothing
    from typing import Any

_ERROR, _WARNING, _INFO = const(0), const(1), const(2)
_LONGEST = const(160)  # characters of a line
_SET = const(1_704_067_200)  # 2024-01-01: anything earlier means that the clock isn't set

log: "Any" = None  # the one at work


class Log:
    """Keeps lines in a buffer; the oldest make room for new ones.

    A line is "<seq> <level><t or u><seconds> <text>": seconds since 1970, or of uptime.
    level: of the lines that are kept; wanted: the same by the config, -1: none
    left: s until what someone asked for ends, 0: nobody has
    used, at, known, old: places in the buffer: where it ends, the first line to be published, the
    first one that never was, and the first one of this start
    boot, before: that of this start, and that of the lines before it
    """

    def __init__(self, node, wanted, size):
        self.node = node
        self.epoch = node.epoch
        self.level = self.wanted = wanted
        self.lines = bytearray(size)
        self.used = self.at = self.known = self.old = 0
        self.boot = node.boot
        self.before = self.seq = self.left = 0
        self.busy = False
        self.print = builtins.print

    def each_second(self):
        """What node._each_second is meanwhile."""
        node = self.node
        type(node)._each_second(node)
        if self.left:
            self.left -= 1
            if not self.left:
                call("log", "order", "over", self)
        if self.at < self.used and node.client.up:
            call("log", "send", "send", self)

    def told(self, *args, **more):
        """Print, and keep what was printed. Raises only what print() does."""
        self.print(*args, **more)
        if self.busy or more:
            return
        self.busy = True
        try:
            self.take(" ".join([str(each) for each in args]).replace("\n", " "))
        except Exception:  # no memory for it, or an object that can't be printed
            pass
        finally:
            self.busy = False

    def take(self, text):
        """Keep a line if its level is wanted."""
        failed = self.node and text[8:] == self.node.error
        if text[:8] == "Petrel: ":
            text = text[8:]
        level = _INFO
        if "; after " in text or text[:9] == "safe mode":  # a crash, see node.health.why
            level = _ERROR
        elif failed or text[:3] in ("no ", "not") or ": not " in text or text[:7] == "warning":
            level = _WARNING
        if level > self.level:
            return
        seconds = int(time.time()) + self.epoch
        kind = "t"
        if seconds < _SET:
            kind = "u"
            seconds = max(0, self.node.uptime) if self.node else 0
        line = "%d %d%s%d %s\n" % (self.seq, level, kind, seconds, text[:_LONGEST])
        self.seq += 1
        self.put(line.encode())

    def put(self, line):
        """Append a line, or several."""
        more = self.used + len(line) - len(self.lines)
        if more > 0:
            gone = self.lines.find(b"\n", more - 1) + 1
            self.used -= gone
            view = memoryview(self.lines)
            view[: self.used] = view[gone : gone + self.used]
            self.at = max(0, self.at - gone)
            self.known = max(0, self.known - gone)
            self.old = max(0, self.old - gone)
        self.lines[self.used : self.used + len(line)] = line
        self.used += len(line)
