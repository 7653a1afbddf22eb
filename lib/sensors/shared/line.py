"""A line through points: for calibration."""


def between(points, x, beyond=False):
    """Return the value at x of a line through points [x, y, x, y, ...], x rising; two or more.

    beyond: whether to go on in a straight line outside of the points, or stay at the last value
    """
    last = len(points) - 2
    if not beyond:
        x = min(max(x, points[0]), points[last])
    i = 2
    while i < last and points[i] < x:
        i += 2
    x0, y0, x1, y1 = points[i - 2 : i + 2]
    return y0 + (y1 - y0) * (x - x0) / (x1 - x0)
