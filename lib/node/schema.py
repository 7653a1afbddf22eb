"""What a config may say: checked at the boot, with messages that name the path and what to do.

Imported for the check and forgotten after it. The rules stand in functions, so that they cost RAM
only while they are used. Nothing in a config, however it is nested or typed, makes it raise.
"""

import sys

from node.overlay import call
from node.roles import roles

_NAME = "1 to 32 of the characters A-Z a-z 0-9 _ -"
_RESERVED = ("status", "diagnostics", "cmd", "reply")


def _rules():
    """Section -> key -> (Ellipsis if required, type, least, most, what is wanted)."""
    return {
        "": {
            "node": (None, "name"),
            "base": (None, "topic"),
            "wifi": (None, "object"),
            "mqtt": (..., "object"),
            "sensors": (None, "list"),
            "diagnostics": (None, int, 10, 86400),
            "queue": (None, int, 1, 1024),
            "outbox": (None, int, 8192, 1 << 24),
            "ntp": (None, str, 0, 255),
            "watchdog": (None, int, 0, 3600),
            "restart": (None, int, 0, 604_800),
            "commands": (None, "object"),
        },
        "wifi": {
            "ssid": (..., str, 1, 32, "the name of the network"),
            "password": (None, str, 8, 64),
            "hostname": (None, "name"),
        },
        "mqtt": {
            "host": (..., "hosts"),
            "port": (None, int, 1, 65535),
            "user": (None, str, 1, 255),
            "password": (None, str, 1, 255),
            "keepalive": (None, int, 5, 65535),
            "client_id": (None, str, 1, 128),
            "ca": (None, str, 1, 64),
            "verify": (None, (True, False)),
            "serial": (None, "serial"),
            "baud": (None, int, 9600, 921_600),
        },
        "commands": {
            "secret": (None, str, 16, 64),
        },
        "sensor": {
            "name": (..., "name"),
            "driver": (..., str, 1, 24, "a module of lib/sensors"),
            "interval": (None, float, 0.1, 86400),
            "delivery": (None, ("queue", "latest", "must_deliver")),
            "retain": (None, (True, False)),
        },
    }


def check(config, board=None, warnings=None):
    """Return what is wrong with a config, a list of lines; empty if nothing is.

    config: whatever JSON gave; board: the module with the board's facts, or None: no pin checks
    warnings: a list, to which is added what may go well and may not
    """
    faults = []
    if not isinstance(config, dict):
        return ["config.json: an object is wanted"]
    rules = _rules()
    mqtt = config.get("mqtt")
    serial = isinstance(mqtt, dict) and "serial" in mqtt
    if serial:
        rules["mqtt"]["host"] = (None, "hosts")
    _section(faults, "", config, rules[""])
    for name in ("wifi", "mqtt", "commands"):
        if isinstance(config.get(name), dict):
            _section(faults, name + ".", config[name], rules[name])
    if isinstance(mqtt, dict) and "password" in mqtt and "user" not in mqtt:
        faults.append("mqtt.user: missing; a password needs a user")
    if isinstance(mqtt, dict) and mqtt.get("verify") is True and "ca" not in mqtt:
        faults.append("mqtt.ca: missing; the file with the authority that signed the broker's")
    if serial:
        _over_serial(faults, config, mqtt)
    elif isinstance(mqtt, dict) and "baud" in mqtt:
        faults.append("mqtt.baud: belongs to mqtt.serial; remove it")
    if board:
        if board.WIFI and "wifi" not in config and not serial:
            faults.append('wifi: missing; {"ssid": "...", "password": "..."}')
        if not board.WIFI and "wifi" in config:
            faults.append("wifi: %s has none; remove it" % board.ID)
    names = {}
    sensors = config.get("sensors", ())
    sensors = sensors if isinstance(sensors, (list, tuple)) else ()
    pins = {"named": _named(sensors)}
    for i, sensor in enumerate(sensors):
        path = "sensors[%d]" % i
        if isinstance(sensor, dict):
            _sensor(faults, path, sensor, rules["sensor"], board, names, pins, warnings)
        else:
            faults.append("%s: an object is wanted" % path)
    return faults


