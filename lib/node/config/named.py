"""The sensors that rules and formulas of a config name. Part of the check."""

import sys

from node.overlay import call


def _those(verb, names):
    return " %s %s." % (verb, ", ".join(sorted(names))) if names else " The node has none."


def _driver(entry):
    """Return the class of a sensor's part, None if it can't be had; that is told elsewhere."""
    try:
        name = entry["driver"]
        if not all(97 <= c <= 122 or 48 <= c <= 57 or c == 95 for c in name.encode()):
            return None
        return __import__("sensors." + name, None, None, ("DRIVER",)).DRIVER
    except KeyboardInterrupt:
        raise
    except BaseException:
        return None


def _forget():
    """A small heap has no room for all drivers."""
    for name in list(sys.modules):
        if name.startswith("sensors"):
            del sys.modules[name]


def _fields(entry):
    """Return (the names of a sensor's fields, whether it tells events); () if nobody knows."""
    kind = _driver(entry)
    event = getattr(kind, "STATE", True) is False
    fields = []
    if kind:
        fields = [about[0] for about in call("config", "fields", "of", entry["driver"], entry)]
    _forget()
    return fields, event


def _named(faults, path, name, whose, field, there):
    """Check a name, `whose` or `whose`/`field`; there: sensors, by their names."""
    if whose not in there:
        faults.append(
            '%s: there is no sensor "%s".%s' % (path, whose, _those("There are", list(there)))
        )
        return
    fields, event = _fields(there[whose])
    if there[whose].get("driver") == "pixels":
        faults.append(
            '%s: "%s" is a colour, which can\'t be compared. Use another.' % (path, whose)
        )
    elif len(fields) > 1 and field not in fields:
        faults.append(
            '%s: "%s" has several values. Use %s.'
            % (path, whose, " or ".join([whose + "/" + each for each in fields]))
        )
    elif field and len(fields) == 1:
        faults.append('%s: "%s" has one value. Use %s.' % (path, whose, whose))
