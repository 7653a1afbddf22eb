"""Writes the discovery: everything that Home Assistant is told about a node, as it will be sent.

It is a file, so that it can be sent from there with only a small piece in RAM at a time, and so
that the next one knows what to take back.

The first line has the topic, a mark of what the file was made from, and earlier topics to withdraw
("-" in place of the topic: only withdraw). The rest is the payload: a line that begins the device,
a line for each entity, and a line for each that is gone: "key":{"p":"platform"}. That one tells
Home Assistant to remove the entity. It stays in the file, because nobody knows when Home Assistant
has seen it.
"""

import sys
from json import dumps

from micropython import const

from node.overlay import call, forget

FILE = const("homeassistant.txt")
_MOST = const(64)  # entities that are gone; if there are more, the last are forgotten


def compose(node, config, mark):
    """Write the file; config: None if it isn't in RAM any more; mark: see begin()."""
    section = config.get("homeassistant") if config else {}
    try:
        topics, gone = _before()
        if topics and topics[0].endswith("$description"):
            topics = call("homie", "describe", "before", topics)
        if section and section.get("convention") == "homie":
            call("homie", "describe", "compose", node, config, mark, topics)
            return
        topic = "-"
        if section is not False:
            section = section or {}
            base, name = node.prefix[:-1].rsplit("/", 1)
            identity = name
            if base != "petrel":
                identity = base.replace("/", "_").replace(".", "_") + "-" + name
            topic = "%s/device/%s/config" % (section.get("prefix", "homeassistant"), identity)
        former = [each for each in topics if each not in (topic, "-")]
        head = " ".join([topic, mark or "-"] + former) + "\n"
        with open(FILE + ".new", "wb") as file:
            file.write(head.encode())
            if section is not False:
                file.write(_device(node, name, identity, section.get("area")).encode())
                _write(file, node, config, identity, gone)
        call("config", "load", "put", FILE)
    finally:
        forget("entities", "classes", "outputs", package="node.homeassistant")
        forget("telemetry", package="node.health")


def _write(file, node, config, identity, gone):
    """Write the entities; gone: how the lines of the earlier ones began."""
    from node.homeassistant.entities import entities

    commands = not (config.get("commands", {}).get("secret") if config else node.secret)
    entries = config["sensors"] if config else None
    wifi = "wifi" in config if config else node.wifi and node.wifi[0]
    comma = "\n"
    for key, platform, line in entities(node, identity, entries, commands, wifi):
        tag = '"%s":{"p":"%s"' % (key, platform)
        if tag in gone:
            gone.remove(tag)
        file.write((comma + line).encode())
        comma = ",\n"
    for tag in gone[:_MOST]:
        file.write((comma + tag + "}").encode())
    file.write(b"\n}}")


def _device(node, name, identity, area):
    from node.health.telemetry import VERSION, board

    runs = VERSION
    if "stage" in sys.modules:
        runs = call("update", "begin", "running", sys.modules["stage"])[0]
    area = ',"sa":%s' % dumps(area) if area else ""
    return (
        '{"dev":{"ids":"%s","name":"%s","mf":"Petrel","mdl":%s,"sw":"%s"%s},'
        '"o":{"name":"Petrel","sw":"%s"},"avty_t":"%sstatus","cmps":{'
        % (identity, name, dumps(board()), runs, area, VERSION, node.prefix)
    )


def _before():
    """Return the topics in the file, and how the line of each entity in it begins."""
    tags = []
    try:
        with open(FILE) as file:
            topics = file.readline().split()
            del topics[1:2]  # the mark
            for line in file:
                end = line.find('"', line.find('":{"p":"') + 8)
                if line[0] == '"' and end > 0:
                    tags.append(line[: end + 1])
    except (OSError, ValueError):  # there is none, or it is damaged
        topics = []
    return topics, tags
