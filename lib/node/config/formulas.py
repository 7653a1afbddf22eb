"""What a config may say in the formulas of its sensors. Part of the check."""

from node.config.named import _named
from node.overlay import call, forget
from sensors.derived.parse import Parser
from sensors.filters import effects


def check(faults, sensors):
    """Add what is wrong with the names in all formulas to `faults`; sensors: those of a config."""
    there = {}
    made = {}
    order = []
    for i, each in enumerate(sensors):
        if not isinstance(each, dict) or not isinstance(each.get("name"), str):
            continue
        name = each["name"]
        there[name] = each
        try:
            if each.get("driver") == "formula":
                made[name] = "sensors[%d].formula" % i, Parser(each["formula"])
                order.append(name)
        except (ValueError, KeyError, TypeError):  # its own check has told that
            pass
    for name in order:
        path, parser = made[name]
        before = len(faults)
        for each in parser.names:
            _name(faults, path, each, there)
        if len(faults) == before:
            for each in parser.wants:
                _unit(faults, path, each, there)
        if len(faults) == before and _returns(name, made):
            faults.append(
                '%s: it needs "%s" itself, by way of the sensors that it names. Leave one of them '
                "out." % (path, name)
            )
    forget("named", package="node.config")


def _name(faults, path, name, there):
    """Check a name; one that isn't there may be two with a sign between them."""
    whose, _, field = name.partition("/")
    before = len(faults)
    _named(faults, path, name, whose, field, there)
    for sign in "-/":
        first, found, second = name.partition(sign)
        both = first.split("/")[0] in there and second.split("/")[0] in there
        if len(faults) > before and found and both:
            faults[-1] = '%s: "%s" would be one name. Put spaces around "%s".' % (path, name, sign)


def _unit(faults, path, wanted, there):
    """Check whether a value has the unit that its function works with."""
    name, function, unit = wanted
    whose, _, field = name.partition("/")
    entry = there[whose]
    try:
        given = call("config", "fields", "of", entry["driver"], entry)
        given = effects.fields(given, entry.get("filters", ()))
    except Exception:  # whatever else is wrong with it; that is told elsewhere
        return
    for about in given:
        if about[0] == (field or given[0][0]) and about[1] not in (unit, ""):
            cure = (
                'Take "to" out of the filters of "%s"' % whose
                if unit in effects.ways(about[1])[::3]
                else "Name another"
            )
            faults.append(
                '%s: %s() takes %s, and "%s" is in %s. %s.'
                % (path, function, unit, name, about[1], cure)
            )


def _returns(name, made):
    """Return whether a formula leads back to itself."""
    seen = []
    todo = [name]
    while todo:
        at = todo.pop()
        for each in made[at][1].names if at in made else ():
            whose = each.split("/")[0]
            if whose == name:
                return True
            if whose not in seen:
                seen.append(whose)
                todo.append(whose)
    return False
