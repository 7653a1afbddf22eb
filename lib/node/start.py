"""Decides how to start. Needed once, and then forgotten."""

import os

import machine
from micropython import const

from node import boot
from node.app import Node
from node.overlay import call

_CRASHES = const(3)  # in a row: safe mode
_LOOK_AGAIN_S = const(300)


def begin():
    """Return [node, config], the node without its parts yet.

    () to leave the board to a person; None, after a pause, where there is no config to start with.
    """
    if exists("maintenance"):
        print("Petrel: not started: remove the file maintenance, then reset")
        call("retained", "store", 0)
        return ()
    config = boot.config
    if config is None:
        print(
            "Petrel: not started: no usable config.json. Copy one to the board. It looks again in "
            "%d s; Ctrl-C stops that." % _LOOK_AGAIN_S
        )
        call("retained", "store", 0)
        call("ending", "pause", _LOOK_AGAIN_S, int)
        return None
    # A crash is counted before it happens, and taken back after a minute of good work (node.app),
    # so that a hang or a brown-out is counted too. Not in boot.py: anyone who opens a raw REPL, as
    # mpremote does for each command, runs that and nothing else.
    lost, rebooted = call("retained", "lost")
    crashes, restarts, why = call("retained", "begun")
    safe = crashes >= _CRASHES or boot.degraded
    about = {"reset": _reset_cause(), "mode": "safe" if safe else "normal"}
    if crashes:
        about["crashes"] = crashes
    if restarts:
        about["restarts"] = restarts
    if why:
        about["why"] = why
    if lost:
        about["lost"] = lost
    if boot.faults:
        about["faults"] = boot.faults
    if safe:
        config["sensors"] = []
        config["queue"] = min(config["queue"], 8)  # perhaps it was more than the heap has room for
        print("Petrel: safe mode:", why or boot.faults)
    prefix = config["base"] + "/" + config["node"] + "/"
    node = Node(prefix, config["diagnostics"], about, safe)
    Node.__init__ = None  # type: ignore  # no other is made, and RAM is short
    node.faulty = bool(boot.faults)
    node.rebooted = rebooted
    return [node, config]


def exists(name):
    try:
        os.stat(name)
    except OSError:  # that, or the flash fails, and then there is no telling
        return False
    return True


def _reset_cause():
    """The reset cause in words; ports differ in which causes they can tell."""
    cause = machine.reset_cause()
    for name in ("PWRON", "HARD", "WDT", "DEEPSLEEP", "SOFT"):
        if getattr(machine, name + "_RESET", None) == cause:
            return name.lower()
    return str(cause)
