"""What a config may say about the filters of a sensor. Part of the check."""

from json import dumps

from node.config.schema import _longest, _section
from node.config.values import shown
from node.overlay import call
from sensors.filters import effects

_MOST = 1_000_000_000
_MANY = 8
# Those that look at a value alone may be used where readings come only with changes.
_ALONE = ("offset", "multiply", "linear", "calibrate", "clamp", "invert", "to", "delta")
# Those whose numbers are in the unit of the field, and so suit one field alone.
_MEANT = (
    "offset",
    "multiply",
    "linear",
    "calibrate",
    "clamp",
    "slew",
    "outlier",
    "delta",
    "invert",
)


def rules():
    """Return filter -> key -> rule, as in node.config.schema."""
    seconds = (None, float, 0.1, 86_400)
    return {
        "offset": {"offset": (None, float, -_MOST, _MOST)},
        "multiply": {"multiply": (None, float, -_MOST, _MOST)},
        "linear": {"linear": (None, "list", 0, 0, "[factor, what is added], two numbers")},
        "calibrate": {
            "calibrate": (
                None, "list", 0, 0,
                "[[measured, true], [measured, true], ...], measured rising, 2 to 32 points",
            )
        },
        "clamp": {"clamp": (None, "list", 0, 0, "[lowest, highest], two numbers, rising")},
        "median": {"median": (None, int, 3, 15)},
        "average": {"average": (None, int, 2, 60)},
        "smooth": {"smooth": (None, float, 0, 0.99)},
        "slew": {"slew": (None, float, 1e-6, _MOST)},
        "outlier": {"outlier": (None, float, 1e-6, _MOST), "of": (None, int, 3, 15)},
        "throttle": {"throttle": seconds},
        "over": {"over": seconds, "take": (None, ("average", "minimum", "maximum"))},
        "delta": {"delta": (None, float, 0, _MOST), "heartbeat": seconds},
        "debounce": {"debounce": (None, int, 2, 100)},
        "invert": {"invert": (None, (True,))},
        "to": {"to": (None, str, 1, 16)},
    }  # fmt: skip


def check(faults, path, sensor, driver):
    """Add what is wrong with the filters of a sensor to `faults`.

    path: that of the list; sensor: the sensor's config; driver: the driver's module
    """
    name = sensor["driver"]
    filters = sensor["filters"]
    if len(filters) > _MANY:
        faults.append(
            "%s: %d filters. A sensor can have %d at most." % (path, len(filters), _MANY)
        )
        return
    if hasattr(driver.DRIVER, "set") or getattr(driver.DRIVER, "STATE", True) is False:
        what = "an output" if hasattr(driver.DRIVER, "set") else "a sensor of events"
        faults.append(
            "%s: a %s is %s, and has no values to filter. Remove them." % (path, name, what)
        )
        return
    fields = call("config", "fields", "of", name, sensor)
    known = rules()
    for i, each in enumerate(filters):
        place = "%s[%d]" % (path, i)
        if not isinstance(each, dict):
            faults.append(
                '%s: %s is wrong. Use an object, {"median": 5}.' % (place, shown(each, _longest))
            )
            continue
        kinds = [key for key in each if key in known]
        if len(kinds) == 1:
            before = len(faults)
            _one(faults, place, each, kinds[0], known[kinds[0]], fields)
            if len(faults) == before:
                _suits(faults, place, each, kinds[0], driver, sensor, fields)
            if len(faults) == before:
                fields = effects.fields(fields, (each,))
        elif kinds:
            faults.append(
                "%s: %s in one. Put each into an object of its own, in their order."
                % (place, " and ".join(sorted(kinds)))
            )
        else:
            key = sorted(each)[0] if each else ""
            hint = call("config", "suggest", "key", key, known)
            faults.append("%s: no filter%s.%s" % (place, key and " " + shown(key, _longest), hint))


def _one(faults, place, each, kind, rules, fields):
    """Check the keys and values of a filter."""
    rules = dict(rules)
    names = [about[0] for about in fields]
    if len(names) > 1:
        rules["field"] = (None, tuple(names))
    _section(faults, place + ".", each, rules)
    given = each[kind]
    rule = rules[kind]
    if rule[1] == "list" and isinstance(given, (list, tuple)) and not _good(kind, given):
        faults.append("%s.%s: %s is wrong. Use %s." % (place, kind, _told(given), rule[4]))
    if len(names) > 1 and kind in _MEANT and "field" not in each:
        faults.append(
            "%s.field: missing. Say which one it is for: %s." % (place, ", ".join(names))
        )


def _good(kind, given):
    if kind == "calibrate":
        if not 2 <= len(given) <= 32 or not all(_pair(each) for each in given):
            return False
        return all(a[0] < b[0] for a, b in zip(given, given[1:]))
    return _pair(given) and (kind == "linear" or given[0] < given[1])


def _pair(given):
    return (
        isinstance(given, (list, tuple))
        and len(given) == 2
        and all(type(each) in (int, float) and abs(each) <= _MOST for each in given)
    )


def _told(given):
    """Return a list as the config has it, its beginning if it is long."""
    text = dumps(given)
    return text if len(text) <= _longest else text[:_longest] + "..."


def _suits(faults, place, each, kind, driver, sensor, fields):
    """Check whether a filter suits its sensor and its field."""
    if kind not in _ALONE and hasattr(driver.DRIVER, "poll") and "interval" not in sensor:
        faults.append(
            "%s.%s: a %s tells its changes alone, which is too little for that. Give the sensor "
            'an interval, such as "interval": 1.' % (place, kind, sensor["driver"])
        )
    if kind == "to":
        own = [about[1] for about in fields if each.get("field", about[0]) == about[0]]
        ways = []
        for unit in own:
            ways += effects.ways(unit)[::3]
        if each["to"] not in ways:
            cure = "Use %s." % ", ".join(ways) if ways else "Remove it."
            faults.append(
                "%s.to: there is no way from %s to %s. %s"
                % (place, " or ".join(own) or "nothing", shown(each["to"], _longest), cure)
            )
