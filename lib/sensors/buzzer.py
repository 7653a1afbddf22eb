"""A piezo buzzer: a tone for a while, by PWM."""

from time import ticks_add, ticks_diff, ticks_ms

from micropython import const

from sensors.shared.output import Output, number

USES = "pwm"
_HALF = const(32_768)
_MOST_MS = const(600_000)


def options():
    """The options of the driver: name -> (default, least, most)."""
    return {"frequency": (2000, 100, 10_000), "most_s": (10.0, 0.1, 600)}


def demands(given):
    """What the check of a config asks: the Hz of the PWM."""
    return {"hz": given["frequency"]}


class Buzzer(Output):
    """A tone for as many seconds as a command says; the state is 1 while it sounds.

    pwm: a machine.PWM
    frequency: the pitch of the tone, in Hz
    most_s: the longest tone that a command may ask for, in s
    """

    FIELDS = (("on", ""),)

    def __init__(self, pwm, frequency=2000, most_s=10.0):
        if not 0 < most_s <= 600:
            raise ValueError("most_s: %r; seconds, up to 600" % most_s)
        self.pwm = pwm
        self.most_s = most_s
        self._until = ticks_ms()
        pwm.freq(frequency)
        self._sound(0)

    def set(self, value):
        """Sound for `value` seconds, 0: be silent. Raises ValueError for anything else."""
        self._until = ticks_add(ticks_ms(), int(number(value, self.most_s, "seconds") * 1000))
        self._sound(int(value > 0))

    def poll(self, now):
        """Be silent when it is time; returns the ms until then, at most 1000."""
        if not self.state:
            return 1000
        left = ticks_diff(self._until, now)
        if not 0 < left <= _MOST_MS:  # above it after a week: the ticks have wrapped
            self._sound(0)
        return min(max(left, 0), 1000)

    def close(self):
        """Be silent."""
        self._sound(0)

    def _sound(self, on):
        self.pwm.duty_u16(_HALF * on)
        self.went(on)


DRIVER = Buzzer
