"""The command `interval`: saves it first, then changes it. See node.commands.orders."""

import json
import os

from micropython import const

from node.overlay import call

_FILE = const("config.json")
_NEW = const("config.json.new")


def obey(node, payload):
    """Payload: {"sensor": name, "seconds": n}. Applies now, and after a restart."""
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
        if not copy(file, new, name, seconds):
            raise ValueError("no such sensor")
    if hasattr(os, "sync"):
        os.sync()
    try:
        os.rename(_NEW, _FILE)
    except OSError:  # FAT
        call("config", "load", "put", _FILE)


def copy(file, new, name, seconds):
    """Copy the config with the change; return whether the sensor was there.

    A small heap has no room for a whole config, so only one sensor is in RAM at a time.
    """
    depth = 0
    quoted = escaped = found = False
    held = bytearray()
    while True:
        piece = file.read(64)
        if not piece:
            return found
        for byte in piece:
            held.append(byte)
            if quoted:
                quoted = escaped or byte != 0x22
                escaped = byte == 0x5C and not escaped
            elif byte == 0x22:
                quoted = True
            elif byte in b"{[":
                depth += 1
                if depth == 3:  # a sensor begins, or a list within an object
                    new.write(held[:-1])
                    held = held[-1:]
            elif byte in b"}]":
                depth -= 1
                if depth == 2:
                    entry = json.loads(bytes(held))
                    if isinstance(entry, dict) and entry.get("name") == name:
                        entry["interval"] = seconds
                        held = bytearray(json.dumps(entry, separators=(",", ":")).encode())
                        found = True
        if depth < 3:
            new.write(held)
            held = bytearray()
