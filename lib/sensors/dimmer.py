"""An LED strip, fan or heater on a transistor: part of full power, by PWM."""

from sensors.shared.output import Output, number

USES = "pwm"


def options():
    """Return the options: name -> (default, lowest, highest) or (default, choices)."""
    return {
        "frequency": (1000, 1, 40_000),
        "invert": (False, (False, True)),
        "safe": (0.0, 0, 100),
    }


def demands(given):
    """Tell the config check the frequency of the PWM."""
    return {"hz": given["frequency"]}


class Dimmer(Output):
    """An output of 0 to 100 %.

    pwm: a machine.PWM
    frequency: the frequency of the PWM, in Hz
    invert: true if the load is on while the pin is low
    safe: the % at the start and when the node stops
    """

    FIELDS = (("power", "%", 2),)

    def __init__(self, pwm, frequency=1000, invert=False, safe=0.0):
        self.pwm = pwm
        self.invert = invert
        self.safe = safe
        pwm.freq(frequency)
        self._to(safe)

    def set(self, value):
        """Set the power, 0 to 100 %. Raises ValueError for anything else."""
        self._to(number(value, 100, "%"))

    def close(self):
        """Go to the safe state."""
        self._to(self.safe)

    def _to(self, state):
        self.pwm.duty_u16(self.duty(100 - state if self.invert else state))
        self.went(state)

    def duty(self, state):
        """Return the duty_u16 of a state."""
        return int(state * 65_535 / 100 + 0.5)


DRIVER = Dimmer
