"""Checks what a config says, with messages that name the path and what to do.

Imported for the check, and forgotten after it. The rules are in functions, so that they take RAM
only while they are used. Nothing in a config makes this raise, whatever its types and nesting.
"""

import sys

from node.config.roles import need, roles
from node.config.values import acting, option_rule, shown, wanted, wrong
from node.overlay import call

_RESERVED = ("status", "diagnostics", "log", "cmd", "reply")
_SECRET = ("password", "secret")
_longest = 64  # how many characters of a wrong value to show
_online = True  # there is a network, and so hosts and TLS


def _rules():
    """Return section -> key -> (Ellipsis if required, type, lowest, highest, what is wanted)."""
    return {
        "": {
            "node": (None, "name"),
            "base": (None, "topic"),
            "wifi": (None, "object", 0, 0, '{"ssid": "...", "password": "..."}'),
            "mqtt": (..., "object", 0, 0, '{"host": "..."}'),
            "sensors": (None, "list"),
            "diagnostics": (None, int, 10, 86400),
            "queue": (None, int, 1, 1024),
            "outbox": (None, int, 8192, 1 << 24),
            "ntp": (None, "ntp"),
            "watchdog": (None, int, 0, 3600),
            "restart": (None, int, 0, 604_800),
            "commands": (None, "object"),
            "homeassistant": (None, "or false"),
            "provision": (None, "or false"),
            "log": (None, ("error", "warning", "info")),
            "update": (None, ("ask", "install")),
            "rules": (None, "list"),
            "place": (None, "object"),
        },
        "wifi": {
            "ssid": (..., "ssid"),
            "password": (None, "wifi"),
            "hostname": (None, "name"),
        },
        "mqtt": {
            "host": (..., "hosts"),
            "port": (None, int, 1, 65535),
            "user": (None, str, 1, 65535),
            "password": (None, str, 1, 65535),
            "keepalive": (None, int, 5, 65535),
            "timeout": (None, int, 1, 300),
            "client_id": (None, str, 1, 128),
            "ca": (None, "file"),
            "cert": (None, "file"),
            "key": (None, "file"),
            "verify": (None, (True, False)),
            "serial": (None, "serial"),
            "baud": (None, int, 9600, 921_600),
        },
        "commands": {
            "secret": (None, str, 16, 64),
            "late": (None, ("refuse", "obey")),
            "trial": (None, int, 30, 86400),
        },
        "sensor": {
            "name": (..., "name"),
            "driver": (..., str, 1, 24, "the name of a driver, see docs/sensors"),
            "interval": (None, float, 0.1, 86400),
            "delivery": (None, ("queue", "latest", "must_deliver")),
            "retain": (None, (True, False)),
            "homeassistant": (None, "or false"),
            "filters": (None, "list"),
        },
    }


