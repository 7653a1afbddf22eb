"""Filters that run from reading to reading. Imported only if a sensor uses one."""

from micropython import const

_MOST = const(1_000_000_000)


def chain(median=0, smooth=0.0, slew=0.0, least=-_MOST, most=_MOST):
    """Return the chosen filters in the order in which they apply.

    median: take the median of this many readings, 3 to 15, to drop outliers; 0 for none
    smooth: how much of the last value to keep: less noise, but slower to follow
    slew: how much a reading may differ from the one before; 0 for no limit
    least: the lowest value that the sensor can measure; anything below is an error
    most: the highest value that the sensor can measure; anything above is an error
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
    """Refuses a value outside `least` to `most`, before other filters see it."""

    def __init__(self, least, most):
        self.least = least
        self.most = most

    def __call__(self, value):
        """Return the value. Raises ValueError if it is outside."""
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
        """Take a value; return the median (the lower of the middle two, if there are two)."""
        values = self._values
        if len(values) < self.count:
            values.append(value)
        else:
            values[self._at] = value
            self._at = (self._at + 1) % self.count
        return sorted(values)[(len(values) - 1) // 2]


class Slew:
    """Lets the value change by at most `most` at a time."""

    def __init__(self, most):
        self.most = most
        self._last = None

    def __call__(self, value):
        """Take a value; return it, or the nearest that is allowed."""
        last = self._last
        if last is not None:
            value = min(max(value, last - self.most), last + self.most)
        self._last = value
        return value


class Smooth:
    """Exponential smoothing: `share` of the old value, the rest of the new one."""

    def __init__(self, share):
        self.share = share
        self._last = None

    def __call__(self, value):
        """Take a value; return the smoothed one, which never leaves the range of its inputs."""
        last = self._last
        if last is not None:
            value += self.share * (last - value)
        self._last = value
        return value
