"""An LED strip, a fan or a heater on a transistor: a share of full power, by PWM."""

from sensors.shared.output import Output, number

USES = "pwm"


def options():
    """The options of the driver: name -> (default, least, most) or (default, choices)."""
    return {
        "frequency": (1000, 1, 40_000),
        "invert": (False, (False, True)),
        "safe": (0.0, 0, 100),
    }


def demands(given):
    """What the check of a config asks: the Hz of the PWM."""
    return {"hz": given["frequency"]}


class Dimmer(Output):
    """An output of 0 to 100 %.

    pwm: a machine.PWM
    frequency: how often it is switched, in Hz
    invert: whether the part is on when the pin is low
    safe: the % at the start and at the end
    """

    FIELDS = (("power", "%", 2),)

    def __init__(self, pwm, frequency=1000, invert=False, safe=0.0):
        self.pwm = pwm
        self.invert = invert
        self.safe = safe
        pwm.freq(frequency)
        self._to(safe)

    def set(self, value):
        """Go to a value, 0 to 100 %. Raises ValueError for anything else."""
        self._to(number(value, 100, "%"))

    def close(self):
        """Go to the safe state."""
        self._to(self.safe)

    def _to(self, state):
        self.pwm.duty_u16(self.duty(100 - state if self.invert else state))
        self.went(state)

    def duty(self, state):
        """duty_u16 of a state."""
        return int(state * 65_535 / 100 + 0.5)


DRIVER = Dimmer
