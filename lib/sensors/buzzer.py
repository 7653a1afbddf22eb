"""A piezo buzzer: a tone of limited length, by PWM."""

from time import ticks_add, ticks_diff, ticks_ms

from micropython import const

from sensors.shared.output import Output, number

USES = "pwm"
_HALF = const(32_768)
_MOST_MS = const(600_000)


def options():
    """Return the options: name -> (default, lowest, highest)."""
    return {"frequency": (2000, 100, 10_000), "most_s": (10.0, 0.1, 600)}


def demands(given):
    """Tell the config check the frequency of the PWM."""
    return {"hz": given["frequency"]}


class Buzzer(Output):
    """A tone that lasts as many seconds as the command says; the state is 1 while it sounds.

    pwm: a machine.PWM
    frequency: the pitch of the tone, in Hz
    most_s: the longest tone that a command can ask for, in seconds
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
        """Sound for `value` seconds; 0 stops. Raises ValueError for anything else."""
        self._until = ticks_add(ticks_ms(), int(number(value, self.most_s, "seconds") * 1000))
        self._sound(int(value > 0))

    def poll(self, now):
        """Stop the tone when it is time; return the ms until then, at most 1000."""
        if not self.state:
            return 1000
        left = ticks_diff(self._until, now)
        if not 0 < left <= _MOST_MS:  # more after a week: the ticks have wrapped
            self._sound(0)
        return min(max(left, 0), 1000)

    def close(self):
        """Stop the tone."""
        self._sound(0)

    def _sound(self, on):
        self.pwm.duty_u16(_HALF * on)
        self.went(on)


DRIVER = Buzzer
