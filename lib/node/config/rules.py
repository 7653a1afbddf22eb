"""What a config may say about rules, and about the place where they apply. Part of the check."""

from node.config.named import _driver, _fields, _forget, _named, _those
from node.config.schema import _longest, _section
from node.config.values import shown
from node.overlay import forget

_MANY = 16
_ACTS = 4
_OWN = ("rules", "alarm")  # topics of the node that has rules
_WEEK_S = 604_800
_ACT = '{"set": name of an output, "value": ...}, or a list of these'
_ZONE = 'a time zone as "UTC0", or "CET-1CEST,M3.5.0,M10.5.0/3"; see docs/rules.md'


def rules():
    """Section -> key -> rule, as in node.config.schema."""
    return {
        "place": {
            "zone": (None, str, 1, 64, _ZONE),
            "latitude": (None, float, -90, 90),
            "longitude": (None, float, -180, 180),
        },
        "rule": {
            "when": (..., str, 1, 200, 'a condition, such as "soil < 30 for 60"'),
            "name": (None, "name"),
            "then": (None, "act", 0, 0, _ACT),
            "else": (None, "act", 0, 0, _ACT),
            "alarm": (None, str, 1, 64),
            "pause": (None, int, 1, _WEEK_S),
            "again": (None, int, 10, _WEEK_S),
            "off": (None, (True, False)),
        },
        "act": {
            "set": (..., "name"),
            "value": (..., "any", 0, 0, "what the output is set to"),
            "for": (None, int, 1, 86_400),
        },
    }


def check(faults, config):
    """Add what is wrong with the rules of a config, and with its place, to `faults`."""
    known = rules()
    place = config.get("place", {})
    before = len(faults)
    if isinstance(place, dict):
        _section(faults, "place.", place, known["place"])
        if len(faults) == before and "zone" in place:
            _zone(faults, place["zone"])
        for one, other in (("latitude", "longitude"), ("longitude", "latitude")):
            if one in place and other not in place:
                faults.append("place.%s: missing. place.%s needs it." % (other, one))
    said = config.get("rules", ())
    if not isinstance(said, (list, tuple)):
        return
    if len(said) > _MANY:
        faults.append("rules: %d of them. A node can have %d at most." % (len(said), _MANY))
        return
    sensors = config.get("sensors", ())
    sensors = sensors if isinstance(sensors, (list, tuple)) else ()
    there = {}
    for i, each in enumerate(sensors):
        if isinstance(each, dict) and isinstance(each.get("name"), str):
            there[each["name"]] = each
            if said and each["name"] in _OWN:
                faults.append(
                    'sensors[%d].name: "%s" is a topic of the rules. Choose another.'
                    % (i, each["name"])
                )
    names = {}
    looks = []
    for i, rule in enumerate(said):
        path = "rules[%d]" % i
        looks.append(((), ()))
        if not isinstance(rule, dict):
            faults.append('%s: it has to be an object, {"when": ...}.' % path)
            continue
        before = len(faults)
        _section(faults, path + ".", rule, known["rule"])
        name = rule.get("name", str(i + 1))
        if isinstance(name, str):
            if name in names:
                faults.append('%s.name: "%s" is already used by %s.' % (path, name, names[name]))
            names[name] = path
        sets = _acts(faults, path, rule, known["act"], there)
        if len(faults) == before:
            _keys(faults, path, rule)
        if isinstance(rule.get("when"), str) and 0 < len(rule["when"].encode()) <= 200:
            looks[i] = _when(faults, path + ".when", rule["when"], place, there), sets
    if not faults:
        _loops(faults, looks)


def _zone(faults, zone):
    """Check a time zone, by what will use it."""
    from node.rules.sky import offset

    try:
        if zone.count(",") not in (0, 2):
            raise ValueError
        offset(1_767_225_600, zone)
        if "," not in zone and _summer(zone):
            raise ValueError
    except (ValueError, IndexError, TypeError):
        faults.append("place.zone: %s is wrong. Use %s." % (shown(zone, _longest), _ZONE))
    forget("sky", package="node.rules")


def _summer(zone):
    from node.rules.sky import ahead

    return ahead(zone)[1] is not None


def _keys(faults, path, rule):
    """Check which keys go together."""
    if not ("then" in rule or "else" in rule or "alarm" in rule):
        faults.append('%s: it does nothing. Add "then", "else" or "alarm".' % path)
    if "again" in rule and "then" not in rule:
        faults.append('%s.again: there is no "then" to be done again. Remove it.' % path)
    if "pause" in rule and "then" not in rule and "else" not in rule:
        faults.append("%s.pause: there is nothing to pause. Remove it." % path)
    if "pause" in rule and rule["pause"] > rule.get("again", _WEEK_S):
        faults.append(
            '%s.pause: %d s. Make it no longer than "again", %d s.'
            % (path, rule["pause"], rule["again"])
        )


