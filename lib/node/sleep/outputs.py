"""Lets outputs keep their state while the node sleeps (sleep.keep), where the chip's pins can.

A pin that holds its level does so until it is told otherwise, also over the wake: the driver is
back in its state before that, so that the output doesn't flicker.
"""

if False:  # for type checkers: it costs a board nothing
    from typing import Any

esp32: "Any" = __import__("esp32")  # other ports have none


def hold(node):
    """Let them hold their level; return the bits of those that are on, for node.sleep.state.

    They are taken from the node then, which closes what it has.
    """
    bits = 0
    for i, sensor, relay in _relays(node):
        if relay.state:
            bits |= 1 << (i + 1)
        relay.pin.init(hold=True)
        sensor.part = None
    return bits


def release(node, bits):
    """After a wake: bring each back into its state, and then let it go.

    bits: what hold() returned; None after any other start: then they are in their safe state
    """
    for i, _, relay in _relays(node):
        if bits is not None:
            relay.set(bool(bits & 1 << (i + 1)))
        relay.pin.init(hold=False)


def asleep():
    """Let the pins outside of the RTC hold theirs in the deep sleep that follows, too."""
    esp32.gpio_deep_sleep_hold(True)


def _relays(node):
    keep = node.section["keep"]
    found = []
    for sensor in node.sensors:
        if sensor.name in keep:
            relay = getattr(sensor.part, "part", sensor.part)  # behind its filters
            if hasattr(relay, "pin"):  # it was made
                found.append((keep.index(sensor.name), sensor, relay))
    return found
