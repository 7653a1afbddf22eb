"""How a node that sleeps begins: cold, or where it left off before it slept.

Called at the start, then forgotten. It is a warm start if the board woke from a deep sleep and its
RTC's memory is as the node left it. After any other reset only the readings that waited count:
the node has a new number then, so that no two readings have the same.
"""

from time import ticks_ms, time

import machine
from micropython import const

from node.overlay import call, forget

_HOLD_S = const(600)  # after a cold start, in case someone wants to reach the board
_HOUR_S = const(3600)
_DAYS = const(0x3FFF_FFFF)


def step(section):
    """Sleep on, if a long sleep comes in several pieces; otherwise return.

    It takes neither the Wi-Fi nor a sensor. section: sleep of the config
    """
    from node.sleep import state

    try:
        found = woken() and state.load()
        if not found or not found[0][state.LEFT_S]:
            return
        if "wake" not in section or call("sleep", "wake", "reason") == "time":
            call("sleep", "night", "go_on", found[0], found[1], section)
    finally:
        _forget()


def woken():
    """Return whether the board woke from a deep sleep."""
    return machine.reset_cause() == getattr(machine, "DEEPSLEEP_RESET", None)


def make(config):
    """Make each sensor report once in each wake; return the node's class."""
    from node.sleep.sleeper import Sleeper

    section = config["sleep"]
    Sleeper.section = section
    Sleeper.period_s = section["every"]
    Sleeper.limit_ms = section["awake"] * 1000
    Sleeper.hold_ms = section.get("hold", _HOLD_S) * 1000
    Sleeper.low_v = section.get("low", 0)
    Sleeper.must = config["must"]
    Sleeper.turn = ticks_ms()
    config["diagnostics"] = max(config["diagnostics"], _HOUR_S)
    config["must"] = False  # in one piece before it sleeps, rather than each at once
    for entry in config["sensors"]:
        entry["interval"] = section["every"]
        if entry["driver"] == b"formula".decode():  # once its values are there
            del entry["interval"]
        if entry.get("delivery") == "must_deliver":
            del entry["delivery"]
    return Sleeper


def equip(node):
    """Go on where the node left off, if it did: its numbers, the time, the waiting readings."""
    from node.sleep import memory, state

    try:
        if not memory.there():
            said = "sleep: this firmware can't keep anything over a sleep. Use MicroPython 1.29."
            node.about["faults"] = node.about.get("faults", []) + [said]
            node.failed("sleep", said)
            node.least_ms = _DAYS
            return
        node.late = -1  # what was sent while it slept is obeyed
        found = state.load()
        node.cold = not (found and woken())
        if "keep" in node.section:
            bits = None if node.cold else found[0][state.BITS]
            bits = None if bits and bits & state.LOW else bits  # they are in their safe state
            call("sleep", "outputs", "release", node, bits)
        if "wake" in node.section:
            call("sleep", "wake", "begin", node, node.section["wake"])
        if node.cold:
            node.least_ms = node.hold_ms
            node.most_ms = max(node.hold_ms, node.limit_ms)
        if node.low_v:
            call("sleep", "charge", "look", node, found)
        if not found:
            return
        kept, lines = found
        if not node.cold:
            node.most_ms = node.limit_ms
            node.boot = kept[state.BOOT]
            node.count = max(node.count, kept[state.COUNT])
            node.uptime = max(0, kept[state.UPTIME] - early(node, kept[state.WAKES_AT]))
            node.told_at = kept[state.TOLD_AT]
            node.set_at = kept[state.ASKED_AT]
            clock(node, kept, state)
            call("sleep", "radio", "join", node, kept[state.BSSID])
        readings(node, kept[state.BOOT], lines)
    finally:
        _forget()


def clock(node, kept, state):
    """Set the clock, if the board has lost the time, and decide whether to ask for it."""
    wakes_at, asked_at = kept[state.WAKES_AT], kept[state.ASKED_AT]
    if not hasattr(node, "ntp"):
        return
    if node.unset and wakes_at:
        call("network", "clock", "put", node.epoch, wakes_at)
        node.unset = False
    now = call("network", "clock", "now", node.epoch)
    every = kept[state.EVERY]
    node.ntp[1] = every
    node.ntp_due = node.unset or not 0 <= now - asked_at < every
    if not node.ntp_due and node.ntp_left >= 0:
        node.ntp_left = max(60, every)


def early(node, wakes_at):
    """Return by how many s it woke before its time, if it was woken and has a clock."""
    if not node.roused or node.unset or not wakes_at:
        return 0
    return max(0, wakes_at - int(time()) - node.epoch)


def readings(node, boot, lines):
    from node.sleep.pack import unpacked

    outbox = node.client.outbox
    for line in lines.split(b"\n"):
        if line:
            outbox.put(*unpacked(node.prefix, boot, line + b"\n"))


def _forget():
    forget("pack", "state", "memory", package="node.sleep")
