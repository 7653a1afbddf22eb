"""A push button: click, double click or long press."""

from time import ticks_diff

from sensors.digital import Digital

USES = "pin"


def options():
    """Return the options: name -> (default, lowest, highest) or (default, choices)."""
    from sensors.digital import options

    found = options()
    found["double_ms"] = (300, 0, 2000)
    found["long_ms"] = (800, 200, 10_000)
    return found


class Button(Digital):
    """How the button was pressed: "click", "double" or "long".

    double_ms: the longest gap between the clicks of a double; 0 reports every click at once
    long_ms: how long a long press takes; it is reported while the button is still held
    pin, debounce_ms, invert: see sensors.digital.Digital
    """

    FIELDS = (("press", ""),)
    STATE = False  # an event

    def __init__(self, pin, debounce_ms=30, invert=False, double_ms=300, long_ms=800):
        super().__init__(pin, debounce_ms, invert)
        self.double_ms = double_ms
        self.long_ms = long_ms
        self._clicks = 0
        self._since = 0  # ticks_ms of the last press or release
        self._told = False  # this press has been reported
        self._press = None
        self._level = self._now()

    def poll(self, now):
        """Follow the button up to `now` (ticks_ms); return the ms until the next call."""
        left = super().poll(now)
        if self.changed and self._press is None:
            self.changed = False
            self._level = not self._level
            self._turned(now)
        if self._press is None:
            self._waited(ticks_diff(now, self._since))
        self.changed = self._press is not None
        return 10 if self._clicks or self._level else left

    def read(self):
        """Return ("click",), ("double",) or ("long",), once each; (None,) if there is none."""
        press, self._press = self._press, None
        self.changed = False
        return (press,)

    def _turned(self, now):
        self._since = now
        if self._level:
            self._told = False
        elif not self._told:
            self._clicks += 1
            if not self.double_ms:
                self._tell("click")

    def _waited(self, ms):
        if self._level and not self._told and ms >= self.long_ms:
            self._told = True
            self._tell("long")
        elif not self._level and self._clicks == 2:
            self._tell("double")
        elif not self._level and self._clicks and ms >= self.double_ms:
            self._tell("click")

    def _tell(self, press):
        self._clicks = 0
        self._press = press


DRIVER = Button
