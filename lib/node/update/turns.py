"""Works on an update, in turns of the node's loop. In RAM as long as there is one.

An update is a generator, `steps`. In each turn it does a little and yields the ms that it can wait
then. Nothing is left of it when it is over.
"""

import gc
import sys
from time import ticks_diff, ticks_ms

from micropython import const

from node.overlay import call

_LATER_MS = const(600_000)  # until what failed is tried again

if False:  # for type checkers: it costs a board nothing
    from typing import Any

updates: "Any" = None  # the node's


def begin(node):
    """Go on with what was there at the start: a trial, or an update that is half there."""
    found = of(node)
    if found.stage.trying:
        node.feed = found.stage.feed
        from node.update.trial import steps
    else:
        from node.update.check import steps
    found.start(steps(found))


def of(node):
    """Return the Updates of the node; it is made if there is none."""
    global updates
    if not updates:
        updates = Updates(node, type(node.client), sys.modules["stage"])
    return updates


class Updates:
    """link: the client's class; stage: the module that has started the node, stage.

    What outlives it is kept there: asks: an offer waits until it is to be installed; waits: there
    is one that can be, see node.update.install.
    """

    def __init__(self, node, link, stage):
        self.node = node
        self.link = link
        self.stage = stage
        self.steps = None
        self.chunks = None  # what takes the chunks that arrive, see node.update.fetch
        self.step = link.step

    def message(self, topic, payload):
        """Take a message, or return what takes it. payload: its bytes, or how many they are"""
        if topic == self.node.prefix + "update/offer":
            return call("update", "arrive", "take", self.node, topic, payload)
        chunks = self.chunks
        if not chunks:
            return None
        if isinstance(payload, int):
            chunks.begin(payload)
            return chunks
        chunks.begin(len(payload))
        chunks.write(payload)
        return chunks.close()

    def start(self, steps):
        """Begin something else."""
        self.steps = steps
        # In the class: the client's own dict has no room for another name.
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
        over = steps is self.steps  # nothing else was begun meanwhile
        if over:
            self.chunks = self.steps = None
            self.link.step = self.step
            self.node.phase = "network"
        clean(over)
        return 0

    def later(self, error):
        """Tell that it stands still, wait, and go on: there may be more RAM then."""
        self.stage.waits = True
        began = ticks_ms()
        while ticks_diff(ticks_ms(), began) < _LATER_MS:
            try:
                if error:
                    call("update", "tell", "tell", self.node, "waiting", None, None, error)
                error = None
            except MemoryError:
                pass
            yield 1000
        from node.update.check import steps

        self.start(steps(self))


def clean(over):
    """Forget the code of what is over. Its package may be gone already, see node.overlay."""
    package = sys.modules.get("node.update")
    for name in ("check", "fetch", "commit", "listing", "pack", "release", "trial", "turns"):
        if name == "turns" and not over:
            continue
        if sys.modules.pop("node.update." + name, None) and hasattr(package, name):
            delattr(package, name)
    gc.collect()
