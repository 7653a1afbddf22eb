"""The config of the node: found, checked, completed. See node.saved for its files.

Imported at the boot, and forgotten. A config.json that equals the last good one need not be
checked again, which spares a small board the RAM of the check.
"""

import json
import sys

from node.overlay import call, forget
from node.saved import NAME, exists, keep, read, write


def load():
    """Return (config, faults, state): the complete config or None, and what was found wrong.

    state: "degraded" if only the connection can be used, for the rest of the only config there is
    is wrong; "new" if it has been checked and kept just now; else "".
    """
    cut = not exists(NAME) and exists(NAME + ".new")
    faults = []
    text = read(NAME + ".new" if cut else NAME, faults)
    old = read(NAME + ".old", [])
    try:
        if text and text == old:
            return _complete(json.loads(text)), faults, ""  # it was checked when it was kept
        return _check(text, old, faults)
    finally:
        sys.modules.pop("board", None)
        forget("saved")


def _check(text, old, faults):
    try:
        import board  # the facts of this board, where they were installed
    except ImportError:
        board = None
    built_in = text is None and old is None
    if built_in:
        text = _factory(board, faults)
    current = None
    if text is not None:
        warnings = []
        current, found = _verdict(text, board, warnings, True, None, 64, warnings)
        for warning in warnings:
            print("Petrel: warning:", warning)
        if not found:
            secret = current.get("commands", {}).get("secret")
            try:
                # A built-in config may be back because the file system was lost, and the counter
                # too.
                if secret and not built_in and secret.encode() not in (old or b""):
                    call("signed", "begin")
                keep(text)
            except OSError as error:  # a flash that is full, or fails; the node runs all the same
                print("Petrel: config.json.old: not written:", error)
            same = read(NAME + ".old", []) == text
            return _complete(current), faults, "new" if same else ""
        faults.extend(found)
    if old is not None:
        # Its certificates are not looked at: a node that tries again is better than none.
        last, found = _verdict(old, board, None, False, None, 64, [])
        if not found:
            faults.append("config.json.old, the last good one, is used instead. Fix config.json.")
            return _complete(last), faults, ""
    if isinstance(current, dict):
        current["sensors"] = []
        text = json.dumps(current).encode()
        if not _verdict(text, board, None, False, None, 64, [])[1]:
            return _complete(current), faults, "degraded"
    return None, faults, ""


def _verdict(text, *more):
    """What node.verdict says. A board with little flash has none, and trusts what can be used."""
    try:
        return call("verdict", "of", text, *more)
    except ImportError as error:
        if "node.verdict" not in str(error):  # else something is missing that should be there
            raise
    try:
        _complete(json.loads(text))
    except Exception as error:  # whatever a file may hold
        said = "config.json: not usable (%s: %s)" % (type(error).__name__, error)
        return None, [said + ". `make check` says what is wrong."]
    print("Petrel: config.json: not checked, as this board has no room for that; use `make check`")
    return json.loads(text), []


def _factory(board, faults):
    """The config that was built into the firmware, if any; it is the file from now on."""
    text = getattr(board, "CONFIG", None)
    if text is None:
        return None
    faults.clear()  # which say that there was none
    text = text.encode()
    write(NAME, text)
    return text


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
    for sensor in config["sensors"]:
        if isinstance(sensor.get("address"), str):  # "0x77": JSON has no hexadecimal numbers
            sensor["address"] = int(sensor["address"], 16)
    if "node" not in config:
        config["node"] = "petrel"
        try:  # a name that no other board has
            from machine import unique_id

            config["node"] += "-" + unique_id()[-3:].hex()
        except ImportError:
            pass
    return config
