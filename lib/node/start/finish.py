"""Frees what made the sensors, once all of them are there. Loaded when needed."""

import sys

from micropython import const

_FILTERS = const("sensors.filters.chain")


def clear(sensors):
    """Forget the code that makes parts: the sensors hold on to the rest of their drivers."""
    for sensor in sensors:
        try:
            kind = type(getattr(sensor.part, "part", sensor.part))  # behind filters
            while kind is not object:
                if "__init__" in kind.__dict__:
                    kind.__init__ = None
                kind = kind.__bases__[0]
        except (AttributeError, TypeError):
            pass  # the driver isn't a class
    if _FILTERS in sys.modules:
        sys.modules[_FILTERS].clear()
    for name in list(sys.modules):
        if name.startswith("sensors"):
            del sys.modules[name]
