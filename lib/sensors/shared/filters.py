"""Filters over one reading after the other. Imported when a sensor asks for one."""

from micropython import const

_MOST = const(1_000_000_000)


def chain(median=0, smooth=0.0, slew=0.0, least=-_MOST, most=_MOST):
    """Return the filters that were asked for, in the order in which they are applied.

    median: how many readings to take the median of, 3 to 15: single wrong ones vanish; 0 for none
    smooth: the share of the reading before in each new one: less noise, slower to follow a change
    slew: the most that a reading may differ from the one before; 0 for any
    least: the least that the sensor can measure; a value below is an error, and enters no filter
    most: the most that the sensor can measure; a value above is an error, and enters no filter
    """
    made: list = []
    if least > -_MOST or most < _MOST:
        made.append(Limits(least, most))
    if median:
        made.append(Median(median))
    if slew:
        made.append(Slew(slew))
    if smooth:
        made.append(Smooth(smooth))
    return tuple(made)


class Limits:
    """Refuses a value outside of `least` to `most`."""

    def __init__(self, least, most):
        self.least = least
        self.most = most

    def __call__(self, value):
        """Return the value. Raises ValueError for one outside."""
        if self.least <= value <= self.most:
            return value
        raise ValueError("%g; it measures %g to %g" % (value, self.least, self.most))


class Median:
    """The median of the last `count` values."""

    def __init__(self, count):
        self.count = count
        self._values = []
        self._at = 0

    def __call__(self, value):
        """Take in a value; return the middle one, of an even number the lower."""
        values = self._values
        if len(values) < self.count:
            values.append(value)
        else:
            values[self._at] = value
            self._at = (self._at + 1) % self.count
        return sorted(values)[(len(values) - 1) // 2]


class Slew:
    """Lets a value change by at most `most` at a time."""

    def __init__(self, most):
        self.most = most
        self._last = None

    def __call__(self, value):
        """Take in a value; return it, or as near to it as is allowed."""
        last = self._last
        if last is not None:
            value = min(max(value, last - self.most), last + self.most)
        self._last = value
        return value


class Smooth:
    """Exponential smoothing: `share` of what was, the rest of what comes."""

    def __init__(self, share):
        self.share = share
        self._last = None

    def __call__(self, value):
        """Take in a value; return the smoothed one, which lies between the least and the most."""
        last = self._last
        if last is not None:
            value += self.share * (last - value)
        self._last = value
        return value
