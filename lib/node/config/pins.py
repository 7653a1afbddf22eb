"""Checks whether a sensor's pins can do what its driver needs, on this board.

`pins` is passed from sensor to sensor. It holds what is taken, and the path of the one that has
it: a place, which is ("pin", 4) or ("adc", 0); (place, "as"), what it can be shared for; a part on
a shared place; ("line", 6), an interrupt; ("channel", 10) and ("timer", 1), of PWM, with its Hz.
pins["named"] is everything that the sensors name, so that no pin is suggested that another needs.
"""

from node.config.roles import roles

_SHARED = ("sda", "scl", "rom")


def check(faults, about, board, pins, warnings):
    """Add to `faults`, lines of text, what can't work, and to `warnings` what may not.

    about: a sensor's path in the config, what the config says of it, and what its driver USES, its
    options(), and what its demands() say
    board: the module with the board's facts; warnings: a list, or None
    """
    path, sensor, uses, options, asked = about
    before = len(faults)
    pull = sensor.get("pull")
    if pull and pull not in getattr(board, "PULLS", (pull,)):
        faults.append(
            '%s.pull: %s has no pull-%s. Use "up", or a resistor.' % (path, board.ID, pull)
        )
    for key, kind in roles(uses):
        share = key if kind == "i2c" else None
        if "rom" in options:
            share = "rom" if sensor.get("rom") else "none"
        want = (kind, pull if kind in ("in", "pin") else None, share, asked.get("hz"))
        _pin(faults, path, key, sensor[key], want, board, pins, warnings)
    if len(faults) > before:
        return
    if uses == "i2c" or sensor.get("rom"):
        _part(faults, path, sensor, options, board, pins)


def _pin(faults, path, key, pin, want, board, pins, warnings):
    place = _place(pin, want[0], board)
    wrong = _wrong(pin, want, board, pins)
    if wrong:
        free = _free(want, board, pins)
        if not free and " Hz" in wrong:
            free = ["the same frequency"]
        shown, use = _named(pin, place), _some(free)
        if isinstance(pin, str) and pin not in board.PINS:
            shown = '"%s"' % pin
            number = pin.upper().lstrip("GPIO")
            if number in free:  # "4", "GPIO4"; "x1"
                use = number + ", without quotes" if number.isdigit() else '"%s"' % number
        faults.append("%s.%s: %s %s (%s). Use %s." % (path, key, shown, wrong, board.ID, use))
        return
    _take(pin, place, want, path, board, pins)
    doubt = _doubt(pin, place, board)
    if warnings is not None and doubt:
        better = _some(_free(want, board, pins))
        shown = _named(pin, place)
        warnings.append("%s.%s: %s %s. Better: %s." % (path, key, shown, doubt, better))


def _named(pin, place):
    """Return a pin as it is called: most boards have numbers, a Pyboard has names."""
    return pin if isinstance(pin, str) else "%s%d" % ("GPIO" if place[0] == "pin" else "ADC", pin)


def _place(pin, kind, board):
    """What of the board it is. ESP8266's one analog input has the number 0, and so has a GPIO; on
    a Pyboard a pin may have several names."""
    if kind == "adc" and tuple(board.ADC) == (0,):
        return "adc", pin
    return "pin", getattr(board, "CPU", {}).get(pin, pin)


