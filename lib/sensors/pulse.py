"""A pulse counter: flow meter, rain gauge, energy meter. Rate and total; the total survives."""

from time import ticks_add, ticks_diff, ticks_ms

from micropython import const

from sensors.shared.steps import decimals

USES = "pin"
_MINUTE_MS = const(60_000)
_EDGES = const(0x1FFF_FFFF)  # a number that needs no allocation, and neither does the next


def options():
    """The options of the driver: name -> (default, least, most) or (default, choices)."""
    return {
        "pull": (None, (None, "up", "down")),
        "debounce_ms": (0, 0, 1000),
        "per_unit": (1.0, 1e-6, 1_000_000_000),
        "unit": ("",),
        "keep": ("",),
        "save": (10, 1, 1440),
    }


class Digits:
    """A number by its digits: a board's float has seven, and json writes all of these."""

    def __init__(self, digits):
        self.digits = digits

    def __repr__(self):
        return self.digits

    def __float__(self):
        return float(self.digits)


class Pulse:
    """`rate`, units a minute since the last reading, and `total`, in units.

    pin: a machine.Pin, an input; a falling edge counts
    debounce_ms: how long a contact has to be open before its closing counts; 0 to count every edge
    per_unit: pulses in a unit
    unit: the unit of the total
    keep: the name of a file for the total, so that it survives a reset; empty for none
    save: minutes between two writings of the file; a power cut costs what came since

    `total` is right to the last pulse: an int where per_unit is 1, else a number by its digits.
    """

    def __init__(self, pin, debounce_ms=0, per_unit=1.0, unit="", keep="", save=10):
        if not 1 <= save <= 1440:
            raise ValueError("save: %r; minutes, 1 to 1440" % save)
        self.pin = pin
        self.debounce_ms = debounce_ms
        self.per_unit = per_unit
        # per_unit is _whole / _tens, as near as a float of 32 bit can have it.
        self._tens, scaled = 1, per_unit
        while abs(scaled - int(scaled + 0.5)) > scaled * 2e-7:
            self._tens *= 10
            scaled = per_unit * self._tens
        self._whole = int(scaled + 0.5)
        fine = decimals(1 / 60 / per_unit)  # a pulse in an hour
        self.FIELDS = (("rate", unit + "/min", fine), ("total", unit))
        self.file = keep and keep + ".count"
        self.save_ms = save * _MINUTE_MS
        self._edge = ticks_add(ticks_ms(), -1000)
        self._held = None  # the file that has the last total
        self._edges = self._taken = 0  # that came, and that were added to the total
        self._count = self._saved = self._load() if keep else 0
        self._read = self._count
        self._since = self._written = ticks_ms()
        # A contact bounces when it opens as well, which must not count as closing.
        edges = pin.IRQ_FALLING | pin.IRQ_RISING if debounce_ms else pin.IRQ_FALLING
        try:
            pin.irq(self._on_edge, edges, hard=True)
        except TypeError:  # ESP32: they wait in a queue until MicroPython has time
            pin.irq(self._on_edge, edges)

    def _on_edge(self, _):
        now = ticks_ms()
        # After a week at rest the clock seems to go backwards.
        rested = not 0 <= ticks_diff(now, self._edge) < self.debounce_ms
        if rested and not (self.debounce_ms and self.pin.value()):
            self._edges = self._edges + 1 & _EDGES
        self._edge = now

    def start(self):
        """Nothing to start: returns 0 ms."""
        return 0

    def read(self):
        """Return (rate, total). Raises OSError if the total cannot be written."""
        count, now = self._take(), ticks_ms()
        # After a week at rest a difference is negative, because the ticks have wrapped.
        if self.file and not 0 <= ticks_diff(now, self._written) < self.save_ms:
            self._written = now
            self.close()  # if that fails, the next reading tells of these pulses as well
        longest = ticks_add(0, -1)  # type: ignore[type-var]
        ms = max(ticks_diff(now, self._since) & longest, 1)
        rate = (count - self._read) / self.per_unit * _MINUTE_MS / ms
        self._read, self._since = count, now
        return float("%.5g" % rate), self._units(count)

    def _take(self):
        """Add to the total what has come; returns the total, in pulses."""
        edges = self._edges
        self._count += edges - self._taken & _EDGES
        self._taken = edges
        return self._count

    def _units(self, count):
        if self._whole == self._tens:
            return count
        digits, one = 0, 1
        while one * self._tens < 10 * self._whole:  # down to a tenth of a pulse
            digits, one = digits + 1, one * 10
        total = (2 * count * self._tens * one + self._whole) // (2 * self._whole)
        return Digits("%d.%0*d" % (total // one, digits, total % one) if digits else str(total))

    def close(self):
        """Write the total. Raises OSError."""
        count = self._take()
        if not self.file or count == self._saved:
            return
        # Two files in turn: one is whole whenever the power is cut.
        name = self.file + str(count & 1)
        if name == self._held:
            name = self.file + str(~count & 1)
        with open(name, "w") as file:
            file.write("%d %d\n" % (count, count ^ 0x5A5A5A))
        self._held = name
        self._saved = count

    def _load(self):
        """The larger of the totals in the two files that is whole; 0 if there is none."""
        most = 0
        for i in range(2):
            name = self.file + str(i)
            try:
                with open(name) as file:
                    count, check = [int(word) for word in file.read().split()]
            except (OSError, ValueError):
                continue
            if check == count ^ 0x5A5A5A and count >= most:
                most, self._held = count, name
        return most


DRIVER = Pulse
