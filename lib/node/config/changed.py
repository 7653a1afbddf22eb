"""A config that came by a command has to prove itself: the node has to connect with it in time.

Otherwise the node goes back to the one before, and says why once it is connected. The time that is
left is on the flash, so that power cuts and restarts don't prolong it for good.
Its place in node.about: "changed", the s that are left, or 0 while there is something to be told.
"""

import json
import os

from micropython import const

from node.config.record import note, over, pending, record, tell
from node.overlay import forget

_BEFORE = const("config.json.before")
_START_S = const(10)  # that a start costs, even one that ends at once
_NOTE_S = const(60)  # between two notes of what is left


def begin(config, faults, safe):
    """Return what is known of a change, for node.about, None to restart with the config before."""
    try:
        return _begin(config, faults, safe)
    finally:
        forget("record", "used", package="node.config")


def _begin(config, faults, safe):
    trial = record()
    if trial and "back" in trial:
        return {"changed": 0, "config": trial["back"]["error"]}
    trial = pending()
    if not trial:  # another config has taken its place
        over()
        return {}
    left = trial["left"]
    error = None
    if faults:
        error = faults[0]
        if faults[-1].startswith("config.json.old"):
            faults = faults[:-1]
    elif config is None:
        error = "it can't be used"
    elif safe:
        error = "the node crashed with it: " + safe
    elif left <= 0:
        error = "no connection in time"
    if error and _BEFORE in os.listdir():
        tell("it went back to the config before: " + error, faults, trial["mark"])
        return None
    trial["left"] = left - _START_S
    note(trial)
    return {"changed": max(1, left)}


def look(node):
    """See whether the node has connected, and tell the outcome; or go back when the time is up."""
    try:
        _look(node, node.about["changed"])
    finally:
        forget("record", "used", package="node.config")


def _look(node, left):
    client = node.client
    commands = node.prefix + "cmd/#"  # without them it would be cut off
    if client.up and commands not in client.untold and commands not in client.rejected:
        said = {"ok": True, "applied": True} if left else (record() or {}).get("back")
        topic = node.prefix + "reply/config"
        if not said or client.post(topic, json.dumps(said)) is not None:
            over()
            del node.about["changed"]
    elif left and node.uptime >= left:
        why = "no connection with it in time"
        if commands in client.rejected:
            why = "the broker doesn't allow " + commands
        elif node.error:
            why += "; " + node.error
        trial = pending()
        if not trial or _BEFORE not in os.listdir():
            over()
            del node.about["changed"]
            return
        tell("it went back to the config before: " + why, (), trial["mark"])
        node.ended = node.gave_up = why
    elif left and node.uptime and node.uptime % _NOTE_S == 0:
        trial = pending()
        if trial:
            trial["left"] = left - node.uptime
            note(trial)
