"""Lets a pin or a touch wake a node that sleeps, and tells what woke it.

A pin wakes an ESP32 by its level, not by a change. One that has that level already would wake it
again and again, and take the battery's charge: then the time alone does.
"""

from time import sleep_ms

import machine
from micropython import const

if False:  # for type checkers: it costs a board nothing
    from typing import Any

# As machine.wake_reason() of an ESP32 has them: ext0, ext1, GPIO.
_PINS = (2, 3, 7)
_TOUCH = const(5)
_MEASURES_MS = const(50)


def reason():
    """Return what ended the deep sleep: "pin", "touch", or "time"."""
    port: "Any" = machine
    code = port.wake_reason() if hasattr(port, "wake_reason") else 0
    return "pin" if code in _PINS else "touch" if code == _TOUCH else "time"


def begin(node, wake):
    """Tell what woke the node, at once if it was not the time; and whether it can be woken."""
    if not node.cold:
        node.about["wake"] = why = reason()
        node.roused = why != "time"
    if not _can(wake):
        said = "sleep.wake: this firmware can't. Use MicroPython 1.29."
        node.about["faults"] = node.about.get("faults", []) + [said]
        node.failed("sleep", said)


def arm(wake):
    """Set up what wakes the board from the deep sleep that follows."""
    try:
        port: "Any" = machine
        esp32: "Any" = __import__("esp32")  # other ports have none
        if "touch" in wake:
            pad = port.TouchPad(port.Pin(wake["touch"]))
            sleep_ms(_MEASURES_MS)
            pad.config(wake.get("threshold") or pad.read() * 2 // 3)
            esp32.wake_on_touch(True)
            return
        name = {"up": "PULL_UP", "down": "PULL_DOWN"}.get(wake.get("pull"))
        more = (getattr(port.Pin, name),) if name else ()
        pin = port.Pin(wake["pin"], port.Pin.IN, *more)
        now = pin.value()
        level = 1 - now if wake["level"] == "change" else wake["level"]
        if level == now:
            print("Petrel: GPIO%d is %d already: the time alone wakes it" % (wake["pin"], now))
        elif hasattr(esp32, "wake_on_gpio"):  # an ESP32-C3
            esp32.wake_on_gpio((pin,), bool(level))
        else:
            esp32.wake_on_ext0(pin, bool(level))
    except Exception as error:  # a port may raise anything, and the node has to sleep
        print("Petrel: sleep.wake:", error)


def _can(wake):
    try:
        esp32 = __import__("esp32")
    except ImportError:
        return False
    names = ("wake_on_touch",) if "touch" in wake else ("wake_on_gpio", "wake_on_ext0")
    return any(hasattr(esp32, name) for name in names)
