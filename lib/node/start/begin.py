"""Decides how to start."""

import os

import machine
from micropython import const

from node.overlay import call

_CRASHES = const(3)  # in a row: safe mode
_LOOK_AGAIN_S = const(300)


def begin(config, faults, state):
    """Return a node without its parts; the arguments are what node.config.load has found.

    Returns () to leave the board to a person, and None, after a pause, if there is no config or no
    Wi-Fi in it.
    """
    there = os.listdir()
    if "maintenance" in there:
        print("Petrel: not started: remove the file maintenance, then reset")
        call("health", "retained", "store", 0)
        return ()
    if config and "sleep" in config:
        call("sleep", "begin", "step", config["sleep"])
    changed = {}
    if "config.json.changed" in str(there):
        crashes, _, why = call("health", "retained", "load")
        why = crashes >= _CRASHES and why
        changed = call("config", "changed", "begin", config, faults, why)
        if changed is None:
            return None
    lost, what = call("health", "retained", "lost")
    if offer(config, what):
        return None
    # A crash is counted in advance, and taken back after a minute of good work (node.app), so that
    # a hang or a brown-out counts too. Not in boot.py: anyone who opens a raw REPL, as
    # mpremote does for each command, runs that and nothing else.
    crashes, restarts, why = call("health", "retained", "begun")
    safe = crashes >= _CRASHES or state == "degraded"
    about = {"reset": reset_cause(), "mode": "safe" if safe else "normal"}
    about.update(changed)
    if crashes:
        about["crashes"] = crashes
    if restarts:
        about["restarts"] = restarts
    if why:
        about["why"] = why
    if lost:
        about["lost"] = lost
    if faults:
        about["faults"] = faults
    if safe:
        config["sensors"] = []
        config["queue"] = min(config["queue"], 8)  # perhaps that was more than the heap can hold
    config["must"] = any(each.get("delivery") == "must_deliver" for each in config["sensors"])
    if "sleep" in config and not safe:  # then it is to be reached
        Node = call("sleep", "begin", "make", config)  # noqa: N806
    else:
        from node.app import Node

    prefix = config["base"] + "/" + config["node"] + "/"
    node = Node(prefix, config["diagnostics"], about, safe)
    Node.__init__ = None  # type: ignore  # no other is made, and RAM is short
    node.faulty = bool(faults)
    node.rebooted = what == "r"
    node.offer = -(what != "d")
    if "log" in config:
        try:
            call("log", "begin", "begin", node, config["log"])
        except ImportError:  # a board with little flash, whose config didn't ask for it before
            node.failed("log", "its code is not on this board; deploy again")
    if safe:
        print("Petrel: safe mode:", why or faults)
    return node


def offer(config, what):
    """Ask for a config, or for its Wi-Fi, if there is none; return whether that was so."""
    wifi = config and config.get("wifi")
    one = isinstance(wifi, dict)  # several are not asked for
    blank = one and "ssid" not in wifi
    if not config or blank or one and (what == "p" or "provision" in config):
        try:
            if call("provision", "when", "offered", config, what, reset_cause()):
                return True
        except ImportError:  # a board without Wi-Fi
            pass
    if config:
        return False
    print(
        "Petrel: not started: no usable config.json. Copy one to the board. It looks again in "
        "%d s; Ctrl-C stops that." % _LOOK_AGAIN_S
    )
    call("health", "retained", "store", 0)
    call("health", "ending", "pause", _LOOK_AGAIN_S, int)
    return True


def reset_cause():
    """Return the reset cause in words; ports differ in which causes they know."""
    cause = machine.reset_cause()
    # In one text: short ones would be names that stay in RAM for good.
    for name in "PWRON_RESET HARD_RESET WDT_RESET DEEPSLEEP_RESET SOFT_RESET".split():  # noqa: SIM905
        if getattr(machine, name, None) == cause:
            return name[:-6].lower()
    return str(cause)
