"""Changes the config: makes a new one, puts it into its place, and takes it back.

A command (node.commands.config) has put what it brought into config.json.change. A board with much
RAM makes and checks the new config at once. Another one restarts first: boot() makes it, and the
check of each new config follows.

config.json.changed says that the config in use has yet to prove itself, see node.config.changed,
and config.json.before is the one before. Each step of this is one step on the flash, so a power
cut at any moment leaves a config that was good.
"""

import json

from micropython import const

from node.config.load import NAME, exists, put, read
from node.config.record import note, pending, record, remove, tell
from node.config.used import mark
from node.overlay import call, forget

_CHANGE = const("config.json.change")
_BEFORE = const("config.json.before")
_MARK = b"\xef\xbb\xbf"  # which some editors put before a text
_SECONDS = const(300)  # in which the node has to connect with a new config


def boot():
    """Finish at the start what was begun before; restarts if the config has changed."""
    try:
        _boot()
    finally:
        forget("record", "used", package="node.config")


def _boot():
    remove(_CHANGE + ".new")
    if exists(_CHANGE):
        if not pending():
            try:
                store(*make())
            except (OSError, ValueError) as error:
                tell(str(error))
            except MemoryError:
                tell("not enough memory to change so large a config; nothing was changed")
        remove(_CHANGE)
    else:
        trial = record()
        if not trial or "back" not in trial:
            return
        if trial.get("mark") != mark(NAME) or not exists(_BEFORE):  # it is back
            remove(_BEFORE)
            return
        copy(_BEFORE, NAME)
        remove(_BEFORE)
    from machine import soft_reset

    soft_reset()


def now():
    """Make and check the new config at once; return (faults, warnings). It is stored if good."""
    try:
        left, base = make()
        warnings = []
        faults = call("config", "check", "judged", read(NAME + ".new", []), warnings)[1]
        if faults:
            remove(NAME + ".new")
        else:
            store(left, base)
        remove(_CHANGE)
        return faults, warnings
    finally:
        forget("load", "record", "used", package="node.config")


def make():
    """Make the new config, config.json.new, of its base.

    Returns the s that it has to prove itself, and the name of its base. Raises ValueError if it
    can't be one.
    """
    with open(_CHANGE, "rb") as file:
        whole, base, its = str(file.readline(), "utf-8").split()
        text = file.read()
    if its != mark(base):
        raise ValueError("the config has changed meanwhile; send it again")
    fault = call("config", "strict", "fault", text)
    if fault:
        raise ValueError("payload: " + fault)
    with open(base, "rb") as file:
        if file.read(3) != _MARK:
            file.seek(0)
        config = json.load(file)
    if whole == "whole":
        config.pop("sensors", None)  # two of them would take too much RAM
        part, config = config, json.loads(text)
    else:
        part = json.loads(text)
    text = None
    if not isinstance(config, dict) or not isinstance(part, dict):
        raise ValueError('payload: it has to be an object, {"sensors": ...}.')
    call("config", "merge", "keep" if whole == "whole" else "patch", config, part)
    wifi = config.get("wifi")
    if isinstance(wifi, dict) and "ssid" not in wifi:
        raise ValueError("wifi.ssid: missing. The node would be cut off.")
    with open(NAME + ".new", "w") as file:
        json.dump(config, file, separators=(",", ":"))  # type: ignore[call-overload]
    commands = config.get("commands")
    left = commands.get("trial", _SECONDS) if isinstance(commands, dict) else _SECONDS
    return left if isinstance(left, int) else _SECONDS, base


def store(left, base):
    """Put config.json.new into its place, and keep the one before."""
    if mark(_BEFORE) != mark(base):  # a power cut may have come behind it
        copy(base, _BEFORE)
    note({"mark": mark(NAME + ".new"), "left": left})
    put(NAME)


def copy(name, to):
    """Copy a file, in one step; there need not be room for it in RAM."""
    with open(name, "rb") as file, open(to + ".new", "wb") as new:
        while True:
            piece = file.read(64)
            if not piece:
                break
            new.write(piece)
    put(to)
