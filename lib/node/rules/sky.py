"""Sunrise, sunset, and how far local time is from UTC. Needed every half hour, then forgotten.

The sun: the Astronomical Almanac's formulas of low precision, right within two minutes up to the
polar circles, also with the 32-bit floats of a board.
The zone is that of POSIX: "CET-1CEST,M3.5.0,M10.5.0/3" is UTC+1 in winter, from the last Sunday
of October, 3:00, to the last Sunday of March, 2:00, and UTC+2 in summer.

A character is cut out of a text as a piece of it: taken by its place, it would be a name, which
stays in RAM for good.
"""

from math import acos, asin, atan2, cos, pi, sin, tan

from micropython import const

_DAY_S = const(86_400)
_DAY_MIN = const(1440)
_DEGREE = const(0.017_453_293)  # in radians
# The cosine of 90.833 degrees: where the sun's centre is when its edge appears.
_ZENITH = const(-0.014_538_1)
_TILT_SIN = const(0.397_772)  # of the earth's axis, 23.439 degrees
_TILT_COS = const(0.917_484)
_2000 = const(10_957)  # days from 1970


def find(now, place):
    """Return (s from UTC, minute of sunrise, minute of sunset); now: s since 1970, UTC.

    place: (zone, latitude, longitude). The minutes are 0 and 1440 where the sun stays up all day,
    and 1440 and 0 where it stays down.
    """
    off = offset(now, place[0])
    rise, down = sun((now + off) // _DAY_S - _2000, place)
    if rise is None:
        return (off, 0, _DAY_MIN) if down else (off, _DAY_MIN, 0)
    # Never exactly 0, which means something else.
    return off, _minute(rise, off), _minute(down, off)


def _minute(at, off):
    return max(1, int(at + off / 60 + 0.5) % _DAY_MIN)


def sun(now, place):
    """Return the minutes of sunrise and sunset, UTC; (None, whether it stays up) if there is none.

    now: days from the first of 2000; place: as in find(), degrees, north and east are positive
    """
    _, latitude, longitude = place
    day = now - longitude / 360  # at the noon of this place
    mean = (280.46 + 0.9856474 * day) % 360
    g = (357.528 + 0.9856003 * day) % 360 * _DEGREE
    true = (mean + 1.915 * sin(g) + 0.02 * sin(2 * g)) * _DEGREE  # the sun's ecliptic longitude
    tilt = asin(_TILT_SIN * sin(true))
    late = (mean - atan2(_TILT_COS * sin(true), cos(true)) / _DEGREE + 180) % 360 - 180
    latitude = max(-89.9, min(89.9, latitude)) * _DEGREE
    high = _ZENITH / (cos(latitude) * cos(tilt)) - tan(latitude) * tan(tilt)
    if not -1 < high < 1:
        return None, high <= -1
    half = acos(high) * 720 / pi  # minutes
    noon = 720 - 4 * longitude - 4 * late
    return noon - half, noon + half


def offset(now, text):
    """Return the seconds that local time is ahead of UTC."""
    said = text.split(",")
    winter, summer = ahead(said[0])
    if summer is None:
        return winter
    year = date((now + winter) // _DAY_S)[0]
    begin = change(year, said[1]) - winter
    end = change(year, said[2]) - summer
    if begin < end:
        return summer if begin <= now < end else winter
    return winter if end <= now < begin else summer  # in the south


def ahead(text):
    """Return the offsets of "CET-1CEST", in s; the second is None if there is none."""
    at = _name(text, 0)
    first, at = _clock(text, at)
    if at >= len(text):
        return -first, None
    at = _name(text, at)
    second = first - 3600
    if at < len(text):
        second, at = _clock(text, at)
    if at < len(text):
        raise ValueError(text)
    return -first, -second


def _name(text, at):
    """Return where the name of a zone ends. Raises ValueError if there is none."""
    began = at
    if text[at : at + 1] == "<":
        at = text.index(">", at) + 1
    else:
        while at < len(text) and text[at : at + 1].upper() != text[at : at + 1].lower():
            at += 1
    if at - began < 3:
        raise ValueError(text)
    return at


def _clock(text, at):
    """Return the seconds of [+-]hours[:minutes], and where it ends."""
    sign = -1 if text[at : at + 1] == "-" else 1
    if text[at : at + 1] in ("-", "+"):
        at += 1
    parts = [0, 0, 0]
    for i in range(3):
        began = at
        while at < len(text) and text[at : at + 1].isdigit():
            at += 1
        parts[i] = int(text[began:at])
        if text[at : at + 1] != ":":
            break
        at += 1
    if parts[0] > 167 or parts[1] > 59 or parts[2] > 59:
        raise ValueError(text)
    return sign * (parts[0] * 3600 + parts[1] * 60 + parts[2]), at


def change(year, text):
    """Return when the clock is changed, as s since 1970 of the clock that is changed.

    text: M month.week.day[/time]; the fifth week is the last, day 0 is Sunday
    """
    text, _, clock = text.partition("/")
    month, week, day = (int(each) for each in text[1:].split("."))
    if text[:1] != "M" or not (1 <= month <= 12 and 1 <= week <= 5 and 0 <= day <= 6):
        raise ValueError(text)
    seconds = 7200
    if clock:
        seconds, at = _clock(clock, 0)
        if at < len(clock):
            raise ValueError(clock)
    first = first_of(year, month)
    found = first + (day - (first + 4)) % 7 + 7 * (week - 1)
    if found >= (first_of(year, month + 1) if month < 12 else first_of(year + 1, 1)):
        found -= 7
    return found * _DAY_S + seconds


def first_of(year, month):
    """Return the days from 1970 to the first of a month. 2100, no leap year, is far away."""
    days = (year - 1970) * 365 + (year - 1969) // 4
    for each in range(1, month):
        days += 28 + (year % 4 == 0) if each == 2 else 31 - (each in (4, 6, 9, 11))
    return days


def date(count):
    """Return (year, day of the year from 1) of so many days since 1970."""
    year = 1970 + count * 4 // 1461
    if count < first_of(year, 1):
        year -= 1
    elif count >= first_of(year + 1, 1):
        year += 1
    return year, count - first_of(year, 1) + 1
