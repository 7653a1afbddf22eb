"""The config file: found, checked, saved, and never lost.

Three files: config.json is what counts. config.json.old is the last one that was found good; it
is used when config.json is missing, cut short or wrong. A config.json that equals it need not be
checked again, which spares a small board the RAM of the check. config.json.new exists
for the moment of a save; when there is no config.json, a power cut came at the worst moment of a
save on a FAT file system, and config.json.new is complete. Where there is none of the three, it is
the one that was built into the firmware, as `board.CONFIG`, if any was.

Saving writes .new and renames it over config.json: littlefs does that in one step. FAT refuses to
rename onto a file, so there the old one is removed first.
"""

import json
import os
import sys

from micropython import const

from node.overlay import forget

_NAME = const("config.json")
_MOST = const(4096)  # bytes


def load():
    """Return (config, faults, state): the complete config or None, and what was found wrong.

    state: "degraded" if only the connection can be used, for the sensors of the only config there
    is are wrong; "new" if it has been checked and kept just now; else "".
    """
    cut = not _exists(_NAME) and _exists(_NAME + ".new")
    faults = []
    text, current = _read(_NAME + ".new" if cut else _NAME, faults)
    kept, old = _read(_NAME + ".old", [])
    if text and text == kept:
        return _complete(old), faults, ""  # it was checked when it was kept
    try:
        return _check(text, current, old, faults)
    finally:
        for name in list(sys.modules):
            if name.startswith("sensors") or name == "board":
                del sys.modules[name]
        forget("schema", "roles")


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
            _keep(text)
            kept, _ = _read(_NAME + ".old", [])
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
    _write(_NAME, text)
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


def save(config):
    """Write the config in one step, whatever happens meanwhile; the previous one is kept."""
    if _exists(_NAME):
        with open(_NAME) as file:
            _keep(file.read())
    _write(_NAME, json.dumps(config))


def set_interval(name, seconds):
    """Give the sensor of that name another interval, in the file; False if it is not there."""
    _, config = _read(_NAME, [])
    for sensor in config["sensors"] if config else ():
        if sensor["name"] == name:
            sensor["interval"] = seconds
            save(config)
            return True
    return False


def _keep(text):
    """Keep a good config as config.json.old; the flash is spared if it is there already."""
    try:
        with open(_NAME + ".old") as file:
            if file.read() == text:
                return
    except OSError:
        pass
    _write(_NAME + ".old", text)


def _write(name, text):
    new = name + ".new"
    with open(new, "w") as file:
        file.write(text)
    if hasattr(os, "sync"):
        os.sync()
    try:
        os.rename(new, name)
    except OSError:
        os.remove(name)
        os.rename(new, name)


def _read(name, faults):
    """Return (text, what it says); (None, None) with a fault if it cannot be read."""
    try:
        size = os.stat(name)[6]
        if size > _MOST:
            faults.append("%s: %d bytes; at most %d" % (name, size, _MOST))
            return None, None
        with open(name) as file:
            text = file.read()
    except (OSError, UnicodeError):
        faults.append("%s: cannot be read; copy one to the board" % name)
        return None, None
    if not text.strip():
        faults.append("%s: empty; copy one to the board" % name)
        return None, None
    try:
        return text, json.loads(text)
    except (ValueError, RuntimeError):  # RuntimeError: nested too deep
        faults.append("%s: not complete JSON; check the end of the file, commas, quotes" % name)
        return None, None


def _exists(name):
    try:
        os.stat(name)
        return True
    except OSError:
        return False


def _default_node():
    """A name that no other board has."""
    try:
        from machine import unique_id

        return "petrel-" + unique_id()[-3:].hex()
    except ImportError:
        return "petrel"
