"""What a config may say about waking a node by a pin or a touch, and about outputs that keep their
state while it sleeps; see docs/battery.md.
"""

from node.config.schema import _section

_CONTACTS = ("button", "digital")  # they only read the pin
_MOST_KEPT = 7


def rules():
    """Section -> key -> rule, as in node.config.schema."""
    return {
        "wake": {
            "pin": (None, "pin"),
            "level": (None, (0, 1, "change")),
            "pull": (None, ("up", "down")),
            "touch": (None, "pin"),
            "threshold": (None, int, 1, 65_535),
        }
    }


def check(faults, config, board, pins):
    """Add to `faults` what is wrong with sleep.wake and sleep.keep."""
    section = config["sleep"]
    sensors = config.get("sensors")
    sensors = [
        each
        for each in (sensors if isinstance(sensors, (list, tuple)) else ())
        if isinstance(each, dict)
    ]
    if "wake" in section:
        _wake(faults, section["wake"], sensors, board, pins)
    if "keep" in section:
        _keep(faults, section["keep"], sensors, board)


def _wake(faults, wake, sensors, board, pins):
    before = len(faults)
    if getattr(board, "SLEEP_PIN", None) is not None:
        faults.append(
            "sleep.wake: only its RST pin wakes %s. Connect the button between RST and GND, and "
            "remove this." % board.ID
        )
        return
    _section(faults, "sleep.wake.", wake, rules()["wake"])
    if ("pin" in wake) == ("touch" in wake):
        faults.append(
            'sleep.wake: it needs one of pin and touch. Use {"pin": 33, "level": 0} or '
            '{"touch": 33}.'
        )
    if len(faults) > before:
        return
    key, others = ("pin", ("threshold",)) if "pin" in wake else ("touch", ("level", "pull"))
    for each in others:
        if each in wake:
            faults.append("sleep.wake.%s: it does not go with %s. Remove it." % (each, key))
    if key == "pin" and "level" not in wake:
        faults.append('sleep.wake.level: missing. Use one of 0, 1, "change".')
    if board:
        _pin(faults, key, wake, sensors, board, pins)


def _pin(faults, key, wake, sensors, board, pins):
    pin, place = wake[key], "sleep.wake." + key
    able = getattr(board, "WAKE_PINS" if key == "pin" else "WAKE_TOUCH", ())
    if not able:
        what = "a pin" if key == "pin" else "a touch"
        cure = "Use a pin" if getattr(board, "WAKE_PINS", ()) else "Remove it"
        faults.append("%s: %s can't wake %s. %s." % (place, what, board.ID, cure))
        return
    wrong = ""
    if pin not in able:
        wrong = "can't wake it"
    elif pin in board.RESERVED:
        wrong = "is used for " + board.RESERVED[pin]
    elif "pull" in wake and pin in board.NO_PULL:
        wrong = "has no pull-" + wake["pull"]
    elif ("pin", pin) in pins:
        wrong = "is already used by " + pins["pin", pin]
    if wrong:
        free = [
            str(each)
            for each in able
            if not (each in board.RESERVED or each in board.STRAPPING or ("pin", each) in pins)
            and not ("pull" in wake and each in board.NO_PULL)
        ]
        shown = pin if isinstance(pin, str) else "GPIO%d" % pin
        faults.append("%s: %s %s (%s). Use %s." % (
            place, shown, wrong, board.ID, ", ".join(free) or "another board"
        ))  # fmt: skip
        return
    # A contact may be what wakes it, and be read when it is awake.
    for sensor in sensors:
        if key == "pin" and sensor.get("driver") in _CONTACTS and sensor.get("pin") == pin:
            if sensor.get("pull") != wake.get("pull"):
                faults.append(
                    "sleep.wake.pull: the sensor at GPIO%d has another. Give both the same." % pin
                )
            return
    pins["pin", pin] = place
    pins[("pin", pin), "as"] = None


def _keep(faults, keep, sensors, board):
    if board and not getattr(board, "HOLDS", False):
        faults.append(
            "sleep.keep: the pins of %s float while it sleeps. Remove it; a resistor at the pin, "
            "or a latching relay, keeps the state." % board.ID
        )
        return
    if len(keep) > _MOST_KEPT:
        faults.append("sleep.keep: %d outputs; up to %d" % (len(keep), _MOST_KEPT))
    for i, name in enumerate(keep):
        for sensor in sensors:
            if sensor.get("name") == name:
                break
        else:
            faults.append("sleep.keep[%d]: there is no such sensor. Use the name of a relay." % i)
            continue
        if sensor.get("driver") != "relay":
            faults.append(
                "sleep.keep[%d]: %s is no relay, and nothing else can keep its state. Remove it."
                % (i, name)
            )
        elif sensor.get("most_s"):
            faults.append(
                "sleep.keep[%d]: nobody would switch %s off after its most_s while the node "
                "sleeps. Remove one of the two." % (i, name)
            )
