"""What analog drivers share: take many samples, drop outliers, average the rest, filter."""

from array import array


class Channel:
    """A voltage, and the value that convert() makes of it; the base of the analog drivers.

    adc: a machine.ADC; the calibrated read_uv() is used if the port has it (ESP32)
    samples: how many to take for a reading; the highest and lowest quarters are left out
    reference: the voltage at the full scale of read_u16(): 3.3, or 1.0 on a bare ESP8266
    decimals: how many decimals the reading has
    filters: median, smooth, slew, least, most; see sensors.shared.filters.chain
    """

    FIELDS: tuple = (("voltage", "V"),)
    WHOLE = True  # refuse the ends of the range; if False, convert() looks at them itself

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
        """Return 0: there is nothing to start."""
        return 0

    def read(self):
        """Return (value,). Raises ValueError if the voltage means nothing."""
        value = self.convert(self.volts())
        for each in self.filters:
            value = each(value)
        return (float("%.*f" % (self.decimals, value)),)  # round() leaves 9.800000000000001

    def convert(self, volts):
        """Return what the voltage stands for."""
        return volts

    def volts(self):
        """Return the voltage at the pin. Raises ValueError at the ends of the input's range."""
        calibrated = hasattr(self.adc, "read_uv")
        take = self.adc.read_uv if calibrated else self.adc.read_u16
        one = 1e-6 if calibrated else self.reference / 65535
        samples = self.samples
        for i in range(len(samples)):
            samples[i] = take()
        found = middle(samples)
        if self.WHOLE:
            # The raw code shows the ends on every chip; an ESP32 says 0.14 V at 0, later ones 0.
            code = self.adc.read_u16() if calibrated else found
            if code >= 65_535 or not code and found > 50_000:
                raise ValueError("%.3f V is beyond what this input measures" % (found * one))
        return found * one


def middle(samples):
    """Sort the array in place; return the mean of its middle half (the median of up to 3)."""
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
