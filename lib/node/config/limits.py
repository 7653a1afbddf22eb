"""Checks volts and frequencies against what the board can take. Part of the config check."""

from micropython import const

_SPARE = const(1.05)  # supplies and resistors may be off by this
_MODULE = "a module with a divider before its analog input, such as NodeMCU and D1 mini"


def check(faults, about, board, warnings):
    """Add to `faults` what the board can't take, and to `warnings` what to make sure of.

    The arguments are those of node.config.pins.check().
    """
    path, sensor, _, options, asked = about
    least, most = getattr(board, "HZ", (1, 1_000_000))
    hz = asked.get("hz", least)
    if not least <= hz <= most:
        faults.append(
            "%s.frequency: %d Hz is too much or too little: the PWM of %s has %d to %d Hz. Use %d."
            % (path, hz, board.ID, least, most, most if hz > most else least)
        )
    if "reference" in options:
        _volts(faults, path, sensor, options, asked.get("volts", 0), board, warnings)


def _volts(faults, path, sensor, options, volts, board, warnings):
    full = getattr(board, "FULL_SCALE", 3.3)
    divided = getattr(board, "DIVIDED", ())
    reference = sensor.get("reference", full)
    bears = "the analog input of %s takes 0 to %s V" % (board.ID, full)
    hint = ""
    if reference in divided:
        full = reference
        bears = "the module takes 0 to %s V" % full
        if warnings is not None:
            warnings.append(
                "%s.reference: %s V are right on %s; the chip itself takes %s V, and more may "
                "destroy it." % (path, full, _MODULE, board.FULL_SCALE)
            )
    elif divided and volts <= divided[0] * _SPARE:
        hint = ' On %s, add "reference": %s.' % (_MODULE, divided[0])
    if reference > full * 1.1:
        better = hint or " Use %s." % full
        faults.append("%s.reference: %s V; %s.%s" % (path, reference, bears, better))
    elif volts > full * _SPARE:
        key, cure = _cure(sensor, options, volts, full)
        faults.append(
            "%s.%s: the pin may see %.3g V; %s. %s.%s" % (path, key, volts, bears, cure, hint)
        )


def _cure(sensor, options, volts, full):
    """Say which option makes the voltage so high, and how to get it down to `full`."""

    def value(key):
        return sensor.get(key, options[key][0])

    if "supply" in options:
        return "supply", 'Feed its divider from %s V and say "supply": %s' % (full, full)
    if "shunt" in options:
        return "shunt", "Use a shunt of %d ohms or less" % (value("shunt") * full / volts)
    if "top" in options:
        top = volts * (value("top") + value("bottom")) / full - value("bottom")
        return "top", "Use a top of %d ohms or more" % top
    key = "points" if "points" in options else "dry" if "dry" in options else "pin"
    return key, "Put a divider before it, and give the volts behind that"
