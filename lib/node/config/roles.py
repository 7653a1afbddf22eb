"""Which keys of a sensor's config name pins, and for what. Imported when it is asked for."""


def roles(uses):
    """Return ((key, kind), ...) for what a driver USES: a kind alone, or such pairs.

    Kinds: in (or pin), out, adc, pwm, bare (the driver sets the pin up), pulse (the time of pulses
    is measured); i2c stands for the keys sda and scl.
    """
    if uses == "i2c":
        return ("sda", "i2c"), ("scl", "i2c")
    return (("pin", uses),) if isinstance(uses, str) else uses


def need(module, driver, *more):
    """ValueError for the module of a driver that lacks what each has to have."""
    for name in ("DRIVER", "USES") + more:
        if not hasattr(module, name):
            raise ValueError("lib/sensors/%s.py has no %s; see docs/drivers.md" % (driver, name))
