"""A battery through a divider: its voltage, and how much is left."""

from micropython import const

from sensors.table import between
from sensors.voltage import Voltage
from sensors.voltage import options as of_voltage

USES = "adc"
# Volts of a cell at rest and % left: lithium ion (4.2 V), lithium iron phosphate, alkaline, lead.
_CURVES = const(
    (
        ("li-ion", (3.0, 0, 3.5, 7, 3.68, 25, 3.78, 50, 3.92, 70, 4.07, 90, 4.2, 100)),
        ("lifepo4", (2.5, 0, 3.0, 10, 3.2, 20, 3.25, 40, 3.3, 70, 3.35, 90, 3.45, 100)),
        ("alkaline", (0.9, 0, 1.1, 20, 1.2, 45, 1.3, 70, 1.45, 95, 1.55, 100)),
        ("lead", (1.75, 0, 1.94, 20, 2.02, 50, 2.07, 75, 2.12, 100)),
    )
)


def options():
    """The options of the driver: name -> (default, least, most) or (default, choices)."""
    found = of_voltage()
    found["kind"] = ("li-ion", ("li-ion", "lifepo4", "alkaline", "lead"))
    found["cells"] = (1, 1, 24)
    return found


class Battery(Voltage):
    """Volts, and % left by the voltage at rest of so many cells in series.

    kind: "li-ion", "lifepo4", "alkaline", "lead"; cells: in series
    top, bottom and the options in `more`: see sensors.voltage.Voltage
    """

    FIELDS = (("voltage", "V"), ("left", "%"))

    def __init__(self, adc, kind="li-ion", cells=1, **more):
        super().__init__(adc, **more)
        self.cells = cells
        self._curve = dict(_CURVES)[kind]

    def read(self):
        """Return (V, %). The % are worth little while much current flows."""
        volts = super().read()[0]
        return volts, float("%.0f" % between(self._curve, volts / self.cells))


DRIVER = Battery
