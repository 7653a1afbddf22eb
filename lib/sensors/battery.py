"""A battery behind a divider: its voltage and how much charge is left."""

from micropython import const

from sensors.shared.channel import Channel
from sensors.shared.line import between

USES = "adc"
_MOST = const(1_000_000_000)
# mV of a cell at rest, and the % left. Whole numbers, because each float would be a heap object.
_LI_ION = const((3000, 0, 3500, 7, 3680, 25, 3780, 50, 3920, 70, 4070, 90, 4200, 100))
_LIFEPO4 = const((2500, 0, 3000, 10, 3200, 20, 3250, 40, 3300, 70, 3350, 90, 3450, 100))
_ALKALINE = const((900, 0, 1100, 20, 1200, 45, 1300, 70, 1450, 95, 1550, 100))
_LEAD = const((1750, 0, 1940, 20, 2020, 50, 2070, 75, 2120, 100))


def options():
    """Return the options: name -> (default, lowest, highest) or (default, choices)."""
    from sensors.shared.common import options

    return options(
        kind=("li-ion", ("li-ion", "lifepo4", "alkaline", "lead")), cells=(1, 1, 24),
        top=(0.0, 0, _MOST), bottom=(10_000.0, 1, _MOST),
    )  # fmt: skip


def demands(given):
    """Tell the config check the highest voltage at the pin: that of charged cells."""
    kind, bottom = given["kind"], given["bottom"]
    volts = {"li-ion": 4.2, "lifepo4": 3.65, "alkaline": 1.65, "lead": 2.45}[kind]
    return {"volts": volts * given["cells"] * bottom / (given["top"] + bottom)}


class Battery(Channel):
    """Volts, and the % of charge left, estimated from the voltage at rest. A cell below 0.6 times
    its empty voltage or above 1.2 times its full voltage is an error.

    kind: the chemistry of the cells
    cells: how many cells are in series
    top: ohms between the battery and the pin
    bottom: ohms between the pin and GND
    adc, more: see sensors.shared.channel.Channel
    """

    FIELDS = (("voltage", "V"), ("left", "%"))

    def __init__(self, adc, kind="li-ion", cells=1, top=0.0, bottom=10_000.0, **more):
        super().__init__(adc, **more)
        self.kind = kind
        self.cells = cells
        self.ratio = (top + bottom) / bottom
        if kind == "li-ion":
            self._curve = _LI_ION
        elif kind == "lifepo4":
            self._curve = _LIFEPO4
        else:
            self._curve = _ALKALINE if kind == "alkaline" else _LEAD

    def convert(self, volts):
        """Return the battery's voltage. Raises ValueError if no such cell can have it."""
        volts *= self.ratio
        cell = volts / self.cells * 1000
        # From a ruined cell to one on the charger; see demands().
        if not 0.6 * self._curve[0] <= cell <= 1.2 * self._curve[-2]:
            what = "%.2f V is not what %d %s cells have; check wires and divider"
            raise ValueError(what % (volts, self.cells, self.kind))
        return volts

    def read(self):
        """Return (V, %). The % means little while a large current flows."""
        volts = super().read()[0]
        return volts, int(between(self._curve, volts / self.cells * 1000) + 0.5)


DRIVER = Battery
