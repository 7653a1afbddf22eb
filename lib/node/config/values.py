"""Checks a value against a rule of the schema, and says what is wanted instead."""

from node.overlay import call

_NAME = "1 to 32 of the characters A-Z a-z 0-9 _ -"


def wrong(value, rule):
    """Return what is wanted instead of the value; None if the value is good."""
    kind = rule[1]
    if kind == "object":
        good = isinstance(value, dict)
    elif kind == "or false":
        good = isinstance(value, dict) or value is False
    elif kind == "any":
        good = True
    elif kind == "act":
        good = isinstance(value, (dict, list, tuple))
    elif kind == "list":
        good = isinstance(value, (list, tuple))
    elif isinstance(kind, tuple):
        good = any(value is choice or value == choice for choice in kind)
        # 1 is True as well
        good = good and isinstance(value, bool) == any(isinstance(each, bool) for each in kind)
    elif kind is int or kind is float:
        good = isinstance(value, (int, float) if kind is float else int)
        good = good and not isinstance(value, bool) and rule[2] <= value <= rule[3]
    elif kind == "hosts":
        names = value if isinstance(value, (list, tuple)) else (value,)
        good = 0 < len(names) < 9
        good = good and all(isinstance(name, str) and 0 < len(name) < 256 for name in names)
    elif kind == "points":
        good = isinstance(value, (list, tuple)) and 4 <= len(value) <= 64 and not len(value) & 1
        good = good and all(type(each) in (int, float) and abs(each) < 1e30 for each in value)
        good = good and all(a < b for a, b in zip(value[::2], value[2::2]))
    elif kind == "pin":
        good = isinstance(value, (int, str)) and not isinstance(value, bool)
    elif kind == "websocket":
        good = value is True or isinstance(value, str) and 0 < len(value) < 128
    elif kind == "serial":
        good = value == "usb" or type(value) is int and 0 <= value < 10
        good = good or isinstance(value, str) and 0 < len(value) < 3 and plain(value, "")
    else:
        good = isinstance(value, str) and _text(value, kind, rule)
    if good:
        return None
    quoted = isinstance(value, str) and (kind is int or kind is float)
    return wanted(rule) + (", without quotes" if quoted else "")


def _text(value, kind, rule):
    size = len(value.encode())
    if kind is str:
        return rule[2] <= size <= rule[3] and "\0" not in value
    if kind == "ntp":
        return size < 256
    if kind == "ssid":
        return 0 < size <= 32
    if kind == "wifi":
        digits = all(c in "0123456789abcdefABCDEF" for c in value)
        return 8 <= size <= 63 or size == 64 and digits
    if kind == "icon":
        return size <= 64 and plain(value, "-:") and ":" in value
    if kind == "name":
        return 0 < size <= 32 and plain(value, "_-")
    if kind == "file":
        return 0 < size <= 64 and plain(value, "_-./") and value[0] != "/" and ".." not in value
    return 0 < size <= 64 and plain(value, "_-/.") and value[0] != "/" and value[-1] != "/"


def wanted(rule):
    kind = rule[1]
    if len(rule) > 4:
        return rule[4]
    if isinstance(kind, tuple):
        return "one of " + ", ".join([shown(choice) for choice in kind])
    if kind is str:
        return "text of %d to %d characters" % (rule[2], rule[3])
    if kind is int or kind is float:
        what = "whole number" if kind is int else "number"
        return "a %s from %s to %s" % (what, rule[2], rule[3])
    return {
        "object": "an object, {...}",
        "or false": "an object, {...}, or false",
        "list": "a list, [...]",
        "hosts": 'the broker\'s name or address, such as "192.168.1.10", or a list of up to 8',
        "ntp": 'the name of a time server, or "" for none',
        "ssid": "the network's name, 1 to 32 bytes",
        "wifi": "8 to 63 characters or 64 hexadecimal digits, or leave it out for an open network",
        "file": 'a file beside config.json, such as "ca.pem"; A-Z a-z 0-9 _ - . / are allowed',
        "serial": '"usb", or the number of a UART, or its name, such as "XA"',
        "pin": "the number or name of a pin",
        "points": "[volts, value, volts, value, ...], volts rising, at least two points",
        "name": _NAME,
        "topic": "1 to 64 of the characters A-Z a-z 0-9 _ - / ., and no / at the ends",
    }[kind]


def acting(faults, config):
    """Add what is wrong with the rules and the formulas of a config, if it has any."""
    sensors = config.get("sensors", ())
    for each in sensors if isinstance(sensors, (list, tuple)) else ():
        if isinstance(each, dict) and each.get("driver") == "formula":
            call("config", "formulas", "check", faults, sensors)
            break
    if "rules" in config or "place" in config:
        try:
            call("config", "rules", "check", faults, config)
        except ImportError:  # a board with little flash, whose config had none before
            faults.append(
                "rules: their code is not on this board. Deploy again, with this config."
            )


def option_rule(option):
    """Return the rule for an option of a driver."""
    default = option[0]
    if default is ...:
        return option
    if len(option) == 3:
        return (None, float if isinstance(default, float) else int, option[1], option[2])
    if len(option) == 2:
        return (None, option[1])
    return (None, str, 0, 16)


def plain(text, more):
    # By numbers: each character of a text would become a name, which stays in RAM for good.
    more = more.encode()
    return all(
        97 <= c <= 122 or 65 <= c <= 90 or 48 <= c <= 57 or c in more for c in text.encode()
    )


def shown(value, longest=64):
    """Return a value as the config has it; longest: how many characters of a text."""
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, str):
        return '"%s"' % value if len(value) <= longest else '"%s..."' % value[:longest]
    if isinstance(value, dict):
        return "an object"
    return "a list" if isinstance(value, (list, tuple)) else str(value)
