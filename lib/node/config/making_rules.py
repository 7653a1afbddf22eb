"""Gives a node its rules. Needed once, before the client is made, then forgotten.

Compiling rules takes a lot of code, whose names stay in RAM for good. So it is done only when the
config or Petrel has changed, and then the board starts afresh; see node.rules.compile.
"""

import hashlib
import json
import os

from micropython import const

from node.overlay import call
from node.rules.engine import Engine
from node.sensor import Sensor

_FILE = const("rules.txt")


def begin(node, config):
    """Have the node look at its rules. Takes them out of the config, whose RAM is needed."""
    said = config.pop("rules of a node"[:5])  # a short text would be a name that stays in RAM
    if node.safe or not said:
        return
    try:
        mark = digest()
        try:
            with open(_FILE) as file:
                if file.readline().strip() == mark:
                    said = None
                    _make(node, file)
                    return
        except OSError:  # there is none
            pass
        call("rules", "compile", "compile", node, config, said, mark)
        if "update" in os.listdir():
            call("update", "begin", "again")
        node.ended = "the rules are compiled; starting afresh"
    except (OSError, ValueError, MemoryError) as error:  # the readings go on
        node.failed("rules", error)


def digest():
    """Return a mark of what the file is made from: the config, and what runs."""
    found = hashlib.sha256(call("health", "telemetry", "version").encode())
    with open("config.json", "rb") as file:
        while True:
            piece = file.read(64)
            if not piece:
                return found.digest()[:4].hex()
            found.update(piece)


def _make(node, file):
    """Make the engine from the file."""
    names, count, place, off = json.loads(file.readline())
    made = []
    for line in file:
        rule = json.loads(line)
        rule[0] = tuple(rule[0])
        for i in (2, 3):
            acts = []
            for name, value, seconds in rule[i]:
                for sensor in node.sensors:
                    if sensor.name == name:
                        acts.append((sensor, value, seconds))
            rule[i] = tuple(acts)
        made.append(tuple(rule))
    engine = Engine(node, tuple(made), [None] * len(names), [None] * count, place)
    engine.off = off
    _watch(node, engine, names)
    sensor = Sensor(node, "rules", "rules")
    sensor.hold(engine, 0, False, None)
    node.sensors.append(sensor)
    Engine.__init__ = None  # type: ignore  # no other is made, and RAM is short


def _watch(node, engine, names):
    """Have the engine learn the values of these names."""
    watched = []
    events = []
    topics = []
    for slot, name in enumerate(names):
        if name[0] == "'":
            engine.known[name[1:]] = slot
            topics.append(name[1:])
        else:
            engine.known[node.prefix + name] = slot
    for sensor in node.sensors:
        slots = []
        for slot, name in enumerate(names):
            parts = name.split("/")
            if parts[0] == sensor.name:
                slots.append((slot, _part(sensor.part, parts[-1])))
                if getattr(sensor.part, "STATE", True) is False:
                    events.append(slot)
                    engine.values[slot] = 0
        if slots:
            watched.append((sensor, tuple(slots)))
            if sensor.deliver:
                engine.behind[sensor.name] = sensor.deliver
            sensor.deliver = engine.deliver
    engine.heard = tuple(watched)
    engine.past = tuple(events)
    if topics:
        engine.asked = tuple(topics)
        node.on_message = engine.take


def _part(part, field):
    """Return which of its values a field is."""
    for i, about in enumerate(getattr(part, "FIELDS", ())):
        if about[0] == field:
            return i
    return 0
