"""The command `interval`: saves it first, then changes it.

It does without node.commands.orders: a small heap has no room for both.
"""

import json
import os
import sys

from micropython import const

from node.overlay import call

_FILE = const("config.json")
_NEW = const("config.json.new")


def obey(node, payload):
    """Payload: {"sensor": name, "seconds": n}. Return the reply as JSON."""
    try:
        stage = sys.modules.get("stage")
        if stage and stage.trying:
            raise ValueError("an update is being tried; send it again in five minutes")
        reply = change(node, payload)
        if node.birth:
            call("homeassistant", "expire", "change", node, reply)
        reply["ok"] = True
    except (ValueError, KeyError, TypeError, OSError) as error:
        reply = {"ok": False, "error": str(error)}
    return json.dumps(reply)


def change(node, payload):
    """Apply the order, now and after a restart."""
    order = json.loads(payload)
    name, seconds = order["sensor"], order["seconds"]
    if not isinstance(seconds, (int, float)) or not 0.1 <= seconds <= 86400:
        raise ValueError("seconds: %r; 0.1 to 86400" % seconds)
    for sensor in node.sensors:
        if sensor.name == name:
            try:
                if node.faulty:
                    raise ValueError("fix its faults")
                save(name, seconds)
            except (OSError, ValueError, MemoryError) as error:
                raise ValueError("not saved, not changed: config.json: %s" % error)
            sensor.every(int(seconds * 1000))
            return {"sensor": name, "seconds": seconds, "saved": True}
    raise ValueError("no sensor %r" % str(name)[:32])


def save(name, seconds):
    """Change the interval of a sensor in the config, in one step.

    See node.config.load.

    Raises ValueError if the config has no such sensor, OSError if the flash fails.
    """
    with open(_FILE, "rb") as file, open(_NEW, "wb") as new:
        start, end, entry = find(file, name)
        entry["interval"] = seconds
        file.seek(0)
        copy(file, new, start)
        json.dump(entry, new, separators=(",", ":"))  # type: ignore[call-overload]  # a stub
        file.seek(end)
        copy(file, new, 1 << 20)
    if hasattr(os, "sync"):
        os.sync()
    try:
        os.rename(_NEW, _FILE)
    except OSError:  # FAT
        call("config", "load", "put", _FILE)


def find(file, name):
    """Return where a sensor begins and ends in the config, and its entry.

    A small heap has no room for a whole config, so only one sensor is in RAM at a time.
    """
    depth = at = start = 0
    quoted = escaped = False
    one = bytearray(1)
    while file.readinto(one):
        at += 1
        byte = one[0]
        if quoted:
            quoted = escaped or byte != 0x22
            escaped = byte == 0x5C and not escaped
        elif byte == 0x22:
            quoted = True
        elif byte in b"{[":
            depth += 1
            if depth == 3:  # a sensor begins, or a list within an object
                start = at - 1
        elif byte in b"}]":
            depth -= 1
            if depth == 2:
                file.seek(start)
                entry = json.loads(file.read(at - start))
                if isinstance(entry, dict) and entry.get("name") == name:
                    return start, at, entry
                entry = None
    raise ValueError("no such sensor")


def copy(file, new, size):
    """Copy that many bytes, or up to the end."""
    while size:
        piece = file.read(min(size, 64))
        if not piece:
            return
        new.write(piece)
        size -= len(piece)
