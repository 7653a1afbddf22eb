"""A pulse counter: flow meter, rain gauge, energy meter. A rate, and a total that survives."""

from time import ticks_add, ticks_diff, ticks_ms

from micropython import const

from sensors.shared.steps import decimals

USES = "pin"
_MINUTE_MS = const(60_000)
_EDGES = const(0x1FFF_FFFF)  # this number needs no allocation, nor does the next


def options():
    """Return the options: name -> (default, lowest, highest) or (default, choices)."""
    return {
        "pull": (None, (None, "up", "down")),
        "debounce_ms": (0, 0, 1000),
        "per_unit": (1.0, 1e-6, 1_000_000_000),
        "unit": ("",),
        "keep": ("",),
        "save": (10, 1, 1440),
    }


class Digits:
    """A number kept as digits: a board's float has only seven, and json writes all of these."""

    def __init__(self, digits):
        self.digits = digits

    def __repr__(self):
        return self.digits

    def __float__(self):
        return float(self.digits)


class Pulse:
    """`rate`, in units per minute since the last reading, and `total`, in units.

    pin: a machine.Pin, an input; each falling edge counts
    debounce_ms: how long a contact must be open before it can count again; 0 counts every edge
    per_unit: pulses per unit
    unit: the unit of the total
    keep: the name of a file that keeps the total over a reset; empty for none
    save: how often to write the file, in minutes; a power cut loses what came since

    `total` is exact to the pulse: an int if per_unit is 1, otherwise a number kept as digits.
    """

    def __init__(self, pin, debounce_ms=0, per_unit=1.0, unit="", keep="", save=10):
        if not 1 <= save <= 1440:
            raise ValueError("save: %r; minutes, 1 to 1440" % save)
        self.pin = pin
        self.debounce_ms = debounce_ms
        self.per_unit = per_unit
        # per_unit is _whole / _tens, as exactly as a 32-bit float can say it.
        self._tens, scaled = 1, per_unit
        while abs(scaled - int(scaled + 0.5)) > scaled * 2e-7:
            self._tens *= 10
            scaled = per_unit * self._tens
        self._whole = int(scaled + 0.5)
        fine = decimals(1 / 60 / per_unit)  # one pulse per hour
        self.FIELDS = (("rate", unit + "/min", fine), ("total", unit))
        self.file = keep and keep + ".count"
        self.save_ms = save * _MINUTE_MS
        self._edge = ticks_add(ticks_ms(), -1000)
        self._held = None  # the file with the last total
        self._edges = self._taken = 0  # how many came, and how many the total has
        self._count = self._saved = self._load() if keep else 0
        self._read = self._count
        self._since = self._written = ticks_ms()
        # A contact also bounces when it opens, which must not count.
        edges = pin.IRQ_FALLING | pin.IRQ_RISING if debounce_ms else pin.IRQ_FALLING
        try:
            pin.irq(self._on_edge, edges, hard=True)
        except TypeError:  # ESP32: they are queued until MicroPython has time
            pin.irq(self._on_edge, edges)

    def _on_edge(self, _):
        now = ticks_ms()
        # After a week without an edge the ticks have wrapped.
        rested = not 0 <= ticks_diff(now, self._edge) < self.debounce_ms
        if rested and not (self.debounce_ms and self.pin.value()):
            self._edges = self._edges + 1 & _EDGES
        self._edge = now

    def start(self):
        """Return 0: there is nothing to start."""
        return 0

    def read(self):
        """Return (rate, total). Raises OSError if the total can't be saved."""
        count, now = self._take(), ticks_ms()
        # After a week without a reading the ticks have wrapped, and the difference is negative.
        if self.file and not 0 <= ticks_diff(now, self._written) < self.save_ms:
            self._written = now
            self.close()  # if that fails, the next reading includes these pulses
        longest = ticks_add(0, -1)  # type: ignore[type-var]
        ms = max(ticks_diff(now, self._since) & longest, 1)
        rate = (count - self._read) / self.per_unit * _MINUTE_MS / ms
        self._read, self._since = count, now
        return float("%.5g" % rate), self._units(count)

    def _take(self):
        """Add the new edges to the total; return it, in pulses."""
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
        """Save the total. Raises OSError."""
        count = self._take()
        if not self.file or count == self._saved:
            return
        # Two files take turns, so one of them is complete whenever the power fails.
        name = self.file + str(count & 1)
        if name == self._held:
            name = self.file + str(~count & 1)
        with open(name, "w") as file:
            file.write("%d %d\n" % (count, count ^ 0x5A5A5A))
        self._held = name
        self._saved = count

    def _load(self):
        """Return the larger total of the two files that is complete; 0 if there is none."""
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
