"""The config of the node: found, checked, completed. See node.saved for its files.

Imported at the boot, and forgotten. A config.json that equals the last good one need not be
checked again, which spares a small board the RAM of the check.
"""

import json
import sys

from node.overlay import forget
from node.saved import NAME, exists, keep, read, write


def load():
    """Return (config, faults, state): the complete config or None, and what was found wrong.

    state: "degraded" if only the connection can be used, for the sensors of the only config there
    is are wrong; "new" if it has been checked and kept just now; else "".
    """
    cut = not exists(NAME) and exists(NAME + ".new")
    faults = []
    text, current = read(NAME + ".new" if cut else NAME, faults)
    kept, old = read(NAME + ".old", [])
    if text and text == kept:
        forget("saved")
        return _complete(old), faults, ""  # it was checked when it was kept
    try:
        return _check(text, current, old, faults)
    finally:
        for name in list(sys.modules):
            if name.startswith("sensors") or name == "board":
                del sys.modules[name]
        forget("schema", "roles", "saved")


def _check(text, current, old, faults):
    from node.schema import check

    try:
        import board  # the facts of this board, where they were installed
    except ImportError:
        board = None
    if text is None and old is None:
        text, current = _factory(board, faults)
    if current is not None:
        warnings = []
        found = check(current, board, warnings)
        for warning in warnings:
            print("Petrel: warning:", warning)
        if not found:
            keep(text)
            kept, _ = read(NAME + ".old", [])
            return _complete(current), faults, "new" if kept == text else ""
        faults.extend(found)
    if old is not None and not check(old, board):
        faults.append("config.json.old, the last good one, is used instead; mend config.json")
        return _complete(old), faults, ""
    if isinstance(current, dict):
        current["sensors"] = []
        if not check(current, board):
            return _complete(current), faults, "degraded"
    return None, faults, ""


def _factory(board, faults):
    """The config that was built into the firmware, if any; it is the file from now on."""
    text = getattr(board, "CONFIG", None)
    if text is None:
        return None, None
    faults.clear()  # which say that there was none
    write(NAME, text)
    return text, json.loads(text)


def _complete(config):
    """Fill in what a good config leaves out."""
    mqtt = config["mqtt"]
    tls = "ca" in mqtt or mqtt.get("verify") is False
    for target, defaults in (
        (
            config,
            {
                "base": "petrel",
                "sensors": [],
                "diagnostics": 300,
                "queue": 32,
                "outbox": 65_536,
                "watchdog": 0,
                "restart": 3600,
                "ntp": "pool.ntp.org",
            },
        ),
        (mqtt, {"port": 8883 if tls else 1883, "keepalive": 60}),
    ):
        for key in defaults:
            target.setdefault(key, defaults[key])
    if "serial" in mqtt:
        mqtt.setdefault("baud", 115_200)
    if "node" not in config:
        config["node"] = _default_node()
    return config


def _default_node():
    """A name that no other board has."""
    try:
        from machine import unique_id

        return "petrel-" + unique_id()[-3:].hex()
    except ImportError:
        return "petrel"