def check(config, board=None, warnings=None, longest=64, broken=None):
    """Return what is wrong with a config, as a list of lines; empty if nothing is.

    config: whatever JSON gave; board: the module with the board's facts, or None: no pin checks
    warnings: a list; what may or may not work is added to it
    longest: how many characters of a wrong value to show
    broken: a list; drivers that fail through no fault of the config are added to it, as a node
    works without them
    """
    global _longest, _online
    _longest = longest
    secure = getattr(board, "TLS", "") != "none"  # otherwise it has no network of its own
    _online = secure or isinstance(config, dict) and "ethernet" in config
    faults = []
    broken = faults if broken is None else broken
    if not isinstance(config, dict):
        return ['config.json: it has to be an object, {"mqtt": ...}.']
    rules = _rules()
    mqtt = config.get("mqtt")
    serial = isinstance(mqtt, dict) and "serial" in mqtt
    if serial:
        rules["mqtt"]["host"] = (None, "hosts")
    pins = {}
    if _seldom(config, rules):
        try:
            pins = call("config", "network", "extend", rules, faults, config, board, warnings)
        except ImportError:  # a board with little flash has no network, and so no need for it
            pass
    _section(faults, "", config, rules[""])
    if _asks(config.get("wifi")):
        if "wifi" in rules:
            rules["wifi"]["ssid"] = (None, "ssid")
        if warnings is not None:
            warnings.append("wifi: no ssid. The board asks for it; see docs/provisioning.md.")
    for name in ("wifi", "mqtt", "commands"):
        if isinstance(config.get(name), dict) and name in rules:
            _section(faults, name + ".", config[name], rules[name])
    _homeassistant(faults, "", config)
    rules = rules["sensor"]  # the other rules are done, and their RAM is needed
    if isinstance(mqtt, dict) and "password" in mqtt and "user" not in mqtt:
        faults.append("mqtt.user: missing. mqtt.password needs one.")
    if serial:
        call("config", "serial", "check", faults, config, mqtt)
    elif isinstance(mqtt, dict):
        if "baud" in mqtt:
            faults.append("mqtt.baud: it belongs to mqtt.serial. Remove it.")
        if secure:
            call("config", "certificates", "rules", faults, mqtt, board, warnings)
        for key in () if secure else ("ca", "cert", "key", "verify"):
            if key in mqtt:
                faults.append("mqtt.%s: %s has no TLS. Remove it." % (key, board.ID))
    _wifi(faults, config, board, serial)
    seconds = config.get("watchdog", 0)
    most = getattr(board, "WATCHDOG_MS", 3_600_000)
    if warnings is not None and isinstance(seconds, int) and seconds * 1000 > most:
        warnings.append(
            "watchdog: %d s. %s can wait %s s at most, and does."
            % (seconds, board.ID, most / 1000)
        )
    names = {}
    sensors = config.get("sensors", ())
    sensors = sensors if isinstance(sensors, (list, tuple)) else ()
    pins["named"] = _named(sensors)
    if isinstance(config.get("provision"), dict):
        call("config", "provision", "check", faults, config, board, pins, warnings)
    for i, sensor in enumerate(sensors):
        path = "sensors[%d]" % i
        if isinstance(sensor, dict):
            try:
                _sensor(faults, path, sensor, rules, board, names, pins, warnings)
            except _Broken as error:
                broken.append("%s.driver: %s" % (path, error))
        else:
            faults.append('%s: it has to be an object, {"name": ...}.' % path)
    acting(faults, config)
    return faults


def _homeassistant(faults, path, section, driver=None):
    if isinstance(section.get("homeassistant"), dict):
        path += "homeassistant."
        call(
            "config", "homeassistant", "check", faults, path, section["homeassistant"], driver,
            section.get("sensors"),
        )  # fmt: skip


def _seldom(config, rules):
    """Return whether it says what node.config.network knows, or what nobody knows."""
    for name in ("", "wifi", "mqtt"):
        section = config.get(name) if name else config
        if isinstance(section, list):
            return name == "wifi"
        for key in section if isinstance(section, dict) else ():
            if key not in rules[name]:
                return True
    return False


def _asks(wifi):
    """Return whether the board is to ask for its network, see node.provision.offer."""
    return isinstance(wifi, dict) and "ssid" not in wifi and "password" not in wifi


def _wifi(faults, config, board, serial):
    wifi = config.get("wifi")
    if board and board.WIFI and not serial and "wifi" not in config and "ethernet" not in config:
        faults.append(
            'wifi: missing. Add {"ssid": "...", "password": "..."}; or {}: the board asks for it.'
        )
    if board and not board.WIFI and "wifi" in config:
        faults.append("wifi: %s has no Wi-Fi. Remove it." % board.ID)
    # What firmware/config.json says.
    for key, text in (("ssid", "your network"), ("password", "its password")):
        if isinstance(wifi, dict) and wifi.get(key) == text:
            faults.append('wifi.%s: "%s" is the example\'s. Write your own.' % (key, text))


class _Broken(Exception):
    """A driver that fails before it is even made."""


def _of_driver(name, function, *args):
    """Call a driver's function; turns whatever it raises into _Broken, with driver and line."""
    try:
        return function(*args)
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        raise _Broken(call("health", "why", "told", name, error))


