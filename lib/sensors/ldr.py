"""A photoresistor (LDR) in a divider: a rough measure of light."""

from sensors.shared.channel import Channel
from sensors.shared.ends import end

USES = "adc"


def options():
    """Return the options: name -> (default, lowest, highest)."""
    from sensors.shared.common import options

    return options(
        series=(10_000.0, 1, 10_000_000), ohms=(15_000.0, 1, 10_000_000), gamma=(0.7, 0.1, 2),
        supply=(3.3, 0.1, 30), decimals=(0, 0, 6),
    )  # fmt: skip


def demands(given):
    """Tell the config check the highest voltage at the pin."""
    return {"volts": given["supply"]}


class Ldr(Channel):
    """Illuminance, 0 to 100000 lx. Only a rough value: LDRs of one type differ by half.

    series: the resistor from the pin to GND, in ohms; the LDR goes from the supply to the pin
    ohms: the LDR's resistance at 10 lx; see its datasheet
    gamma: how steeply the resistance falls as light increases; see its datasheet
    supply: the voltage across LDR and resistor together
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
        """Return the illuminance, 0 in the dark. Raises ValueError if the LDR is shorted."""
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
