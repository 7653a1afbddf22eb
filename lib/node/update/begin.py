"""Has a node take updates, if its board can. Needed once at the start, then forgotten.

Most starts find nothing of an update. What these load leaves names in RAM, so it is little: this,
node.update.hook and the boot stage.
"""

import json
import os
import sys

from node.overlay import call

if False:  # for type checkers: it costs a board nothing
    from typing import Any


def begin(node, wanted=None):
    """Listen to offers, and go on with what was begun: a trial, or an update that is half there.

    Only where a deploy has put keys onto the board; then the boot stage has started it.
    wanted: "ask" if an offer is to wait for the command `update`; what the config says
    """
    stage: "Any" = sys.modules.get("stage")
    client = node.client
    if not stage or not getattr(client, "on_large", None):  # without a broker, or with a cloud's
        return
    call("update", "hook", "listen", node)
    topic = node.prefix + "update/offer"
    client.filters[topic] = 1
    client.untold.append(topic)
    if wanted == "ask":
        stage.asks = True
    own = stage.slot + ".offer"
    for name in os.listdir("update"):
        if ".offer" in name and name != own or stage.trying:
            from node.update import turns

            turns.begin(node)
            return
    told = False
    tried = -1  # at this second of the uptime
    link = type(client)  # its own dict has no room for another name
    before = link.step

    def step(client):
        nonlocal told, tried
        wait = before(client)
        if not told and client.up and not client.untold and tried != node.uptime:
            tried = node.uptime
            try:  # an offer may have come first
                told = "node.update.turns" in sys.modules or idle(node, stage) is not None
            except Exception as error:  # MemoryError; the node goes on as it is
                node.failed("update", error)
        if told and link.step is step:
            link.step = before
            strip(stage)
        return wait

    link.step = step


def idle(node, stage):
    """Tell that there is no update; returns what post() does."""
    version, serial = running(stage)
    said = '{"state": "idle", "version": %s, "serial": %d}' % (json.dumps(version), serial)
    return node.client.post(node.prefix + "update/state", said, True)


def running(stage):
    """Return version and serial of what runs; serial 0: it was deployed."""
    if stage.slot != "-":
        try:
            with open("update/" + stage.slot + ".offer", "rb") as file:
                found = json.loads(file.readline())
            return found["version"], found["serial"]
        except (OSError, ValueError, KeyError):
            pass
    return call("health", "telemetry", "version"), 0


def strip(stage):
    """Free the code of the boot stage: what it knows is needed still, and not what it does."""
    for name in dir(stage):
        if name[:2] != "__" and name != "feed" and callable(getattr(stage, name)):
            delattr(stage, name)


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
