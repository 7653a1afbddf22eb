"""A photoresistor (LDR) in a divider: rough light."""

from sensors.shared.channel import Channel
from sensors.shared.ends import end

USES = "adc"


def options():
    """The options of the driver: name -> (default, least, most)."""
    from sensors.shared.common import options

    return options(
        series=(10_000.0, 1, 10_000_000), ohms=(15_000.0, 1, 10_000_000), gamma=(0.7, 0.1, 2),
        supply=(3.3, 0.1, 30), decimals=(0, 0, 6),
    )  # fmt: skip


def demands(given):
    """What the check of a config asks: the most volts at the pin."""
    return {"volts": given["supply"]}


class Ldr(Channel):
    """Illuminance, 0 to 100000 lx, rough: LDRs differ by half from one another.

    series: ohms from the pin to GND; the LDR goes from the supply to the pin
    ohms: the resistance of the LDR at 10 lx, see its datasheet
    gamma: how steeply its resistance falls with the light, see its datasheet
    supply: volts over the LDR and the resistor together
    adc, more: see sensors.shared.channel.Channel
    """

    FIELDS = (("illuminance", "lx"),)
    WHOLE = False

    def __init__(
        self, adc, series=10_000.0, ohms=15_000.0, gamma=0.7, supply=3.3, decimals=0, **more
    ):
        super().__init__(adc, decimals=decimals, **more)
        self.series = series
        self.ohms = ohms
        self.gamma = gamma
        self.supply = supply

    def convert(self, volts):
        """The illuminance; 0 in the dark. Raises ValueError if the LDR is shorted."""
        at = end(self.adc, volts, self.supply, 0.001)
        if at < 0:
            return 0.0
        if at:
            raise ValueError(
                "%.3f V at the LDR: it is shorted, or too bright for a series of %g ohms"
                % (volts, self.series)
            )
        now = self.series * (self.supply / volts - 1)
        lux = 10 * (self.ohms / now) ** (1 / self.gamma)
        if not lux <= 100_000:  # the sun
            raise ValueError("%g lx; it measures 0 to 100000 lx" % lux)
        return lux


DRIVER = Ldr
