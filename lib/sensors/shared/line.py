"""Straight lines through points, for calibration."""


def between(points, x, beyond=False):
    """Return y at x, on lines through the points [x, y, x, y, ...]: two or more, x rising.

    beyond: extend the lines past the last points; if false, keep the last value
    """
    last = len(points) - 2
    if not beyond:
        x = min(max(x, points[0]), points[last])
    i = 2
    while i < last and points[i] < x:
        i += 2
    x0, y0, x1, y1 = points[i - 2 : i + 2]
    return y0 + (y1 - y0) * (x - x0) / (x1 - x0)
