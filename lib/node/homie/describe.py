"""What a node says of itself by the Homie convention, version 5: its $description.

It is in the same file as Home Assistant's discovery and is sent in the same way, see
node.homeassistant.compose: a line for each node of Homie's, which is a sensor here, and one for
each property. The topics to clear are those of properties that are gone.
"""

import time
from json import dumps

from micropython import const

from node.homeassistant.classes import of
from node.homeassistant.entities import fields_of
from node.homeassistant.outputs import AS
from node.overlay import call

_FILE = const("homeassistant.txt")
_NODE = const('"properties":{')  # in the line of a node; quotes within a name are escaped
_PROPERTY = const('"datatype":"')
_ATTRIBUTE = const("$description")
_MOST = const(24)  # topics to clear; if there are more, the others stay with the broker
_SET = const(1_704_067_200)  # 2024; a clock that says less isn't set


def compose(node, config, mark, earlier):
    """Write the file; earlier: the topics of the one before, see before()."""
    base, name = node.prefix[:-1].rsplit("/", 1)
    own = name
    if base != "petrel":
        own = base.replace("/", "-").replace(".", "-") + "-" + name
    base = "%s/5/%s/" % (config["homeassistant"].get("prefix", "homie"), identifier(own))
    # The broker's last will can only be $state, so nobody would end the node's other status.
    gone = [node.prefix + "status"] + [each for each in earlier if each != "-"]
    for topic in _topics(node, config, base):
        if topic in gone:
            gone.remove(topic)
    head = " ".join([base + _ATTRIBUTE, mark] + gone[:_MOST])
    number = _version()
    with open(_FILE + ".new", "w") as file:
        file.write(head + "\n")
        _write(file, node, config, name, number)
    call("config", "load", "put", _FILE)


def before(topics):
    """Return all topics that the description in the file has; topics: those of its first line."""
    base = topics[0][: -len(_ATTRIBUTE)]
    found = [base + "$state"] + topics
    name = ""
    with open(_FILE) as file:
        for line in file:
            if _NODE in line:
                name = line.split('"')[1]
            elif _PROPERTY in line:
                found.append("%s%s/%s" % (base, name, line.split('"')[1]))
    return found


def identifier(name):
    """Return a name in the characters that Homie allows."""
    return name.lower().replace("_", "-")


def _topics(node, config, base):
    yield base + "$state"
    yield base + _ATTRIBUTE
    for sensor, fields, _ in _exposed(node, config):
        for field in fields:
            yield "%s%s/%s" % (base, identifier(sensor.name), identifier(field[0]))


def _exposed(node, config):
    """Yield each sensor that is shown, with its fields and what the config says about that."""
    for i, sensor in enumerate(node.sensors):
        own = config["sensors"][i].get("homeassistant", {})
        if own is not False:
            yield sensor, fields_of(sensor), own


def _version():
    """Return the version of the next description, which has to be higher than the last."""
    now = int(time.time()) + (946_684_800 if time.gmtime(0)[0] == 2000 else 0)
    try:
        with open(_FILE) as file:
            file.readline()
            text = file.readline()
        at = text.find('"version":') + 10
        last = int(text[at : text.find(",", at)]) if at > 9 else 0
    except (OSError, ValueError):  # there is none, or it is damaged
        last = 0
    return max(last + 1, now if now > _SET else 0)


def _write(file, node, config, name, number):
    settable = not config.get("commands", {}).get("secret")
    file.write(
        '{"homie":"5.0","version":%d,"name":"%s","type":"petrel","nodes":{' % (number, name)
    )
    comma = "\n"
    for sensor, fields, own in _exposed(node, config):
        shown = own.get("name") or sensor.name.replace("_", " ")
        head = '%s"%s":{"name":%s,"type":"%s",' + _NODE
        file.write(head % (comma, identifier(sensor.name), dumps(shown), sensor.driver))
        comma = "\n"
        for field in fields:
            head = '%s"%s":{"name":"%s",' % (
                comma, identifier(field[0]), field[0].replace("_", " ")
            )  # fmt: skip
            file.write(head + _property(sensor, field, settable))
            comma = ",\n"
        file.write("\n}}")
    file.write("\n}}")


_DATATYPES = {
    "relay": "boolean", "buzzer": "boolean", "digital": "boolean", "rotary": "integer",
    "button": 'enum","format":"click,double,long', "pixels": 'color","format":"rgb',
    "dimmer": 'float","format":"0:100',
}  # fmt: skip


def _property(sensor, field, settable):
    """Return the attributes of a property, as in JSON."""
    driver = sensor.driver
    event = driver == "button" or getattr(sensor.part, "STATE", True) is False
    found = _DATATYPES.get(driver, "string" if event else "float")
    if driver == "servo":
        found = 'float","format":"0:%g' % getattr(sensor.part, "range", 90)
    line = _PROPERTY + found + '"'
    unit = of(field[0], field[1])[1]
    if unit:
        line += ',"unit":%s' % dumps(unit)
    if settable and driver in AS:
        line += ',"settable":true'
    if event:
        line += ',"retained":false'
    return line + "}"
