"""What filters change about a sensor: units, decimals, and how long it may say nothing.

Home Assistant, the check of the config and the filters themselves ask here.
"""

from micropython import const

from sensors.shared.steps import decimals

# Units that can be converted, each with its factor to the first one of its line and what is added
# after that. In one text: short ones would be names that stay in RAM for good.
_UNITS = const("""\
C 1 0 F .5555555555555556 -17.77777777777778 K 1 -273.15
hPa 1 0 mbar 1 0 Pa .01 0 kPa 10 0 bar 1000 0 inHg 33.86389 0 mmHg 1.333224 0 psi 68.94757 0
m 1 0 mm .001 0 cm .01 0 km 1000 0 in .0254 0 ft .3048 0 yd .9144 0 mi 1609.344 0
l 1 0 ml .001 0 m3 1000 0 gal 3.785411784 0
l/min 1 0 l/h .01666666666666667 0 m3/min 1000 0 m3/h 16.66666666666667 0 gal/min 3.785411784 0
m/s 1 0 km/h .2777777777777778 0 mph .44704 0 kn .5144444444444444 0
g 1 0 kg 1000 0 oz 28.349523125 0 lb 453.59237 0
V 1 0 mV .001 0
A 1 0 mA .001 0
W 1 0 kW 1000 0
Wh 1 0 kWh 1000 0""")
_FRACTIONS = const("multiply linear average smooth over calibrate")  # of whole numbers


def convert(unit, to):
    """Return (factor, what is added after it) from one unit to another; None: there is no way."""
    words = ways(unit)
    if to not in words:
        return None
    i, j = words.index(unit), words.index(to)
    factor = float(words[i + 1]) / float(words[j + 1])
    return factor, (float(words[i + 2]) - float(words[j + 2])) / float(words[j + 1])


def ways(unit):
    """Return the line of a unit, as words; empty if it can't be converted."""
    for line in _UNITS.split("\n"):
        words = line.split()
        if unit in words[::3]:
            return words
    return []


def fields(given, filters):
    """Return the FIELDS of a part as they are behind its filters."""
    found = []
    for about in given:
        for each in filters:
            if each.get("field", about[0]) == about[0]:
                about = _behind(about, each)
        found.append(about)
    return tuple(found)


def _behind(about, entry):
    name, unit = about[:2]
    fine = about[2] if len(about) > 2 else None
    kinds = _FRACTIONS.split()
    factor = entry.get(kinds[0]) or entry.get(kinds[1], (1,))[0]
    if "to" in entry:
        way = convert(unit, entry["to"])
        if not way:  # it is meant for another field
            return about
        unit, factor = entry["to"], way[0]
        fine = fine or 0
    if fine is None:
        fine = 2 if any(kind in entry for kind in kinds) else None
    elif factor not in (1, 0):
        fine = decimals(abs(factor) * 1.5 / 10**fine)
    return (name, unit) if fine is None else (name, unit, fine)


def pause(filters):
    """Return the ms for which filters hold back values at most; -1: for any time."""
    ms = 0
    for each in filters:
        seconds = each.get("throttle") or each.get("over") or each.get("heartbeat", 0)
        if "delta" in each and not seconds:
            return -1
        ms += int(seconds * 1000)
    return ms