def _over_serial(faults, config, mqtt):
    """What a config must not say where MQTT goes over a serial line."""
    for key in ("host", "port", "ca", "verify"):
        if key in mqtt:
            faults.append("mqtt.%s: not with mqtt.serial; the bridge knows the broker" % key)
    if "wifi" in config:
        faults.append("wifi: not with mqtt.serial; remove one of the two")
    if mqtt["serial"] == "usb" and "baud" in mqtt:
        faults.append("mqtt.baud: belongs to a UART, and mqtt.serial is usb; remove it")


def _sensor(faults, path, sensor, rules, board, names, pins, warnings):
    driver = None
    name = sensor.get("driver")
    if isinstance(name, str) and name:
        driver = _driver(name)
        if driver is None:
            faults.append("%s.driver: no %s; a module of lib/sensors" % (path, _shown(name)))
        else:
            rules = dict(rules)
            options = driver.options()
            for key, _ in roles(driver.USES):
                rules[key] = (..., "pin")
            for key, option in options.items():
                rules[key] = _option_rule(option)
    before = len(faults)
    _section(faults, path + ".", sensor, rules, driver is not None)
    name = sensor.get("name")
    if isinstance(name, str):
        if name in _RESERVED:
            faults.append(
                '%s.name: "%s" is a topic of the node itself; choose another' % (path, name)
            )
        elif name in names:
            faults.append('%s.name: "%s" is that of %s too' % (path, name, names[name]))
        names[name] = path
    if driver and len(faults) == before:
        rules = None
        asked = _asked(driver, sensor, options)
        if sensor.get("retain") and getattr(driver.DRIVER, "STATE", True) is False:
            faults.append(
                "%s.retain: true is wrong; a %s tells events, and a retained one would seem to "
                "happen again; remove it" % (path, sensor["driver"])
            )
        elif "wrong" in asked:
            faults.append("%s.%s" % (path, asked["wrong"]))
        elif board:
            uses = driver.USES
            driver = None
            _forget_drivers()
            about = (path, sensor, uses, options, asked)
            call("pins", "check", faults, about, board, pins, warnings)


def _asked(driver, sensor, options):
    """What a driver demands, or says is wrong, where it does; see docs/drivers.md."""
    if not hasattr(driver, "demands"):
        return {}
    return driver.demands({key: sensor.get(key, options[key][0]) for key in options})


def _named(sensors):
    """All numbers and texts of the sensors, the pins among them."""
    named = []
    for sensor in sensors:
        for key in sensor if isinstance(sensor, dict) else ():
            if isinstance(sensor[key], (int, str)) and key not in ("name", "driver", "interval"):
                named.append(sensor[key])
    return named


def _forget_drivers():
    """One driver after the other, for all of them are more than a small heap has room for."""
    for name in list(sys.modules):
        if name.startswith("sensors"):
            del sys.modules[name]


def _option_rule(option):
    default = option[0]
    if default is ...:
        return option
    if len(option) == 3:
        return (None, float if isinstance(default, float) else int, option[1], option[2])
    if len(option) == 2:
        return (None, option[1])
    return (None, str, 0, 16)


def _driver(name):
    """The driver's module; None if there is none. A name is letters, digits and _ alone."""
    if not all("a" <= c <= "z" or "0" <= c <= "9" or c == "_" for c in name):
        return None
    try:
        module = __import__("sensors." + name, None, None, ("DRIVER",))
    except ImportError:
        return None
    return module if hasattr(module, "DRIVER") else None


