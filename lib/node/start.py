"""Decides how to start. Needed once, and then forgotten.

A crash is counted before it happens: the count is raised here and taken back after a minute of
good work (node.app), so that a hang which only the watchdog or a person ends is counted too.
"""

import os

import machine
from micropython import const

from node import boot
from node.app import Node
from node.overlay import call

_CRASHES = const(3)  # in a row: safe mode


def decide():
    """Return (node, config), the node without its parts yet; None to leave the board alone."""
    if "maintenance" in os.listdir():
        print("Petrel: not started: there is a file named maintenance; remove it and reset")
        return None
    config = boot.config
    if config is None:
        print("Petrel: not started: no usable config.json; mend it, then machine.reset()")
        return None
    crashes, restarts, why = call("retained", "load")
    safe = crashes >= _CRASHES or boot.degraded
    about = {"reset": _reset_cause(), "mode": "safe" if safe else "normal"}
    if crashes:
        about["crashes"] = crashes
    if restarts:
        about["restarts"] = restarts
    if why:
        about["why"] = why
    if boot.faults:
        about["faults"] = boot.faults
    if safe:
        config["sensors"] = []
        print("Petrel: safe mode:", why or boot.faults)
        crashes = _CRASHES - 2  # after safe mode, one more crash leads back to it
    else:
        why = "no answer: ended by the watchdog or a reset"
    call("retained", "store", crashes + 1, why, restarts)
    prefix = "%s/%s/" % (config["base"], config["node"])
    return Node(prefix, config["diagnostics"], about, safe), config


def _reset_cause():
    """The reset cause in words; ports differ in which causes they can tell."""
    cause = machine.reset_cause()
    for name in ("PWRON", "HARD", "WDT", "DEEPSLEEP", "SOFT"):
        if getattr(machine, name + "_RESET", None) == cause:
            return name.lower()
    return str(cause)
