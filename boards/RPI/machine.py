"""MicroPython's `machine` on Linux: GPIO through gpiod, I2C through smbus2, the rest from sysfs.

A pin is asked of the kernel when it is first used: those that a driver of the kernel's has (I2C,
1-Wire, DHT) are left alone. What ends the program says why with its exit status, and tools.cpython
starts it again.
"""

import calendar
import hashlib
import os
import threading
import time

from boards.RPI import lines, sysfs
from boards.RPI.i2c import I2C, bus_of
from tools.cpython.modules import clock

PWRON_RESET = 1
HARD_RESET = 2
WDT_RESET = 3
DEEPSLEEP_RESET = 4
SOFT_RESET = 5
STATUS = 64  # plus one of these: the exit status; whoever starts it hands back the cause
CAUSE = "PETREL_CAUSE"
MEMORY = "PETREL_MEMORY"  # the file that lives as long as the one who starts it
_ADC = 100  # the number of channel 0
_PWM = {12: 0, 13: 1, 18: 0, 19: 1}  # GPIO: channel of the Pi's PWM

SoftI2C = I2C


class Pin:
    IN = 0
    OUT = 1
    OPEN_DRAIN = 2
    PULL_UP = 1
    PULL_DOWN = 2
    IRQ_RISING = 1
    IRQ_FALLING = 2

    def __init__(self, id, mode=-1, pull=None, value=None):
        self.id = id
        self._mode = "in"
        self._pull = None
        self._level = 0
        self._request = None
        self._edges = False
        self._handler = None
        self._trigger = 3
        self._listening = False
        self.init(mode, pull, value)

    def init(self, mode=-1, pull=-1, value=None):
        if mode != -1:
            self._mode = ("in", "out", "open drain")[mode]
        if pull != -1:
            self._pull = pull
        if bus_of(self.id) is not None:  # the kernel has it
            return
        if self._mode != "in" or self._request:  # an output is in its state from now on
            self._hold(value)

    def _hold(self, value=None):
        if value is not None:
            self._level = value
        self._request = lines.hold(self.id, self._mode, self._pull, self._level, self._edges)
        return self._request

    def value(self, level=None):
        if bus_of(self.id) is not None:
            return 1  # the kernel looks after its bus
        request = self._request or self._hold(level)
        if level is None:
            return lines.get(request, self.id)
        if self._mode != "in":
            self._level = level
            lines.put(request, self.id, level)
        return None

    __call__ = value

    def on(self):
        self.value(1)

    def off(self):
        self.value(0)

    def irq(self, handler=None, trigger=3, hard=False):
        self._handler = handler
        self._trigger = trigger
        self.edges()
        if not self._listening:
            self._listening = True
            lines.listen(self._request, self._fire)
        return self

    def edges(self):
        """Have the kernel note the edges; return the request."""
        if not self._edges:
            self._edges = True
            self._hold()
        return self._request

    def _fire(self, rising):
        handler = self._handler
        if handler and self._trigger & (self.IRQ_RISING if rising else self.IRQ_FALLING):
            handler(self)


def time_pulse_us(pin, level, timeout_us=1_000_000):
    """Measured by the kernel, which notes the time of each edge."""
    return lines.pulse(pin.edges(), level, timeout_us)


class ADC:
    """A channel of the kernel's IIO, such as an MCP3008 or ADS1115 with its overlay."""

    def __init__(self, pin):
        channel = getattr(pin, "id", pin) - _ADC
        for _, folder in sysfs.iio():
            self._raw = folder / ("in_voltage%d_raw" % channel)
            if self._raw.exists():
                own = folder / ("in_voltage%d_scale" % channel)
                self._scale = own if own.exists() else folder / "in_voltage_scale"
                self._offset = folder / ("in_voltage%d_offset" % channel)
                return
        raise OSError("no converter has a channel %d: is its overlay in config.txt?" % channel)

    def read_uv(self):
        raw = sysfs.number(self._raw)
        if self._offset.exists():
            raw += sysfs.number(self._offset)
        return round(raw * sysfs.number(self._scale) * 1000)

    def read_u16(self):
        return min(max(self.read_uv() * 65535 // 3_300_000, 0), 65535)


class PWM:
    """The Pi's own PWM, with dtoverlay=pwm-2chan."""

    def __init__(self, pin, freq=1000, duty_u16=0):
        chip = sysfs.root / "sys/class/pwm/pwmchip0"
        if pin.id not in _PWM:
            raise ValueError("pin: GPIO%d has no PWM; use 12, 13, 18 or 19" % pin.id)
        if not chip.exists():
            raise OSError("PWM is off: add dtoverlay=pwm-2chan to /boot/firmware/config.txt")
        channel = _PWM[pin.id]
        self._folder = chip / ("pwm%d" % channel)
        if not self._folder.exists():
            (chip / "export").write_text(str(channel))
        self._freq = freq
        self._duty = duty_u16
        self._tell()
        self._write("enable", 1)

    def freq(self, value=None):
        if value is None:
            return self._freq
        self._freq = value
        self._tell()

    def duty_u16(self, value=None):
        if value is None:
            return self._duty
        self._duty = value
        self._write("duty_cycle", self._period() * value // 65535)

    def deinit(self):
        self._write("enable", 0)

    def _tell(self):
        self._write("duty_cycle", 0)  # never longer than the period
        self._write("period", self._period())
        self.duty_u16(self._duty)

    def _period(self):
        return round(1e9 / self._freq)

    def _write(self, name, value):
        (self._folder / name).write_text(str(value))


class RTC:
    def datetime(self, value=None):
        """Tell the time, or set the node's; this computer's own clock stays as it is."""
        if value is not None:
            clock.set_time(calendar.timegm((*value[:3], *value[4:7])))
            return None
        at = time.gmtime(clock.time_now())
        return (*at[:3], at[6], *at[3:6], 0)

    def memory(self, data=None):
        """Read or write what survives a reset of the node; it is gone when `petrel node` ends."""
        path = os.environ.get(MEMORY)
        if data is None:
            try:
                with open(path or os.devnull, "rb") as file:
                    return file.read()
            except OSError:
                return b""
        if path:
            with open(path, "wb") as file:
                file.write(data)


class WDT:
    """Ends the program if it isn't fed; then it is started again."""

    def __init__(self, id=0, timeout=5000):
        self._timeout = timeout / 1000
        self.feed()
        threading.Thread(target=self._watch, daemon=True).start()

    def feed(self):
        self._fed = time.monotonic()

    def _watch(self):
        while True:
            left = self._fed + self._timeout - time.monotonic()
            if left <= 0:
                _leave(WDT_RESET)
            time.sleep(left)


def _leave(cause):
    """End at once, as a reset does."""
    try:
        print(end="", flush=True)
    finally:
        os._exit(STATUS + cause)


def reset():
    _leave(HARD_RESET)


def soft_reset():
    _leave(SOFT_RESET)


def deepsleep(time_ms=0):
    time.sleep(time_ms / 1000)
    _leave(DEEPSLEEP_RESET)


def lightsleep(time_ms=0):
    time.sleep(time_ms / 1000)


def reset_cause():
    return int(os.environ.get(CAUSE, PWRON_RESET))


def unique_id():
    """Six bytes that only this computer has; its own id is not told."""
    try:
        own = (sysfs.root / "etc/machine-id").read_bytes()
    except OSError:
        own = os.uname().nodename.encode()
    return hashlib.sha256(b"petrel" + own).digest()[:6]