def _section(faults, path, section, rules, closed=True):
    for key, rule in rules.items():
        if key in section:
            wrong = _wrong(section[key], rule)
            if wrong:
                # A section of a wrong type may be a secret, or an address with one in it.
                secret = key in ("password", "secret") or rule[1] == "object"
                shown = "it" if secret else _shown(section[key])
                faults.append("%s%s: %s is wrong; %s" % (path, key, shown, wrong))
        elif rule[0] is ...:
            what = rule[4] if len(rule) > 4 else _wanted(rule)
            faults.append("%s%s: missing; %s" % (path, key, what))
    for key in section if closed else ():
        if key not in rules:
            close = [name for name in rules if _near(key, name)]
            hint = 'did you mean "%s"?' % close[0] if close else "there are " + _list(rules)
            faults.append("%s%s: unknown key; %s" % (path, key[:32], hint))


def _wrong(value, rule):
    """What is wanted instead of the value; None if the value will do."""
    kind = rule[1]
    if kind == "object":
        good = isinstance(value, dict)
    elif kind == "hosts":
        names = value if isinstance(value, (list, tuple)) else (value,)
        good = 0 < len(names) < 9
        good = good and all(isinstance(name, str) and 0 < len(name) < 256 for name in names)
    elif kind == "list":
        good = isinstance(value, (list, tuple))
    elif kind == "serial":
        good = value == "usb" or type(value) is int and 0 <= value < 10
        good = good or isinstance(value, str) and 0 < len(value) < 3 and _plain(value, "")
    elif kind == "points":
        good = isinstance(value, (list, tuple)) and 4 <= len(value) <= 64 and not len(value) & 1
        good = good and all(type(each) in (int, float) for each in value)
        good = good and all(a < b for a, b in zip(value[::2], value[2::2]))
    elif kind == "pin":
        good = isinstance(value, (int, str)) and not isinstance(value, bool)
    elif kind == "name":
        good = isinstance(value, str) and 0 < len(value) <= 32 and _plain(value, "_-")
    elif kind == "topic":
        good = isinstance(value, str) and 0 < len(value) <= 64 and _plain(value, "_-/.")
        good = good and value[0] != "/" and value[-1] != "/"
    elif isinstance(kind, tuple):
        good = any(value is choice or value == choice for choice in kind)
        # 1 is True as well
        good = good and isinstance(value, bool) == any(isinstance(each, bool) for each in kind)
    elif kind is str:
        good = isinstance(value, str) and rule[2] <= len(value) <= rule[3]
    else:
        good = isinstance(value, (int, float) if kind is float else int)
        good = good and not isinstance(value, bool) and rule[2] <= value <= rule[3]
    return None if good else _wanted(rule)


def _wanted(rule):
    kind = rule[1]
    if isinstance(kind, tuple):
        return "one of " + ", ".join([_shown(choice) for choice in kind])
    if kind is str:
        return "text of %d to %d characters" % (rule[2], rule[3])
    if kind is int or kind is float:
        what = "whole number" if kind is int else "number"
        return "a %s from %s to %s" % (what, rule[2], rule[3])
    return {
        "object": "an object is wanted",
        "list": "a list is wanted",
        "hosts": 'the broker\'s name or address, such as "192.168.1.10", or a list of up to 8',
        "serial": '"usb", or the number of a UART, or its name, such as "XA"',
        "pin": "the number or name of a pin",
        "points": "[volts, value, volts, value, ...], volts rising, at least two points",
        "name": _NAME,
        "topic": "a topic prefix without wildcards, and without / at its ends",
    }[kind]


def _plain(text, more):
    return all("a" <= c <= "z" or "A" <= c <= "Z" or "0" <= c <= "9" or c in more for c in text)


def _shown(value):
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, str):
        return '"%s"' % value[:32]
    if isinstance(value, dict):
        return "an object"
    return "a list" if isinstance(value, (list, tuple)) else str(value)


def _list(names):
    return ", ".join(sorted(names))


def _near(a, b):
    """True if one or two letters were changed, left out, added or swapped."""
    if abs(len(a) - len(b)) > 2 or len(a) > 24:
        return False
    row = list(range(len(b) + 1))
    for i, x in enumerate(a):
        last, row = row, [i + 1]
        for j, y in enumerate(b):
            row.append(min(row[j] + 1, last[j + 1] + 1, last[j] + (x != y)))
    return row[-1] <= (2 if len(b) > 3 else 1)
