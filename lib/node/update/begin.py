"""Has a node take updates, if its board can. Needed once at the start, then forgotten."""

import os
import sys

from node.overlay import call


def begin(node, wanted=None):
    """Listen to offers, and go on with what was begun: a trial, or an update that is half there.

    Only where a deploy has put keys onto the board; then the boot stage has started it.
    wanted: "ask" if an offer is to wait for the command `update`; what the config says
    """
    stage = sys.modules.get("stage")
    if not stage or not hasattr(node.client, "step"):
        return
    from node.update import turns

    updates = turns.updates = turns.Updates(node, type(node.client), stage, wanted == "ask")
    for name in ("offer", "chunk"):
        topic = node.prefix + "update/" + name
        node.client.filters[topic] = 1
        node.client.untold.append(topic)
    # In the class: the client's own dict has no room for another name.
    updates.link.on_message = updates.message
    updates.link.on_large = updates.large
    if stage.trying:
        node.feed = stage.feed
        from node.update.trial import steps
    else:
        from node.update.check import steps
    updates.start(steps(updates))


def again():
    """The board starts afresh to prepare something: give a slot on trial the start back, once."""
    stage = sys.modules.get("stage")
    if stage and stage.trying and "again" not in os.listdir("update"):
        with open("update/again", "w"):
            pass
        stage.state[2] = str(int(stage.state[2]) + 1)
        stage.write()


def back():
    """For the boot stage: the slot that was on trial wasn't good."""
    call("update", "back", "back")
