"""A new slot has to prove itself: the node connects, a message is acknowledged, a minute passes.

If it doesn't, the boot stage starts the slot before, after three starts; see firmware/stage.py.
"""

import os

from micropython import const

from node.overlay import call

_MINUTE_S = const(60)
_END_S = const(10)  # before the boot stage ends the start: say why


def steps(updates):
    """Yield the ms that can pass until the next look."""
    node = updates.node
    stage = updates.stage
    client = node.client
    number = None
    why = ""
    while True:
        if node.safe or node.faulty:
            why = "the config can't be used with it: " + str(node.about.get("faults"))
            stage.state[2] = "0"  # another start won't help
            stage.write()
        elif stage.seconds <= _END_S:
            why = "no connection in time"
            if client.up:
                why = "the broker doesn't acknowledge"
            elif node.error:
                why += "; " + node.error
        if why:
            with open("update/why", "w") as file:
                file.write(why)
            node.ended = why
            return
        if client.up and number is None and not client.untold:
            number = call("update", "tell", "tell", updates.node, "trying")
        if (
            client.up and number is not None and client.outbox.removed > number
            and node.uptime >= _MINUTE_S
        ):  # fmt: skip
            break
        yield 1000
    stage.state[:] = [
        stage.slot, "-", "0",
        str(max(int(stage.state[3]), call("update", "begin", "running", stage)[1])),
    ]  # fmt: skip
    stage.write()
    stage.trying = False
    if stage.timer:
        stage.timer.deinit()
        call("update", "begin", "strip", stage)
    # Without its offer nobody takes what the other slot has for an update that is half there.
    other = "b.offer" if stage.slot == "a" else "a.offer"
    for name in ("why", "again", "config.json", "failed", "format", other):
        try:
            os.remove("update/" + name)
        except OSError:  # there is none
            pass
    while call("update", "tell", "tell", updates.node, "good") is None:
        yield 1000
