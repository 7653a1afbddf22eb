"""Filters that run from reading to reading. Imported only if a sensor uses one.

Each is a function that takes a value and returns one. What it remembers is made at the start.
"""

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
        made.append(within(least, most))
    if median:
        made.append(median_of(median))
    if slew:
        made.append(slewing(slew))
    if smooth:
        made.append(smoothing(smooth))
    return tuple(made)


def within(least, most):
    """Refuse a value outside `least` to `most`, before other filters see it."""

    def passed(value):
        if least <= value <= most:
            return value
        raise ValueError("%g; it measures %g to %g" % (value, least, most))

    return passed


def median_of(count):
    """The median of the last `count` values; of an even number the lower of the middle two."""
    values = [0] * count
    size = at = 0

    def passed(value):
        nonlocal size, at
        values[at] = value
        at = (at + 1) % count
        size = min(size + 1, count)
        for i in range(size):
            value = values[i]
            below = same = 0
            for j in range(size):
                below += values[j] < value
                same += values[j] == value
            if below <= (size - 1) // 2 < below + same:
                break
        return value

    return passed


def slewing(most):
    """Let the value change by at most `most` at a time."""
    last = None

    def passed(value):
        nonlocal last
        if last is not None:
            value = min(max(value, last - most), last + most)
        last = value
        return value

    return passed


def smoothing(keep):
    """Exponential smoothing: keep this share of the old value, the rest of the new one.

    The result never leaves the range of what came in.
    """
    last = None

    def passed(value):
        nonlocal last
        if last is not None:
            value += keep * (last - value)
        last = value
        return value

    return passed
