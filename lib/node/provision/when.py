"""Decides at the start whether the board asks for its network. Needed then, then forgotten.

It does so if its config names no network, if it has no config at all, if the node ended to be
provisioned (node.provision.look, or the command), and if its button is held.
"""

import os
import sys
from time import sleep_ms

import machine
from micropython import const

from node.overlay import call, forget

_CONFIG = const("config.json")
_OPEN_S = const(600)  # how long the access point is open without a request
_HELD = const(20)  # looks at the button, 50 ms apart, that have to find it pressed


def offered(config, what, cause):
    """Offer it, if it is to be offered, and return whether it was.

    config: what node.config.load has found; what: what node.health.retained says of the last end
    cause: of the reset
    """
    if config is None:
        config = _blank()
        if config is None:
            return False
    section = config.get("provision", {})
    wanted = what == "p" or "pin" in (section or ()) and held(section["pin"])
    blank = "ssid" not in config["wifi"]
    seconds = _OPEN_S
    if section is False:
        seconds = 0
    elif not wanted and "window" in section:
        # A soft reset follows a new config, or is a person's, who is at the board.
        seconds = min(seconds, section["window"]) if cause in ("pwron", "soft") else 0
    if not (blank or wanted and seconds):
        return False
    call("health", "retained", "store", 0, "", 0, "" if blank else "0d")
    for name in list(sys.modules):  # what main.py has loaded for the node
        if name.startswith("mqtt") or name.startswith("sensors"):  # noqa: PIE810
            del sys.modules[name]
    forget("app", "sensor")
    call("provision", "offer", "offer", config, seconds)
    return True


def _blank():
    """Return a config with nothing in it, for a board that has none, and has Wi-Fi; or None."""
    try:
        os.stat(_CONFIG)
        return None  # it is wrong: a person has to look at it
    except OSError:
        pass
    try:
        from network import WLAN  # noqa: F401
    except ImportError:
        return None
    return {"node": "petrel-" + machine.unique_id()[-3:].hex(), "wifi": {}, "mqtt": {}}


def held(pin):
    """Return whether a button from the pin to GND stays pressed for a second."""
    button = machine.Pin(pin, machine.Pin.IN, machine.Pin.PULL_UP)
    for _ in range(_HELD):
        if button.value():
            return False
        sleep_ms(50)
    return True