def _acts(faults, path, rule, known, there):
    """Check what a rule sets; return the names of these outputs."""
    sets = []
    for key in ("then", "else"):
        said = rule.get(key, ())
        acts = (said,) if isinstance(said, dict) else said
        if not isinstance(acts, (list, tuple)):
            continue  # that has been said
        if key in rule and not acts:
            faults.append("%s.%s: %s is wrong. Use %s." % (path, key, shown(said, _longest), _ACT))
            continue
        if len(acts) > _ACTS:
            faults.append("%s.%s: %d acts. %d at most." % (path, key, len(acts), _ACTS))
            continue
        for i, act in enumerate(acts):
            where = "%s.%s" % (path, key) + ("" if isinstance(said, dict) else "[%d]" % i)
            if not isinstance(act, dict):
                faults.append("%s: %s is wrong. Use %s." % (where, shown(act, _longest), _ACT))
                continue
            before = len(faults)
            _section(faults, where + ".", act, known)
            if len(faults) == before:
                _act(faults, where, act, rule, there)
                sets.append(act["set"])
    return sets


def _act(faults, where, act, rule, there):
    """Check what an output is set to."""
    name = act["set"]
    if name not in there:
        faults.append(
            '%s.set: there is no output "%s".%s'
            % (where, name, _those("Use", [each for each in there if _output(there[each])]))
        )
        return
    entry = there[name]
    driver = entry.get("driver")
    if not _output(entry):
        faults.append(
            '%s.set: "%s" is a %s, which can\'t be set. Use an output, such as a relay.'
            % (where, name, driver)
        )
        return
    value = act["value"]
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    most = {
        "dimmer": 100, "servo": entry.get("range", 90), "buzzer": entry.get("most_s", 10),
    }.get(driver)  # fmt: skip
    want = None
    if driver == "relay" and not isinstance(value, bool):
        want = "true or false"
    elif most is not None and not (number and 0 <= value <= most):
        unit = {"dimmer": "%", "servo": "degrees", "buzzer": "seconds"}[driver]
        want = "a number from 0 to %s, in %s" % (most, unit)
    elif driver == "pixels" and not _colour(value):
        want = "[red, green, blue], each from 0 to 255"
    if want:
        faults.append("%s.value: %s is wrong. Use %s." % (where, shown(value, _longest), want))
        return
    if driver == "buzzer" and "for" in act:
        faults.append('%s.for: the value of a buzzer is its seconds. Remove "for".' % where)
    if driver == "relay":
        safe = bool(entry.get("safe", False))
        again = rule.get("again", _WEEK_S)
        if type(again) is int and act.get("for", 0) >= again and not entry.get("most_s"):
            faults.append(
                '%s.for: %d s, and "again" sets "%s" every %d s, so it has no longest time. '
                'Make "again" longer than "for", or give "%s" a "most_s".'
                % (where, act["for"], name, again, name)
            )
        if value == safe and "for" in act:
            faults.append(
                '%s.for: %s is the safe state of "%s", to which "for" leads. Remove it.'
                % (where, shown(value), name)
            )
        if value != safe and "for" not in act and not entry.get("most_s"):
            faults.append(
                '%s.for: missing. Nothing would switch "%s" back if its sensor or this rule '
                'failed. Add "for", or give "%s" a "most_s".' % (where, name, name)
            )


def _colour(value):
    return (
        isinstance(value, (list, tuple))
        and len(value) == 3
        and all(type(each) is int and 0 <= each <= 255 for each in value)
    )


def _output(entry):
    try:
        return hasattr(_driver(entry), "set")
    finally:
        _forget()


def _when(faults, path, text, place, there):
    """Check a condition; return the names of the sensors that it looks at."""
    from node.rules.parse import Parser

    names = []
    try:
        parser = Parser(text, names, [])
    except ValueError as error:
        faults.append("%s: %s." % (path, error))
        return ()
    finally:
        forget("parse", package="node.rules")
    if parser.timed and not isinstance(place, dict):
        return ()
    if parser.timed and "zone" not in place:
        faults.append(
            '%s: it needs the local time. Add "place": {"zone": "UTC0"}, or your zone; see '
            "docs/rules.md." % path
        )
    if parser.sunny and not ("latitude" in place and "longitude" in place):
        faults.append(
            '%s: it needs to know where it is. Add "latitude" and "longitude" to "place", in '
            "degrees." % path
        )
    looks = []
    for name in names:
        if name[0] != "'":
            whose, _, field = name.partition("/")
            looks.append(whose)
            _named(faults, path, name, whose, field, there)
    for name, other in parser.compared:
        if name[0] != "'" and isinstance(other, str) and name.partition("/")[0] in there:
            entry = there[name.partition("/")[0]]
            if not _fields(entry)[1]:
                faults.append(
                    "%s: \"%s\" is a number, and never '%s'. Compare it with a number."
                    % (path, name, other)
                )
    return looks


def _loops(faults, looks):
    """Find rules that have each other act, by way of the outputs that they set and look at."""
    for i in range(len(looks)):
        seen = []
        todo = list(looks[i][1])
        while todo:
            output = todo.pop()
            if output in looks[i][0]:
                how = "itself" if not seen else "other rules"
                faults.append(
                    'rules[%d].when: it looks at "%s", which it sets by way of %s. Leave one of '
                    'them out; to end it after a time, use "for".' % (i, output, how)
                )
                break
            for j, (looked, sets) in enumerate(looks):
                if output in looked and j not in seen:
                    seen.append(j)
                    todo.extend(sets)
