"""The part of a derived sensor: works out its formula with the values of other sensors.

The node hands it these as they are published, see node.start.formulas.
"""

from time import ticks_diff, ticks_ms

from micropython import const

_FAILING = const(4)  # failures in a row after which a value is no longer known


class Formula:
    """The value of a formula, whenever one of its values has changed, or at its interval.

    formula: what to work out; unit: of the result, if its function has none of its own
    decimals: how many the reading has
    """

    def __init__(self, formula, unit="", decimals=1):
        from sensors.derived import parse

        made = parse.Parser(formula)
        self.program = tuple(made.program)
        self.names = tuple(made.names)
        self.FIELDS = (made.about(unit, decimals),)
        self.values: list = [None] * len(self.names)
        self.sources = ()  # a sensor for each of them
        self.changed = self.fresh = False
        self.paced = False  # it has an interval
        # Energy: mWh, Wms that are no whole mWh yet, the power that came last, and when.
        self.total = 0 if made.adds else None
        self.rest = 0.0
        self.last = None
        self._since = ticks_ms()

    def take(self, slot, text):
        """Take a value that was published."""
        try:
            value = float({"true": 1, "false": 0}.get(text, text))
        except ValueError:  # a colour, or a word
            value = None
        self.values[slot] = value
        self.fresh = True

    def poll(self, now):
        """Look whether values have come; return the ms until the next look."""
        if self.last is not None and max([each.failures for each in self.sources]) > _FAILING:
            self.last = None  # the power since then is not known
        if self.fresh:
            self.fresh = False
            self.changed = not self.paced
            if self.total is not None:
                self._add()
        return 1000

    def start(self):
        """Return the ms to wait: none, but while a value is missing it can't be read at once."""
        return int(None in self.values)

    def read(self):
        """Return (value,), or ((),) while a value is missing. Raises ValueError."""
        self.changed = False
        value = self._value()
        if value is not None and self.total is not None:
            value = self.total / 1000
        return (() if value is None else value,)

    def _value(self):
        """Work it out; None if one of its values isn't known."""
        values = self.values
        for slot, source in enumerate(self.sources):
            if source.failures > _FAILING:
                values[slot] = None
        if None in values:
            return None
        stack: list = []
        try:
            for each in self.program:
                if isinstance(each, float):
                    stack.append(each)
                elif isinstance(each, int):
                    stack.append(values[each])
                else:
                    function, count = each
                    stack[-count:] = [function(*stack[-count:])]
        except (ArithmeticError, ValueError) as error:
            raise ValueError("the formula has no result: %s" % error)
        return stack[0]

    def _add(self):
        """Add the energy since the last value, of the mean of both; not while power comes back."""
        try:
            power = self._value()
        except ValueError:  # which read() tells
            power = None
        now = ticks_ms()
        if power is not None and self.last is not None:
            self.rest += max(0, (self.last + power) / 2) * max(0, ticks_diff(now, self._since))
            whole = int(self.rest / 3600)
            self.total += whole
            self.rest -= whole * 3600.0
        self.last = power
        self._since = now
