"""An NTC thermistor in a divider."""

from math import log

from sensors.shared.channel import Channel
from sensors.shared.ends import end

USES = "adc"


def options():
    """Return the options: name -> (default, lowest, highest) or (default, choices)."""
    from sensors.shared.common import options

    return options(
        series=(10_000.0, 1, 10_000_000), nominal=(10_000.0, 1, 10_000_000),
        beta=(3950.0, 100, 10_000),
        a=(0.0, -1, 1), b=(0.0, -1, 1), c=(0.0, -1, 1),
        supply=(3.3, 0.1, 30), above=(False, (False, True)), decimals=(1, 0, 6),
    )  # fmt: skip


def demands(given):
    """Tell the config check the highest voltage at the pin."""
    return {"volts": given["supply"]}


class Ntc(Channel):
    """Temperature, -55 to 150 C; -22 to 114 C on an ESP32 with 10 kilohms, as its ADC sees less.

    series: the fixed resistor from the supply to the pin, in ohms; the thermistor goes to GND
    above: true if the thermistor goes to the supply instead, and the resistor to GND
    supply: the voltage across thermistor and resistor together
    nominal: the thermistor's resistance at 25 C, in ohms
    beta: B25/85 from its datasheet
    a: with b and c, the Steinhart-Hart coefficients, which replace nominal and beta
    b: see a
    c: see a
    adc, more: see sensors.shared.channel.Channel
    """

    FIELDS = (("temperature", "C"),)
    WHOLE = False

    def __init__(
        self, adc, series=10_000.0, nominal=10_000.0, beta=3950.0, a=0.0, b=0.0, c=0.0,
        supply=3.3, above=False, decimals=1, **more,
    ):  # fmt: skip
        super().__init__(adc, decimals=decimals, **more)
        self.series = series
        self.supply = supply
        self.above = above
        if not a:  # the beta equation is Steinhart-Hart without the cube
            b = 1 / beta
            a = 1 / 298.15 - b * log(nominal)
        self._abc = a, b, c

    def convert(self, volts):
        """Return the temperature. Raises ValueError if the thermistor is open or shorted."""
        at = end(self.adc, volts, self.supply)
        if at:
            what = "not connected" if (at > 0) != self.above else "shorted"
            raise ValueError("%.3f V at the thermistor: it is %s" % (volts, what))
        share = volts / self.supply
        ratio = (1 - share) / share if self.above else share / (1 - share)
        x = log(self.series * ratio)
        a, b, c = self._abc
        inverse = a + b * x + c * x * x * x
        celsius = 1 / inverse - 273.15 if inverse > 0 else float("inf")
        if not -55 <= celsius <= 150:
            raise ValueError("%g C; it measures -55 to 150 C" % celsius)
        return celsius


DRIVER = Ntc
