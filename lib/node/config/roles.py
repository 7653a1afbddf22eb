"""Says which keys of a sensor's config name pins, and for what. Imported when needed."""


def roles(given):
    """Return ((key, kind), ...) for the given USES of a driver: one kind, or such pairs.

    Kinds: in (or pin), out, adc, pwm, bare (the driver sets the pin up), pulse (the time of pulses
    is measured); i2c stands for the keys sda and scl.
    """
    if given == "i2c":
        return ("sda", "i2c"), ("scl", "i2c")
    return (("pin", given),) if isinstance(given, str) else given


def need(module, driver, *more):
    """Raise ValueError if a driver's module lacks something that every driver needs."""
    for name in ("DRIVER", "USES") + more:
        if not hasattr(module, name):
            raise ValueError("lib/sensors/%s.py has no %s; see docs/drivers.md" % (driver, name))
