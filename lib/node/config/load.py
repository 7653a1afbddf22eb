"""Finds the node's config, and fills in its defaults.

A config.json that equals the last good one isn't checked again, which saves a small board the RAM
for the check.

There are three files. config.json is the one that counts. config.json.old is the last one that
passed the check; it is used if config.json is missing, cut short or wrong. config.json.new exists
only during a save. If config.json is missing or empty, a power cut came at the worst moment of a
save on a FAT file system, and config.json.new is complete. If there is none of the three, the node
uses the one that was built into the firmware as `board.CONFIG`, if any.

Saving writes .new and renames it over config.json, which littlefs does in one step. On FAT a
rename that is cut leaves both names for the same bytes, and removing or overwriting one of
them later takes these from the other. So there the bytes are copied, see put().
"""

import json
import os
import sys

from micropython import const

from node.overlay import call

NAME = "config.json"
_MOST = const(16_384)  # bytes; a board may take fewer, see node.config.verdict


def load():
    """Return (config, faults, state): the complete config or None, and what is wrong with it.

    state: "degraded" if only the connection can be used, because the rest of the only config is
    wrong; "new" if it was checked and kept just now; otherwise "".
    """
    stage = sys.modules.get("stage")
    if stage and stage.trying:
        call("config", "migrate", "migrate")
    for name in os.listdir():
        if name.startswith("config.json.change"):  # a command has changed the config, or is to
            call("config", "change", "boot")
            break
    cut = not exists(NAME) and exists(NAME + ".new")
    faults = []
    text = read(NAME + ".new" if cut else NAME, faults)
    if cut:
        try:
            put(NAME)
        except OSError:  # the flash is full
            pass
    old = read(NAME + ".old", [])
    try:
        state = ""
        if text and text == old:
            config = json.loads(text)  # it was checked when it was kept
        else:
            config, state = call("config", "check", "check", text, old, faults)
        return config and complete(config), faults, state
    finally:
        sys.modules.pop("board", None)


def complete(config):
    """Fill in what a good config leaves out."""
    mqtt = config["mqtt"]
    defaults = {
        "base": "petrel",
        "sensors": [],
        "diagnostics": 300,
        "queue": 32,
        "outbox": 65_536,
        "watchdog": 0,
        "restart": 3600,
        "ntp": "pool.ntp.org",
    }
    for key in defaults:
        config.setdefault(key, defaults[key])
    mqtt.setdefault("keepalive", 60)
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


def keep(text):
    """Keep a good config, in bytes, as config.json.old, unless it is there already."""
    try:
        with open(NAME + ".old", "rb") as file:
            if file.read() == text:
                return
    except OSError:
        pass
    write(NAME + ".old", text)


def write(name, text):
    """Write a file of bytes in one step."""
    with open(name + ".new", "wb") as file:
        file.write(text)
    put(name)


def put(name):
    """Have the file name.new, which is complete, take the place of the file of that name."""
    new = name + ".new"
    if hasattr(os, "sync"):
        os.sync()
    if not exists(new.upper()):  # not FAT, for which it is the same name
        os.rename(new, name)
        return
    with open(new, "rb") as file, open(name, "wb") as out:
        piece = file.read(64)
        while piece:
            out.write(piece)
            piece = file.read(64)
    os.remove(new)


def read(name, faults, most=_MOST):
    """Return a file's bytes without a byte order mark; None, and a fault, if it can't be read."""
    try:
        size = os.stat(name)[6]
        if size > most:
            faults.append("%s: %d bytes. It can have %d at most." % (name, size, most))
            return None
        with open(name, "rb") as file:
            text = file.read()
    except OSError:
        faults.append("%s: there is none that can be read. Copy one to the board." % name)
        return None
    except MemoryError:
        faults.append("%s: %d bytes. This board has no memory for so many." % (name, size))
        return None
    if text[:3] == b"\xef\xbb\xbf":
        text = text[3:]
    return text


def exists(name):
    """Return whether there is a file of that name with anything in it."""
    try:
        return os.stat(name)[6] > 0
    except OSError:
        return False
