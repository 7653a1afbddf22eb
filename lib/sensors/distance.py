"""An ultrasonic distance sensor: HC-SR04, JSN-SR04T, US-100."""

USES = (("pin", "out"), ("echo", "pulse"))


def options():
    """The options of the driver: name -> (default, least, most)."""
    return {"most": (4.0, 0.1, 6), "temperature": (20.0, -40, 60), "pings": (3, 1, 15)}


class Distance:
    """Distance, 0.02 to 4 m, in steps of 0.001.

    trigger, echo: machine.Pins, an output and an input; the echo is 5 V: divide it for 3.3 V
    pulse_us: machine.time_pulse_us
    most: m that it looks; temperature: C of the air; pings: the middle one of so many is told
    """

    FIELDS = (("distance", "m"),)

    def __init__(self, trigger, echo, pulse_us, most=4.0, temperature=20.0, pings=3):
        self.trigger = trigger
        self.echo = echo
        self.pulse_us = pulse_us
        self.pings = pings
        self.metres_a_us = (331.3 + 0.606 * temperature) / 2e6  # there and back
        self.timeout_us = int(most / self.metres_a_us) + 1000
        trigger.value(0)

    def start(self):
        """Nothing to start: returns 0 ms."""
        return 0

    def read(self):
        """Return (m,); blocks for at most 25 ms a ping. Raises OSError if there is no echo."""
        found = []
        for _ in range(self.pings):
            self.trigger.value(1)  # 10 us are asked for; a call takes longer on every board
            self.trigger.value(0)
            us = self.pulse_us(self.echo, 1, self.timeout_us)
            if us > 0:
                found.append(us)
        if not found:
            raise OSError("distance: no echo; check trigger, echo and 5 V, or nothing is in reach")
        return (float("%.3f" % (sorted(found)[len(found) // 2] * self.metres_a_us)),)


DRIVER = Distance
