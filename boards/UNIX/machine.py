# The simulated board's `machine`: what the unix port has, plus Pin and ADC. The rest is loaded
# from machine_more when first needed, and stays: a full heap has no room to load it again.
from bench import ask, on_event
from umachine import PinBase, Signal, mem8, mem16, mem32  # noqa: F401


class Pin(PinBase):
    IN = 0
    OUT = 1
    OPEN_DRAIN = 2
    PULL_UP = 1
    PULL_DOWN = 2
    IRQ_RISING = 1
    IRQ_FALLING = 2

    def __init__(self, id, mode=-1, pull=None, value=None):
        self.id = id
        self._number = None
        self.init(mode, pull, value)

    def init(self, mode=-1, pull=None, value=None):
        self._level = pull == 1
        ask("pin", self.id, mode, pull or 0)
        if value is not None:
            self.value(value)

    def value(self, level=None):
        if level is None:
            answer = ask("get", self.id)
            return self._level + 0 if answer is None else int(answer)
        self._level = bool(level)
        ask("set", self.id, self._level + 0)

    def __call__(self, level=None):
        return self.value(level)

    def on(self):
        self.value(1)

    def off(self):
        self.value(0)

    def irq(self, handler=None, trigger=3, hard=False):
        self._handler = handler
        self._trigger = trigger
        if self._number is None:
            self._number = on_event(self._fire)
            ask("irq", self.id, self._number)
        return self

    def _fire(self, level):
        if self._handler and self._trigger & (self.IRQ_RISING if level else self.IRQ_FALLING):
            self._handler(self)


class ADC:
    ATTN_0DB = 0
    ATTN_2_5DB = 1
    ATTN_6DB = 2
    ATTN_11DB = 3

    def __init__(self, pin, atten=3):
        self._pin = getattr(pin, "id", pin)
        ask("adc", self._pin)

    def atten(self, atten):
        pass  # the simulated input always has the full range

    def _microvolts(self):
        return int(ask("adc", self._pin) or 1_650_000)

    def read_uv(self):
        return min(max(self._microvolts(), 142_000), 3_100_000)  # an ESP32 ends there

    def read_u16(self):
        volts = self._microvolts()
        if 142_000 < volts < 3_100_000:
            return volts * 65535 // 3_300_000
        return 65535 if volts > 142_000 else 0


def __getattr__(name):
    import machine_more

    return getattr(machine_more, name)