def _sensor(faults, path, sensor, rules, board, names, pins, warnings):
    driver = None
    name = sensor.get("driver")
    if isinstance(name, str) and name:
        driver = _of_driver(name, _driver, name)
        if driver is None:
            hint = call("config", "suggest", "driver", name)
            faults.append(
                "%s.driver: there is no driver %s here.%s" % (path, shown(name, _longest), hint)
            )
        else:
            rules = dict(rules)
            options = _of_driver(name, _promised, driver, name, rules)
            address = sensor.get("address")
            if isinstance(address, str) and "address" in options:
                sensor = dict(sensor)
                sensor["address"] = _number(address)
    before = len(faults)
    _section(faults, path + ".", sensor, rules, driver is not None)
    if driver:
        _homeassistant(faults, path + ".", sensor, sensor["driver"])
    name = sensor.get("name")
    if isinstance(name, str):
        if name in _RESERVED:
            faults.append('%s.name: "%s" is a topic of the node. Choose another.' % (path, name))
        elif name in names:
            faults.append('%s.name: "%s" is already used by %s.' % (path, name, names[name]))
        names[name] = path
    if driver and len(faults) == before:
        rules = None
        asked = _of_driver(sensor["driver"], _asked, faults, path, driver, sensor, options)
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
            call("config", "pins", "check", faults, about, board, pins, warnings)
            if len(faults) == before and uses in ("adc", "pwm"):
                call("config", "limits", "check", faults, about, board, warnings)


def _number(text):
    """Return the number that "0x77" means; other text unchanged."""
    try:
        return int(text, 16) if text[:2] in ("0x", "0X") else text
    except ValueError:
        return text


def _promised(driver, name, rules):
    """Return a driver's options; adds the rules for them, and for its pins, to the others."""
    need(driver, name, "options")
    for key, _ in roles(driver.USES):
        rules[key] = (..., "pin")
    options = driver.options()
    for key, option in options.items():
        rules[key] = option_rule(option)
    return options


def _asked(faults, path, driver, sensor, options):
    """Return what a driver's demands() says, if it has them; see docs/drivers.md.

    Checks its filters, too.
    """
    if "filters" in sensor:
        call("config", "filters", "check", faults, path + ".filters", sensor, driver)
    if not hasattr(driver, "demands"):
        return {}
    asked = driver.demands({key: sensor.get(key, options[key][0]) for key in options})
    if not isinstance(asked, dict) or not isinstance(asked.get("wrong", ""), str):
        raise ValueError("demands() returned %r; see docs/drivers.md" % (asked,))
    return asked


def _named(sensors):
    """Return all numbers and texts of the sensors, the pins among them."""
    named = []
    for sensor in sensors:
        for key in sensor if isinstance(sensor, dict) else ():
            if isinstance(sensor[key], (int, str)) and key not in ("name", "driver", "interval"):
                named.append(sensor[key])
    return named


def _forget_drivers():
    """Check one driver after the other: a small heap has no room for all of them."""
    for name in list(sys.modules):
        if name.startswith("sensors"):
            del sys.modules[name]


def _driver(name):
    """Return the driver's module, or None. A name has only letters, digits and _."""
    if not all(97 <= c <= 122 or 48 <= c <= 57 or c == 95 for c in name.encode()):
        return None
    try:
        module = __import__("sensors." + name, None, None, ("DRIVER",))
    except ImportError as error:
        if "'" in str(error) and "sensors." + name not in str(error):
            raise  # the driver is there, but something that it imports isn't
        return None
    return None if hasattr(module, "__path__") else module  # a folder: what drivers share


def _section(faults, path, section, rules, closed=True):
    for key, rule in rules.items():
        if key in section:
            want = wrong(section[key], rule)
            if want:
                if key == "address" and rule[1] is int:
                    want = 'an address from "0x%02x" to "0x%02x"' % (rule[2], rule[3])
                # A section of a wrong type may be a secret, or an address with one in it.
                secret = key in _SECRET or rule[1] == "object"
                value = "this" if secret else shown(section[key], _longest)
                if key == "address" and type(section[key]) is int:
                    value += " (0x%02x)" % section[key]
                faults.append("%s%s: %s is wrong. Use %s." % (path, key, value, want))
            elif _online and rule[1] in ("hosts", "ntp"):
                call("config", "hosts", "check", faults, path + key, section[key])
        elif rule[0] is ...:
            faults.append("%s%s: missing. Use %s." % (path, key, wanted(rule)))
    for key in section if closed else ():
        if key not in rules:
            hint = call("config", "suggest", "key", key, rules)
            faults.append("%s%s: unknown.%s" % (path, key[:_longest], hint))
