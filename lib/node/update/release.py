"""The manifest of an update: one line of JSON. See docs/updates.md. Loaded, used, forgotten."""

import json
import sys

from micropython import const

from node.overlay import call

_LINE = const(600)
_FORMAT = const(1)
_FILES = const(400)
_LIST = const(32_768)
_VERSION = const(32)
_SERIAL = const(0x3FFF_FFFF)
_SIZE = const(16_777_216)


def parse(line):
    """Return it as a dict; ValueError says what is wrong with it. line: bytes"""
    if len(line) > _LINE:
        raise ValueError("the manifest has %d bytes; 600 are allowed" % len(line))
    for byte in line:
        if not 32 < byte < 127:
            raise ValueError("the manifest isn't plain JSON")
    try:
        found = json.loads(line)
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise ValueError("the manifest isn't JSON")
    if found.get("update") != _FORMAT:
        raise ValueError("update: %r; this node knows format 1" % found.get("update"))
    for key, least, most in (
        ("serial", 1, _SERIAL), ("mpy", 0, 255), ("files", 1, _FILES), ("size", 0, _SIZE),
        ("downgrade", 0, _SERIAL),
    ):  # fmt: skip
        value = found.get(key, 0 if key == "downgrade" else None)
        if type(value) is not int or not least <= value <= most:
            raise ValueError("%s: %r; a number from %d to %d" % (key, value, least, most))
    for key in ("board", "version"):
        value = found.get(key)
        if not isinstance(value, str) or not 0 < len(value) <= _VERSION:
            raise ValueError("%s: %r" % (key, value))
    entry = found.get("list")
    if (
        not isinstance(entry, list) or len(entry) != 2
        or type(entry[0]) is not int or not 0 < entry[0] <= _LIST
        or not call("update", "listing", "is_hash", entry[1])
    ):  # fmt: skip
        raise ValueError("list: %r; [bytes, SHA-256]" % entry)
    return found


def judge(found, board, highest):
    """ValueError if the node can't take it. highest: the highest serial that was good here"""
    if found["board"] != board:
        raise ValueError("it is for %s, and this is %s" % (found["board"], board))
    mpy = getattr(sys.implementation, "_mpy", 0) & 255
    if found["mpy"] != mpy:
        said = "its .mpy files are of version %d, and this firmware loads %d"
        raise ValueError(said % (found["mpy"], mpy))
    serial = found["serial"]
    if serial <= highest and not ("downgrade" in found and highest <= found["downgrade"]):
        raise ValueError("serial %d: not higher than %d, which was good here" % (serial, highest))
