"""An ultrasonic distance sensor: HC-SR04, HC-SR04P, JSN-SR04T, US-100."""

from time import sleep_us, ticks_diff, ticks_ms

from micropython import const

_PULSE_US = const(20)  # the HC-SR04 needs 10, the JSN-SR04T 20
_RELEASE_US = const(50)  # how long to pull ECHO low
_LEAST = 0.02  # m, for all these parts
_CYCLE_MS = const(61)  # late echoes have faded; plus 1 because a tick is cut off

USES = (("pin", "out"), ("echo", "pulse"))


def options():
    """Return the options: name -> (default, lowest, highest)."""
    return {"most": (4.0, 0.1, 6), "temperature": (20.0, -40, 60), "pings": (3, 1, 15)}


class Distance:
    """Distance, 0.02 to 4 m, in steps of 0.001.

    trigger, echo: machine.Pins, an output and an input; divide a 5 V echo down to 3.3 V
    pulse_us: machine.time_pulse_us
    most: the longest distance to measure, in m
    temperature: the air's temperature, in C; sound is faster in warm air
    pings: how many to send; the reading is their median
    """

    FIELDS = (("distance", "m", 3),)

    def __init__(self, trigger, echo, pulse_us, most=4.0, temperature=20.0, pings=3):
        self.trigger = trigger
        self.echo = echo
        self.pulse_us = pulse_us
        self.pings = pings
        self.metres_a_us = (331.3 + 0.606 * temperature) / 2e6  # there and back
        self.timeout_us = int(most / self.metres_a_us)
        self._left = pings
        self._found = []
        self._pinged = ticks_ms()
        trigger.value(0)

    def start(self):
        """Start a reading; return the ms until the echoes of the last ping have faded."""
        self._left = self.pings
        self._found.clear()
        left = _CYCLE_MS - ticks_diff(ticks_ms(), self._pinged)
        return left if 0 < left <= _CYCLE_MS else 0

    def read(self):
        """Send a ping; return (m,), or the ms until the next ping.

        Raises OSError if there is no echo, and ValueError if the obstacle is too near. Blocks
        until the echo is back: 25 ms at 4 m, twice that if ECHO rises late.
        """
        found = self._found
        # Without an obstacle ECHO stays high for 38 ms or more, which would count as an echo.
        if self.echo.value():
            self._release()
        high = self.echo.value()
        if not high:
            self.trigger.value(1)
            sleep_us(_PULSE_US)
            self.trigger.value(0)
            us = self.pulse_us(self.echo, 1, self.timeout_us)
            if us > 0:
                found.append(us)
        self._pinged = ticks_ms()
        self._left -= 1
        if self._left > 0:
            return _CYCLE_MS
        self._left = self.pings
        if not found:
            if high:
                raise OSError(
                    "distance: ECHO stays high; check its wire, or turn power off and on"
                )
            raise OSError("distance: no echo; nothing is in reach, or check trigger, echo and 5 V")
        found.sort()
        metres = float("%.3f" % (found[len(found) // 2] * self.metres_a_us))
        found.clear()
        if metres < _LEAST:
            raise ValueError("distance: %g m: too near; it measures from %g m" % (metres, _LEAST))
        return (metres,)

    def _release(self):
        """Pull ECHO low for a moment; some parts (HC-SR04P) hold it high until then."""
        echo = self.echo
        try:
            echo.init(echo.OUT, value=0)
        except ValueError:  # the pin can only be an input
            return
        sleep_us(_RELEASE_US)
        echo.init(echo.IN)


DRIVER = Distance
