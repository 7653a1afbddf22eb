"""The entities of a node: what Home Assistant is told about each, as a line of JSON.

Yields (key, platform, line). The key names the entity for good. A sensor's has a "_" in it, the
node's own have none. No key is used for two platforms: Home Assistant would keep both.
"""

import sys
from json import dumps

from node.homeassistant.classes import of
from node.homeassistant.outputs import AS, pairs
from node.overlay import call

_VALUE = '"{{ value_json.value }}"'
_ON = "\"{{ 'ON' if value_json.value else 'OFF' }}\""
_PRESSES = '["click","double","long"]'


def entities(node, identity, entries, commands, wifi):
    """Yield all of them. entries: what the config says about each sensor, by its number.

    commands: False if Home Assistant can't give any, because they have to be signed
    wifi: whether the node has Wi-Fi
    """
    head = '"%s":{"p":"%s","uniq_id":"' + identity + '_%s","name":%s'
    for i, sensor in enumerate(node.sensors):
        entry = entries[i] if entries else {}
        own = entry.get("homeassistant", {})
        if own is False:
            continue
        shown = own.get("as") or AS.get(sensor.driver, ("",))[0] if commands else ""
        name = own.get("name") or sensor.name.replace("_", " ")
        fields = fields_of(sensor)
        for field in fields:
            several = len(fields) > 1
            topic = node.prefix + sensor.name + ("/" + field[0] if several else "")
            platform = shown or _PLATFORMS.get(sensor.driver, "sensor")
            end = field[0] if platform == "sensor" else platform
            key = sensor.name + "_" + end
            label = name + " " + field[0].replace("_", " ") if several else name
            line = head % (key, platform, key, dumps(label))
            kind = own.get("class", "") if field is fields[-1] else ""
            if shown:
                more = pairs(
                    sensor.driver, shown, sensor.name, sensor.part, topic, node.prefix + "cmd/set"
                )
            else:
                more = _readings(platform, topic, field, kind, _rhythm(sensor))
                kind = ""
            for pair in more:
                line += ',"%s":%s' % pair
            if kind:
                line += ',"dev_cla":"%s"' % kind
            if own.get("icon"):
                line += ',"ic":%s' % dumps(own["icon"])
            yield key, platform, line + "}"
    for key, platform, name, more in _own(node, commands, wifi):
        yield key, platform, head % (key, platform, key, dumps(name)) + more + "}"


# What a driver's only field is shown as, where it is not a number.
_PLATFORMS = {
    "button": "event", "digital": "binary_sensor", "relay": "binary_sensor",
    "buzzer": "binary_sensor",
}  # fmt: skip


def fields_of(sensor):
    """Return the fields of a sensor; if its part isn't there yet, what they will be."""
    fields = getattr(sensor.part, "FIELDS", ())
    if fields:
        return fields
    entry = sensor.part.entry
    fields = call("config", "fields", "of", sensor.driver, entry)
    if "filters" in entry:
        from sensors.filters.effects import fields as behind

        fields = behind(fields, entry["filters"])
    return fields


def _rhythm(sensor):
    """Return the ms between two of its readings at most; 0: it may be silent for any time."""
    part = sensor.part
    pause = getattr(part, "pause", 0)
    if not part.FIELDS and "filters" in part.entry:
        from sensors.filters.effects import pause as found

        pause = found(part.entry["filters"])
    return sensor.interval and pause >= 0 and sensor.interval + pause


def _readings(platform, topic, field, kind, interval):
    """Yield (key, value as JSON) for what is only read."""
    yield "stat_t", dumps(topic)
    if platform == "event":
        yield "evt_typ", _PRESSES
        yield "val_tpl", dumps('{"event_type":"{{ value_json.value }}"}')
        yield "dev_cla", dumps(kind or "button")
        return
    yield "val_tpl", _ON if platform == "binary_sensor" else _VALUE
    found, unit, state = of(field[0], field[1])
    kind = kind or found
    if kind:
        yield "dev_cla", dumps(kind)
    if platform == "sensor" and field[0] != "colour":
        if unit:
            yield "unit_of_meas", dumps(unit)
        yield "stat_cla", dumps(state)
        if len(field) > 2:
            yield "sug_dsp_prc", "%d" % field[2]
    if interval:
        yield "exp_aft", expiry(interval)


def expiry(interval):
    """Return the s after which a value expires, in a fixed width so it can be changed in place.

    interval: ms between two readings
    """
    return "%-6d" % max(60, interval * 3 // 1000)


def _own(node, commands, wifi):
    """Yield (key, platform, name, more) of the node's own: its health, and its commands."""
    diagnostic = ',"ent_cat":"diagnostic","stat_t":%s,"val_tpl":%%s' % dumps(
        node.prefix + "diagnostics"
    )
    number = diagnostic + ',"stat_cla":"measurement"'
    if wifi:
        yield (
            "signal",
            "sensor",
            "signal",
            number % '"{{ value_json.rssi }}"'
            + (',"dev_cla":"signal_strength","unit_of_meas":"dBm"'),
        )
    yield (
        "uptime",
        "sensor",
        "uptime",
        diagnostic % '"{{ value_json.uptime }}"' + (',"dev_cla":"duration","unit_of_meas":"s"'),
    )
    yield (
        "memory",
        "sensor",
        "free memory",
        number % '"{{ value_json.heap_free }}"' + (',"dev_cla":"data_size","unit_of_meas":"B"'),
    )
    yield "waiting", "sensor", "waiting readings", number % '"{{ value_json.waiting }}"'
    problem = dumps(
        "{{ 'ON' if value_json.mode == 'safe' or value_json.failing is defined"
        " or value_json.faults is defined else 'OFF' }}"
    )
    yield (
        "problem",
        "binary_sensor",
        "problem",
        diagnostic % problem
        + (',"dev_cla":"problem","json_attr_t":%s' % dumps(node.prefix + "diagnostics")),
    )
    if "stage" in sys.modules:
        more = call("update", "entity", "pairs", node.prefix, commands)
        yield "update", "update", "update", more
    if commands:
        command = ',"cmd_t":"%scmd/%%s","ent_cat":"%%s","dev_cla":"%%s"' % node.prefix
        yield "reboot", "button", "restart", command % ("reboot", "config", "restart")
        yield "identify", "button", "identify", command % ("identify", "config", "identify")
