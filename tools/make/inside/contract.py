"""Whether drivers are what docs/drivers.md says. Runs in MicroPython, for tools.make.drivers.

Prints a list in JSON, for each driver its name, what is wrong with it, and where: the name that is
defined there, or a traceback. Of one that is whole: how many parts it is handed, its options, and
whether its class has FIELDS.
"""

import builtins
import io
import json
import sys

sys.path.pop(0)  # the folder of this file
from node.config.roles import roles

KINDS = ("pin", "in", "out", "bare", "adc", "pwm", "i2c", "pulse")
OTHERS = ("name", "driver", "interval", "delivery", "retain")
RULES = "(default, least, most), (default, choices) or (text,)"

say = print


def told(*some, **more):
    raise ValueError("it prints when it is imported, which a driver must not")


def number(value):
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def rule(option):
    """True if an option is described as the check of a config needs it."""
    if not isinstance(option, tuple) or not 0 < len(option) < 4:
        return False
    default = option[0]
    if default is ...:
        return len(option) > 1
    if len(option) == 1:
        return isinstance(default, str)
    if len(option) == 2:
        return isinstance(option[1], tuple) and default in option[1]
    return all(map(number, option)) and option[1] <= default <= option[2]


def used(uses):
    """What is wrong with USES; None if nothing is."""
    if not isinstance(uses, (str, tuple)) or not uses:
        return "USES is %r; it has to be a kind, such as 'pin', or pairs of key and kind" % (uses,)
    for pair in roles(uses):
        if not isinstance(pair, tuple) or len(pair) != 2:
            return "USES: %r is no pair of key and kind" % (pair,)
        if pair[1] not in KINDS:
            return "USES: there is no kind %r; there are %s" % (pair[1], ", ".join(KINDS))
    return None


def offered(options, keys):
    """What is wrong with what options() returned, beside the keys of the pins."""
    if not isinstance(options, dict):
        return "options() returned %r; it has to return a dictionary" % (options,)
    for key in options:
        if key in OTHERS or key in keys:
            return "options(): every sensor has a key %r already; rename it" % (key,)
        if not rule(options[key]):
            return "options(): %r: %r is wrong; it has to be %s" % (key, options[key], RULES)
    return None


def measured(fields):
    """What is wrong with FIELDS."""
    if isinstance(fields, tuple):  # an empty one is made in __init__
        for each in fields:
            good = isinstance(each, tuple) and len(each) in (2, 3)
            good = good and isinstance(each[0], str) and isinstance(each[1], str)
            if not good or not all(map(number, each[2:])):
                break
        else:
            return None
    return "FIELDS is %r; it has to be ((name, unit, decimals), ...), with its commas" % (fields,)


def judge(module):
    """What is wrong with a driver and where, or what its class is handed."""
    uses = module.USES
    if fault := used(uses):
        return fault, "USES"
    pairs = roles(uses)
    options = module.options()
    if fault := offered(options, [key for key, _ in pairs]):
        return fault, "options"
    made = module.DRIVER
    if not isinstance(made, type):
        return "DRIVER is %r; it has to be the class" % (made,), "DRIVER"
    for name in ("start", "read"):
        if not hasattr(made, name):
            return "the class %s has no %s()" % (made.__name__, name), made.__name__
    fault = hasattr(made, "FIELDS") and measured(made.FIELDS)
    if fault:
        return fault, "FIELDS"
    handed = 1 if uses == "i2c" else len(pairs) + sum([kind == "pulse" for _, kind in pairs])
    others = [key for key in options if key != "pull"]  # which is the pin's
    return (handed, others, hasattr(made, "FIELDS")), ""


def look(name):
    """What is to be said of a driver."""
    try:
        module = __import__("sensors." + name, None, None, ("DRIVER",))
        lacks = [each for each in ("DRIVER", "USES", "options") if not hasattr(module, each)]
        if lacks:
            return name, "it has no " + ", no ".join(lacks) + "; see docs/drivers.md", ""
        return (name,) + judge(module)
    except BaseException as error:
        trace = io.StringIO()
        sys.print_exception(error, trace)
        kind = "" if type(error) is ValueError else type(error).__name__ + ": "
        return name, kind + str(error), trace.getvalue()


builtins.print = told
found = [look(name) for name in sys.argv[1:]]
say()  # the rest of a line that a driver has written
say(json.dumps(found))
