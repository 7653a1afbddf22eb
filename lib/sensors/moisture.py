"""Soil moisture from a capacitive or resistive probe, calibrated at two points."""

from sensors.shared.channel import Channel

USES = "adc"


def options():
    """Return the options: name -> (default, lowest, highest)."""
    from sensors.shared.common import options

    return options(dry=(2.6, 0, 30), wet=(1.1, 0, 30), decimals=(0, 0, 6))


def demands(given):
    """Tell the config check the highest voltage at the pin, or what is wrong."""
    dry, wet = given["dry"], given["wet"]
    if dry == wet:
        return {"wrong": "wet: %s V, as dry; measure both again" % wet}
    return {"volts": max(dry, wet)}


class Moisture(Channel):
    """Moisture, 0 % (dry) to 100 % (wet).

    dry: the probe's voltage in dry air
    wet: the probe's voltage in water; which of the two is higher depends on the probe
    adc, more: see sensors.shared.channel.Channel
    """

    FIELDS = (("moisture", "%"),)

    def __init__(self, adc, dry=2.6, wet=1.1, decimals=0, **more):
        super().__init__(adc, decimals=decimals, **more)
        if dry == wet:
            raise ValueError("dry and wet are both %s V; measure them again" % dry)
        self.dry = dry
        self.wet = wet

    def convert(self, volts):
        """Return the moisture; slightly outside the two points it is 0 or 100.

        Raises ValueError beyond a quarter of their distance: then there is no probe.
        """
        found = 100 * (volts - self.dry) / (self.wet - self.dry)
        if not -25 <= found <= 125:
            what = (
                "%.3f V, but the probe has %g V dry, %g V wet; check its wires, or measure again"
            )
            raise ValueError(what % (volts, self.dry, self.wet))
        return min(max(found, 0), 100)


DRIVER = Moisture