def _wrong(pin, want, board, pins):
    """Say why that pin can't do it; None if it can."""
    kind, pull, share, hz = want
    if pin in board.RESERVED:
        return "is used for " + board.RESERVED[pin]
    if kind == "adc":
        if pin in board.ADC_NOT_WITH_WIFI and board.WIFI and "ethernet" not in pins:
            return "can't measure while Wi-Fi is on"
        if pin not in board.ADC:
            return "is not an analog input"
    elif pin not in board.PINS:
        return "is not a pin"
    elif pin in board.INPUT_ONLY and kind not in ("in", "pin", "pulse"):
        return "can only be an input"
    elif pin in getattr(board, "LEVEL_ONLY", ()) and kind not in ("out", "pulse"):
        what = {"in": "interrupts", "pin": "interrupts", "pwm": "PWM"}
        return "has no " + what.get(kind, "open drain")
    elif pull and pin in board.NO_PULL:
        return "has no pull-" + pull
    place = _place(pin, kind, board)
    if place in pins:
        other = pins[place, "as"]
        if share not in _SHARED or other != share:
            both = share in ("rom", "none") and other in ("rom", "none")
            why = "; on one wire each needs its rom" if both else ""
            return "is already used by %s%s" % (pins[place], why)
    elif kind in ("in", "pin") and ("line", _line(place)) in pins:
        return "shares the interrupt of %s's pin" % pins["line", _line(place)]
    return _wrong_timer(pin, hz, board, pins) if kind == "pwm" else None


def _wrong_timer(pin, hz, board, pins):
    timers = getattr(board, "TIMERS", None)
    if timers is None:
        return None
    if pin not in timers:
        return "has no PWM"
    if ("channel", timers[pin]) in pins:
        return "shares the PWM output of %s's pin" % pins["channel", timers[pin]]
    other = pins.get(("timer", timers[pin] >> 3))
    if other and hz and other[1] != hz:
        return "shares a timer with %s's pin, which has %d Hz, not %d" % (other + (hz,))
    return None


def _take(pin, place, want, path, board, pins):
    kind, _, share, hz = want
    pins.setdefault(place, path)
    pins[place, "as"] = share
    if kind in ("in", "pin") and _line(place) is not None:
        pins["line", _line(place)] = path
    timers = getattr(board, "TIMERS", None)
    if kind == "pwm" and timers:
        pins["channel", timers[pin]] = path
        pins["timer", timers[pin] >> 3] = (path, hz)


def _line(place):
    """Return the interrupt number of a Pyboard's pin (6 for B6); None on other boards."""
    name = place[1]
    return int(name[1:]) if isinstance(name, str) and name[1:].isdigit() else None


def _doubt(pin, place, board):
    """Say why that pin may be a bad choice; None if it is a good one."""
    if place[0] == "adc":
        return None
    if pin in board.STRAPPING:
        what = "is read at the start (%s); a part may spoil it"
        return what % board.STRAPPING[pin]
    some = getattr(board, "SOME_MODULES", {})
    return "is used for %s on some modules" % some[pin] if pin in some else None


def _free(want, board, pins):
    """Return pins that could do it."""
    kind, pull, share, hz = want
    named = [_place(each, kind, board) for each in pins.get("named", ())]
    chip = getattr(board, "CPU", {})
    lines = [_line(("pin", chip[each])) for each in pins.get("named", ()) if each in chip]
    found = []
    for pin in board.ADC if kind == "adc" else board.PINS:
        place = _place(pin, kind, board)
        if place in pins or place in named or _doubt(pin, place, board):
            continue
        if kind in ("in", "pin") and _line(place) in lines:
            continue
        if not _wrong(pin, want, board, pins):
            found.append(str(pin))
    return found


def _part(faults, path, sensor, options, board, pins):
    """Check that parts on one bus or wire differ: in address, channel or rom."""
    key, channel = "address", None
    if "rom" in options:
        key, shown = "rom", sensor["rom"]
        bus = _place(sensor["pin"], "bare", board)
    else:
        shown = "0x%02x" % sensor.get("address", options.get("address", (0,))[0])
        bus = _place(sensor["sda"], "i2c", board), _place(sensor["scl"], "i2c", board)
        if "channel" in options:
            channel = sensor.get("channel", 0)
    place = (bus, shown.lower(), channel)
    if place in pins:
        faults.append(
            "%s.%s: %s is already used by %s on the same bus. Each needs its own."
            % (path, key, shown, pins[place])
        )
    pins[place] = path


def _some(free):
    shown = free[:5]
    if len(shown) < 2:
        return shown[0] if shown else "another board"
    return ", ".join(shown[:-1]) + " or " + shown[-1]
