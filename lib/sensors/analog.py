"""An analog input: many samples, the outliers dropped, the rest averaged, in a physical unit."""

from array import array

USES = "adc"


def options():
    """The options of the driver: name -> (default, least, most) or (default,)."""
    return {
        "samples": (16, 1, 255),
        "scale": (1.0, -1e9, 1e9),
        "offset": (0.0, -1e9, 1e9),
        "unit": ("V",),
        "decimals": (3, 0, 6),
        "reference": (3.3, 0.1, 30.0),
    }


class Analog:
    """A voltage times `scale` plus `offset`, in `unit`, rounded to `decimals`.

    adc: a machine.ADC; its calibrated read_uv() is used where the port has it (ESP32)
    samples: 1 to 255; the middle half of them, in order of size, is averaged
    reference: volts at full scale of read_u16(): 3.3, on ESP8266 1.0 at the chip
    """

    def __init__(
        self, adc, samples=16, scale=1.0, offset=0.0, unit="V", decimals=3, reference=3.3
    ):
        self.adc = adc
        self.samples = array("I", (0 for _ in range(samples)))
        self.scale = scale
        self.offset = offset
        self.decimals = decimals
        self.reference = reference
        self.FIELDS = (("value", unit),)

    def start(self):
        """Nothing to start: returns 0 ms."""
        return 0

    def read(self):
        """Return (value,)."""
        calibrated = hasattr(self.adc, "read_uv")
        take = self.adc.read_uv if calibrated else self.adc.read_u16
        one = 1e-6 if calibrated else self.reference / 65535
        samples = self.samples
        for i in range(len(samples)):
            samples[i] = take()
        value = middle(samples) * one * self.scale + self.offset
        return (float("%.*f" % (self.decimals, value)),)  # round() leaves 9.800000000000001


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


DRIVER = Analog
