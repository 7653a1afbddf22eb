"""What formulas know of air. Values as sensors measure them: C, %, hPa, m.

Sources: WMO-No. 8 (2021), annex 4.B, for water vapour (Magnus, over water); ISO 2533 for the
pressure; NWS, "The Heat Index Equation" (2014).
"""

from math import exp, log


def dew_point(t, h):
    """Return the temperature at which dew forms, in C. Raises ValueError without humidity."""
    a = log(h / 100) + 17.62 * t / (243.12 + t)
    return 243.12 * a / (17.62 - a)


def absolute_humidity(t, h):
    """Return the water in a cubic metre, in g."""
    return 216.68 * h / 100 * 6.112 * exp(17.62 * t / (243.12 + t)) / (273.15 + t)


def heat_index(t, h):
    """Return how warm it feels in the shade, in C."""
    f = t * 1.8 + 32
    found = 0.5 * (f + 61 + (f - 68) * 1.2 + h * 0.094)
    if found + f >= 160:
        found = (
            -42.379 + 2.04901523 * f + 10.14333127 * h - 0.22475541 * f * h
            - 0.00683783 * f * f - 0.05481717 * h * h + 0.00122874 * f * f * h
            + 0.00085282 * f * h * h - 0.00000199 * f * f * h * h
        )  # fmt: skip
        if h < 13 and 80 <= f <= 112:
            found -= (13 - h) / 4 * ((17 - abs(f - 95)) / 17) ** 0.5
        elif h > 85 and 80 <= f <= 87:
            found += (h - 85) / 10 * (87 - f) / 5
    return (found - 32) / 1.8


def sea_level(p, m, t=None):
    """Return the pressure at sea level in hPa, from that at m metres.

    t: the temperature there; without it, that of the standard atmosphere
    """
    fall = 0.0065 * m
    warm = 288.15 if t is None else t + 273.15 + fall
    return p * (1 - fall / warm) ** -5.25588
