"""What drivers on an ADC share: many samples, the outliers dropped, the rest averaged, filters."""

from array import array


class Channel:
    """A voltage, and with convert() what it stands for; the base of the analog drivers.

    adc: a machine.ADC; its calibrated read_uv() is used where the port has it (ESP32)
    samples: how many to take for a reading; the middle half of them, in order of size, is averaged
    reference: volts at full scale of read_u16(): 3.3; on a bare ESP8266 1.0
    decimals: how many the reading has
    filters: median, smooth, slew, least, most; see sensors.shared.filters.chain
    """

    FIELDS: tuple = (("voltage", "V"),)
    WHOLE = True  # at the ends of the input nobody knows the voltage; False: convert() asks itself

    def __init__(self, adc, samples=16, reference=3.3, decimals=3, **filters):
        self.adc = adc
        self.samples = array("I", (0 for _ in range(samples)))
        self.reference = reference
        self.decimals = decimals
        name, unit = self.FIELDS[0][:2]
        self.FIELDS = ((name, unit, decimals),) + self.FIELDS[1:]  # noqa: RUF005
        self.filters: tuple = ()
        if filters:
            from sensors.shared.filters import chain

            self.filters = chain(**filters)

    def start(self):
        """Nothing to start: returns 0 ms."""
        return 0

    def read(self):
        """Return (value,). Raises ValueError if the voltage stands for nothing."""
        value = self.convert(self.volts())
        for each in self.filters:
            value = each(value)
        return (float("%.*f" % (self.decimals, value)),)  # round() leaves 9.800000000000001

    def convert(self, volts):
        """What the voltage stands for."""
        return volts

    def volts(self):
        """Sample, and return the voltage at the pin. Raises ValueError where the input ends."""
        calibrated = hasattr(self.adc, "read_uv")
        take = self.adc.read_uv if calibrated else self.adc.read_u16
        one = 1e-6 if calibrated else self.reference / 65535
        samples = self.samples
        for i in range(len(samples)):
            samples[i] = take()
        found = middle(samples)
        if self.WHOLE:
            # The code tells the ends of all; an ESP32 has 0.14 V at 0, its successors have 0.
            code = self.adc.read_u16() if calibrated else found
            if code >= 65_535 or not code and found > 50_000:
                raise ValueError("%.3f V is beyond what this input measures" % (found * one))
        return found * one


def middle(samples):
    """Sort the array in place; return the mean of its middle half, of 3 or fewer the median."""
    count = len(samples)
    for i in range(1, count):
        value = samples[i]
        while i and samples[i - 1] > value:
            samples[i] = samples[i - 1]
            i -= 1
        samples[i] = value
    cut = count // 4 if count > 3 else (count - 1) // 2
    total = 0
    for i in range(cut, count - cut):
        total += samples[i]
    return total / (count - 2 * cut)
