"""What a config may say about deep sleep, and whether the board can do it; see docs/battery.md."""

from micropython import const

from node.overlay import call

_SHORT_S = const(60)
_CONNECTS_S = const(8)


def rules():
    """Section -> key -> rule, as in node.config.schema."""
    return {
        "sleep": {
            "every": (..., int, 10, 604_800),
            "awake": (..., int, 3, 3600),
            "hold": (None, int, 0, 86_400),
            "low": (None, float, 0.5, 60),
            "wake": (None, "object", 0, 0, '{"pin": 33, "level": 0}'),
            "keep": (None, "list"),
        }
    }


def check(faults, config, board, pins, warnings):
    """Add to `faults` what is wrong with that section of the config, and to `warnings`."""
    from node.config.schema import _section

    section = config["sleep"]
    before = len(faults)
    why = getattr(board, "NO_SLEEP", "")
    if why:
        faults.append("sleep: %s. Remove it, or use another board." % why)
        return
    _section(faults, "sleep.", section, rules()["sleep"])
    if len(faults) > before:
        return
    every, awake = section["every"], section["awake"]
    if awake >= every:
        faults.append(
            "sleep.awake: %d s is wrong. It has to be less than sleep.every, %d s."
            % (awake, every)
        )
    _others(faults, config, board)
    if "wake" in section or "keep" in section:
        call("config", "wake", "check", faults, config, board, pins)
    pin = getattr(board, "SLEEP_PIN", None)
    if pin is not None:
        place = "pin", pin
        pins[place] = "sleep, whose wire to RST wakes the board"
        pins[place, "as"] = None
    if warnings is None:
        return
    if pin is not None:
        warnings.append("sleep: connect GPIO%d to RST, or the board never wakes." % pin)
    if section.get("hold", 600) < _SHORT_S:
        warnings.append(
            "sleep.hold: %d s. After a reset the board can be reached for no longer than that."
            % section["hold"]
        )
    if awake < _CONNECTS_S and "wifi" in config:
        warnings.append(
            "sleep.awake: %d s. Joining the Wi-Fi and connecting may take longer; 20 is safe."
            % awake
        )


def _others(faults, config, board):
    """Check what other sections must not say if the board sleeps."""
    mqtt = config.get("mqtt")
    if isinstance(mqtt, dict) and mqtt.get("serial") == "usb":
        faults.append("sleep: USB goes away while the board sleeps. Use Wi-Fi, or a UART.")
    shown = config.get("homeassistant")
    if isinstance(shown, dict) and shown.get("convention") == "homie":
        faults.append('homeassistant.convention: "homie" does not go with sleep. Remove one.')
    if config.get("rules"):
        faults.append(
            "rules: a sleep would make them forget what they saw. Remove rules or sleep."
        )
    if config.get("watchdog") and getattr(board, "SLEEP_WATCHDOG", False):
        faults.append(
            "watchdog: that of %s goes on in a deep sleep, and would end it. Remove it." % board.ID
        )
    sensors = config.get("sensors")
    if "low" in config["sleep"] and not any(
        isinstance(sensor, dict) and sensor.get("driver") == "battery"
        for sensor in (sensors if isinstance(sensors, (list, tuple)) else ())
    ):
        faults.append("sleep.low: no sensor has the driver battery. Add one, or remove it.")
    for i, sensor in enumerate(sensors if isinstance(sensors, (list, tuple)) else ()):
        if isinstance(sensor, dict) and sensor.get("driver") == "pulse":
            faults.append(
                "sensors[%d].driver: a pulse counter counts nothing while the board sleeps. "
                "Remove one of the two." % i
            )
        if isinstance(sensor, dict) and "energy" in str(sensor.get("formula")):
            faults.append(
                "sensors[%d].formula: energy() adds up nothing while the board sleeps. "
                "Remove one of the two." % i
            )
