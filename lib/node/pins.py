"""Whether the pins of a sensor can do what its driver wants, on this board. Part of the check."""

from node.roles import roles


def check(faults, path, sensor, driver, board, pins, warnings):
    """Add to `faults`, lines of text, what cannot work, and to `warnings` what may not.

    path: of the sensor, in the config; board: the module with the board's facts
    pins: what is taken already -> its path, and whether it may be shared
    """
    before = len(faults)
    for key, kind in roles(driver.USES):
        _pin(faults, path, sensor, key, kind, board, pins, warnings)
    if len(faults) > before:
        return
    if driver.USES == "i2c":
        address = sensor.get("address", driver.options().get("address", (0,))[0])
        # A part of several channels may be there several times.
        channel = sensor.get("channel", 0) if "channel" in driver.options() else None
        place = (sensor["sda"], sensor["scl"], address, channel)
        if place in pins:
            faults.append(
                "%s.address: 0x%02x is that of %s too, on the same bus; use another address or bus"
                % (path, address, pins[place])
            )
        pins[place] = path
    elif driver.USES == "adc":
        _volts(faults, path, sensor, driver, board)


def _pin(faults, path, sensor, key, kind, board, pins, warnings):
    pin = sensor[key]
    pull = sensor.get("pull") if kind in ("in", "pin") else None
    place = _place(pin, kind, board)
    wrong = _wrong(pin, place, key, kind, pull, board, pins)
    if wrong is None:
        pins[place] = path
        pins[place, "as"] = key if kind == "i2c" else ""
        if warnings is not None and pin in board.STRAPPING and kind != "adc":
            warnings.append(
                "%s.%s: %s decides at the start (%s), and a part on it may keep the board from "
                "starting; better %s"
                % (path, key, pin, board.STRAPPING[pin], _some(_free(kind, pull, board, pins)))
            )
        return
    faults.append(
        "%s.%s: %s %s on %s; use %s"
        % (path, key, pin, wrong, board.ID, _some(_free(kind, pull, board, pins)))
    )


def _place(pin, kind, board):
    """What of the board it is. ESP8266's one analog input has the number 0, and so has a GPIO."""
    return ("adc" if kind == "adc" and tuple(board.ADC) == (0,) else "pin", pin)


def _wrong(pin, place, key, kind, pull, board, pins):
    """Why that pin cannot do it; None if it can."""
    if pin in board.RESERVED:
        return "is used for " + board.RESERVED[pin]
    if kind == "adc":
        if pin in board.ADC_NOT_WITH_WIFI and board.WIFI:
            return "cannot measure while Wi-Fi is on,"
        if pin not in board.ADC:
            return "is not an analog input"
    elif pin not in board.PINS:
        return "is not a pin"
    elif pin in board.INPUT_ONLY and kind not in ("in", "pin", "pulse"):
        return "is an input only"
    elif pull and pin in board.NO_PULL:
        return "has no pull-" + pull
    if place in pins and (kind != "i2c" or pins[place, "as"] != key):
        return "is that of %s too, and is no free pin" % pins[place]
    return None


def _free(kind, pull, board, pins):
    """Pins that could do it."""
    found = []
    for pin in board.ADC if kind == "adc" else board.PINS:
        if pin in board.STRAPPING and kind != "adc":
            continue
        if _wrong(pin, _place(pin, kind, board), "", kind, pull, board, pins):
            continue
        found.append(str(pin))
    return found


def _volts(faults, path, sensor, driver, board):
    """The input must bear what may come."""
    most = getattr(board, "FULL_SCALE", 3.3)
    options = driver.options()
    for key in ("reference", "supply"):
        if key not in options or (key not in sensor and (key == "reference" or most >= 3)):
            continue
        volts = sensor.get(key, options[key][0])
        if volts > most + 0.31:
            faults.append(
                "%s.%s: %s V; the analog input of %s takes 0 to %s V; put a divider before it and "
                "give %s: %s" % (path, key, volts, board.ID, most, key, most)
            )


def _some(free):
    shown = free[:5]
    if len(shown) < 2:
        return shown[0] if shown else "another board"
    return ", ".join(shown[:-1]) + " or " + shown[-1]
