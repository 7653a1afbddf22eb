"""A model servo, driven by pulses of 0.5 to 2.5 ms, 50 per second."""

from sensors.dimmer import Dimmer
from sensors.shared.output import number

USES = "pwm"


def options():
    """Return the options: name -> (default, lowest, highest)."""
    return {
        "least_us": (1000, 400, 2000),
        "most_us": (2000, 1000, 2600),
        "range": (90.0, 1, 360),
        "safe": (0.0, 0, 360),
    }


def demands(given):
    """Tell the config check the frequency of the PWM."""
    return {"hz": 50}


class Servo(Dimmer):
    """An angle from 0 to `range` degrees.

    pwm: a machine.PWM
    least_us: the length of the pulse at 0 degrees, in us
    most_us: the length of the pulse at `range` degrees, in us
    range: the largest angle, in degrees
    safe: the angle at the start and when the node stops, in degrees
    """

    FIELDS = (("angle", "deg", 2),)

    def __init__(self, pwm, least_us=1000, most_us=2000, range=90.0, safe=0.0):
        self.least_us = least_us
        self.most_us = most_us
        self.range = range
        super().__init__(pwm, 50, False, min(safe, range))

    def set(self, value):
        """Move to an angle. Raises ValueError for anything else."""
        self._to(number(value, self.range, "degrees"))

    def duty(self, state):
        """Return the duty_u16 of an angle."""
        us = self.least_us + (self.most_us - self.least_us) * state / self.range
        return int(us * 65_535 / 20_000 + 0.5)


DRIVER = Servo
