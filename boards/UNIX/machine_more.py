# The parts of `machine` that a node uses now and then; see machine.py.
import sys
import time

from bench import ask, on_event

PWRON_RESET = 1
HARD_RESET = 2
WDT_RESET = 3
DEEPSLEEP_RESET = 4
SOFT_RESET = 5


def _leave(*words):
    """Ask the bench for what ends this process; without a bench, just end."""
    if ask(*words) is None:
        sys.exit()
    while True:
        time.sleep(1)


def reset():
    _leave("reset", HARD_RESET)


def soft_reset():
    _leave("reset", SOFT_RESET)


def deepsleep(time_ms=0):
    _leave("deepsleep", time_ms)


def lightsleep(time_ms=0):
    time.sleep_ms(time_ms)


def idle():
    time.sleep_ms(1)


def reset_cause():
    return int(ask("cause") or PWRON_RESET)


def unique_id():
    return bytes.fromhex(ask("id") or "5e7e00000001")


def freq(hz=None):
    return 160_000_000


def disable_irq():
    return 0


def enable_irq(state=0):
    pass


class RTC:
    def datetime(self, value=None):
        if value is not None:
            time.set(time.mktime(value[:3] + value[4:7] + (0, 0)))
            return None
        y, mo, d, h, mi, s, wd, _ = time.gmtime()[:8]
        return (y, mo, d, wd, h, mi, s, 0)

    def memory(self, data=None):
        """2048 bytes that survive every reset, though no power cut."""
        if data is None:
            return bytes.fromhex(ask("memory") or "")
        if len(data) > 2048:
            raise ValueError("RTC memory: %d bytes; there are 2048" % len(data))
        ask("memory", "=" + bytes(data).hex())


class WDT:
    def __init__(self, id=0, timeout=5000):
        ask("watchdog", timeout)

    def feed(self):
        ask("feed")


class Timer:
    ONE_SHOT = 0
    PERIODIC = 1

    def __init__(self, id=-1, **options):
        self._number = None
        if options:
            self.init(**options)

    def init(self, *, mode=1, period=-1, freq=0, callback=None):
        self._callback = callback
        if self._number is None:
            self._number = on_event(self._fire)
        ask("timer", self._number, int(1000 / freq) if freq else period, mode)

    def deinit(self):
        self._callback = None
        ask("timer", self._number, 0, 0)

    def _fire(self, level):
        if self._callback:
            self._callback(self)
