"""The filters. Each function makes one, and is forgotten later, see sensors.filters.chain.

given: what the config says for it; entry: all that it says of this filter
"""

from time import ticks_diff, ticks_ms

from sensors.shared.filters import median_of, slewing, smoothing

# --- Those that need only the value itself.


def linear(given, entry):
    factor, plus = given
    return lambda value: value * factor + plus


def calibrate(given, entry):
    from sensors.shared.line import between

    points = []
    for pair in given:
        points.extend(pair)
    return lambda value: between(points, value, True)


def clamp(given, entry):
    least, most = given
    return lambda value: min(max(value, least), most)


# --- Those that remember the last values.


def median(given, entry):
    return median_of(given)


def smooth(given, entry):
    return smoothing(given)


def slew(given, entry):
    return slewing(given)


def average(given, entry):
    values = [0] * given
    size = at = 0

    def passed(value):
        nonlocal size, at
        values[at] = value
        at = (at + 1) % given
        size = min(size + 1, given)
        total = 0
        for i in range(size):  # a running total would keep the errors of its roundings
            total += values[i]
        return total / size

    return passed


def outlier(given, entry):
    middle = median_of(entry.get("of", 5))

    def passed(value):
        return value if -given <= value - middle(value) <= given else ()

    return passed


def debounce(given, entry):
    held = new = None
    left = 0

    def passed(value):
        nonlocal held, new, left
        if value != new:
            new = value
            left = given
        left -= 1
        if left <= 0 or held is None:
            held = new
        return held

    return passed


# --- Those that hold values back for a time. Readings don't come at exactly equal times: one that
# is a little early for its turn is on time.


def throttle(given, entry):
    ms = int(given * 1000)
    since = None

    def passed(value):
        nonlocal since
        if not _due(since, ms):
            return ()
        since = ticks_ms()
        return value

    return passed


def delta(given, entry):
    least = given * 0.999  # 20.3 - 20.1 is slightly less than 0.2
    ms = int(entry.get("heartbeat", 0) * 1000)
    last = since = None

    def passed(value):
        nonlocal last, since
        told = last is not None and (value == last or abs(value - last) < least)
        if told and not (ms and _due(since, ms)):
            return ()
        last = value
        since = ticks_ms()
        return value

    return passed


def over(given, entry):
    ms = int(given * 1000)
    take = entry.get("take", "")
    pick = min if take[:3] == "min" else max if take[:3] == "max" else None
    total = count = 0
    since = None

    def passed(value):
        nonlocal total, count, since
        if since is None:
            since = ticks_ms()
        total = pick(total, value) if pick and count else total + value
        count += 1
        if not _due(since, ms):
            return ()
        value = total if pick else total / count
        total = count = 0
        since = ticks_ms()
        return value

    return passed


def _due(at, ms):
    """Return whether so many ms have passed; also after days, when the ticks have wrapped."""
    return at is None or not 0 <= ticks_diff(ticks_ms(), at) < ms - ms // 64
