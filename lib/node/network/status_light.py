"""Gives a node its status LED. Needed once, then forgotten."""

from machine import Pin

from mqtt.link import Link
from node.led.blink import Light


def begin(node, led):
    """Light it, and have it looked after in each turn of the node's loop. led: its config"""
    lit = led.get("active") != "low"
    try:
        pin = Pin(led["pin"], Pin.OUT, value=lit)
    except (ValueError, TypeError) as error:  # a name that this board doesn't know
        node.failed("led", error)
        return
    light = Light(node, Link.step, pin, lit)
    # In the class: the client's own dict has no room for another name.
    Link.step = light.turn  # type: ignore[method-assign]
