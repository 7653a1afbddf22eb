"""What a node that takes updates keeps in RAM: it tells their messages from others.

An update is a generator, `steps`. In each turn of the node's loop it does a little and yields the
ms that it can wait then. Nothing is left of it when it is over.
"""

import gc
import sys
from time import ticks_diff, ticks_ms

from micropython import const

from node.overlay import call

_LATER_MS = const(600_000)  # until what failed is tried again

if False:  # for type checkers: it costs a board nothing
    from typing import Any

updates: "Any" = None  # the node's, for the command `update`


class Updates:
    """link: the client's class; stage: the module that has started the node, stage.

    asks: whether an offer waits until it is to be installed
    """

    def __init__(self, node, link, stage, asks):
        self.node = node
        self.link = link
        self.stage = stage
        self.steps = None
        self.chunks = None  # what takes the chunks that arrive, see node.update.fetch
        self.asks = asks
        self.waits = False  # there is one that can be, see node.update.install
        self.step = link.step

    def message(self, topic, payload, retained, _=None):
        """Take a message, as the client's on_message."""
        if not topic.startswith(self.node.prefix + "update/"):
            self.node.on_message(topic, payload, retained)
        elif isinstance(payload, bytes):
            taken = self.large(topic, len(payload), retained)
            if taken:
                taken.write(payload)
                taken.close()

    def large(self, topic, size, retained):
        """Return what takes a message of so many bytes, or None; as the client's on_large."""
        prefix = self.node.prefix
        if not topic.startswith(prefix + "update/"):
            return self.node.on_message(topic, size, retained)
        if topic == prefix + "update/offer":
            return call("update", "arrive", "take", self, size)
        if topic == prefix + "update/chunk" and self.chunks:
            self.chunks.begin(size)
            return self.chunks
        return None

    def start(self, steps):
        """Begin something else."""
        self.steps = steps
        self.link.step = self.turn

    def turn(self):
        """Take the place of the client's step()."""
        wait = self.step(self.node.client)
        steps = self.steps
        try:
            return min(wait, next(steps))
        except StopIteration:
            pass
        except Exception as error:  # whatever it is, the node goes on as it is
            self.node.failed("update", error)
            if not self.stage.trying:  # then the boot stage ends this start soon
                self.chunks = None
                self.steps = self.later(error)
        if steps is self.steps:  # nothing else was begun meanwhile
            self.chunks = self.steps = None
            self.link.step = self.step
            self.node.phase = "network"
        forget()
        return 0

    def later(self, error):
        """Tell that it stands still, wait, and go on: there may be more RAM then."""
        self.waits = True
        began = ticks_ms()
        while ticks_diff(ticks_ms(), began) < _LATER_MS:
            try:
                if error:
                    call("update", "tell", "tell", self, "waiting", None, None, error)
                error = None
            except MemoryError:
                pass
            yield 1000
        from node.update.check import steps

        self.start(steps(self))


def forget():
    """Forget the code of what is over. Its package may be gone already, see node.overlay."""
    package = sys.modules.get("node.update")
    for name in ("check", "fetch", "commit", "listing", "pack", "release", "trial"):
        if sys.modules.pop("node.update." + name, None) and hasattr(package, name):
            delattr(package, name)
    gc.collect()
