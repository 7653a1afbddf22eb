"""Puts filters between a part and its sensor. Loaded only if the config names some.

A filter is a function that takes a value and returns one, or () for "nothing to report now".
sensors.filters.steps makes them. See docs/filters.md. Names are chosen among those that a node has
anyway: each other one stays in RAM for good.
"""

import gc
import sys

from micropython import const

from sensors.filters import effects, steps

# In one text, as short ones would be such names.
_LINES = const("offset multiply invert to linear")  # a factor, and what is added
_OTHERS = const("calibrate clamp median average smooth slew debounce throttle over delta outlier")
_HOLD = const(7)  # from here on they hold values back


def make(part, entry):
    """Return a part behind its filters; entry: the sensor's config."""
    gc.collect()  # what stays then leaves no holes between what goes
    filters = entry["filters"]
    held = []
    chain = tuple([_made(about, filters, held) for about in part.FIELDS])
    fields = effects.fields(part.FIELDS, filters)
    gc.collect()
    return Filtered(part, fields, chain, tuple(held), effects.pause(filters))


def clear():
    """Forget what makes filters, once none will be made again: they hold on to their modules."""
    Filtered.__init__ = None  # type: ignore
    modules = sys.modules
    for name in ("sensors.filters.steps", "sensors.shared.filters", "sensors.filters.chain"):
        there = modules[name].__dict__
        for each in list(there):
            if each != "_due" and "tick" not in each:  # filters call these
                del there[each]


def _made(about, filters, held):
    """Return the filters of a field; adds those that hold back values to `held`."""
    made = []
    for i, entry in enumerate(filters):
        if entry.get("field", about[0]) == about[0]:
            # What the value has become before it.
            unit = effects.fields((about,), filters[:i])[0][1]
            for kind in entry:
                step = _make(kind, entry, unit)
                if step:
                    made.append(step)
                    if kind in _OTHERS.split()[_HOLD:]:
                        held.append(step)
    return tuple(made)


def _make(kind, entry, unit):
    """Return a filter; None if that is no kind, or does nothing to a field in this unit."""
    given = entry[kind]
    lines = _LINES.split()
    if kind in lines:
        at = lines.index(kind)
        if at == 3:
            given = effects.convert(unit, given)
        elif at < 3:
            given = ((1, given), (given, 0), (-1, 1))[at]
        return given and steps.linear(given, entry)
    return getattr(steps, kind)(given, entry) if kind in _OTHERS.split() else None


class Filtered:
    """A part whose values pass filters. All but its readings is the part's own.

    part: the driver's object; FIELDS: as they are behind the filters
    chain: the filters of each field; held: those that hold values back
    pause: ms without a reading at most; -1: no limit
    """

    look = "shown"  # in place of read() for the command `read`

    def __init__(self, part, FIELDS, chain, held, pause):
        self.part = part
        self.FIELDS = FIELDS
        self.chain = chain
        self.held = held
        self.pause = pause
        self.values = [0] * len(chain)
        self.start = part.start
        if hasattr(part, "poll"):
            self.poll = part.poll

    def __getattr__(self, name):
        return getattr(self.part, name)

    def read(self, look=False):
        """Return what the part's values are behind the filters, () for one that is held back.

        look: don't hold back any
        """
        values = self.part.read()
        chain = self.chain
        if not isinstance(values, tuple) or len(values) != len(chain):
            return values  # it isn't ready; or it is wrong, which the sensor tells
        for i in range(len(chain)):
            value = values[i]
            filters = () if value == () else chain[i]  # the part has nothing to report
            if filters:
                self._good(i, value)
            for each in filters:
                if not look or each not in self.held:
                    value = each(value)
                    if value == ():
                        break
            self.values[i] = value
        return tuple(self.values)

    def shown(self):
        """Return the values as they are now."""
        return self.read(True)

    def _good(self, i, value):
        """Raise ValueError for nan and infinity, which would stay in what filters remember."""
        try:
            if not value - value:
                return
        except TypeError:
            pass
        raise ValueError("%s: %r is not a number" % (self.FIELDS[i][0], value))
