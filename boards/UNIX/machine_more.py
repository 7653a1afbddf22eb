# The parts of `machine` that a node needs only now and then; see machine.py.
import sys
import time

from bench import ask, on_event

PWRON_RESET = 1
HARD_RESET = 2
WDT_RESET = 3
DEEPSLEEP_RESET = 4
SOFT_RESET = 5


def _leave(*words):
    """Ask the bench for something that ends this process; without a bench, exit."""
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


def wake_reason():
    return int(ask("wake_reason") or 0)


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
        """Read or write the 2048 bytes that survive every reset, but no power cut."""
        if data is None:
            return bytes.fromhex(ask("memory") or "")
        if len(data) > 2048:
            raise ValueError("RTC memory: %d bytes; there are 2048" % len(data))
        ask("memory", "=" + bytes(data).hex())


class SoftI2C:
    """An I2C bus whose parts are on the bench."""

    def __init__(self, *, scl, sda, freq=400_000, timeout=50_000):
        self._bus = "%s,%s" % (sda.id, scl.id)

    def _transfer(self, address, write, read=0):
        answer = ask("i2c", self._bus, address, "=" + (bytes(write).hex() or ""), read) or "nack"
        if answer == "nack":
            raise OSError(19)  # ENODEV
        if answer == "stuck":
            raise OSError(110)  # ETIMEDOUT
        return bytes.fromhex(answer[1:])

    def scan(self):
        answer = ask("i2c_scan", self._bus) or ""
        if answer == "stuck":
            raise OSError(110)
        return [int(word) for word in answer.split()]

    def writeto(self, address, data, stop=True):
        self._transfer(address, data)
        return len(data)

    def readfrom_into(self, address, buffer, stop=True):
        buffer[:] = self._transfer(address, b"", len(buffer))

    def readfrom(self, address, count, stop=True):
        return self._transfer(address, b"", count)

    def readfrom_mem_into(self, address, register, buffer, *, addrsize=8):
        buffer[:] = self._transfer(address, bytes((register,)), len(buffer))

    def readfrom_mem(self, address, register, count, *, addrsize=8):
        return self._transfer(address, bytes((register,)), count)

    def writeto_mem(self, address, register, data, *, addrsize=8):
        self._transfer(address, bytes((register,)) + data)


class I2C(SoftI2C):
    def __init__(self, id=0, *, scl=None, sda=None, freq=400_000, timeout=50_000):
        self._bus = "%s,%s" % (sda.id if sda else 21, scl.id if scl else 22)


class PWM:
    def __init__(self, pin, freq=None, duty_u16=None):
        self._pin = pin.id
        self._freq = freq or 1000
        self._duty = duty_u16 or 0

    def freq(self, value=None):
        if value is None:
            return self._freq
        self._freq = value
        self._tell()

    def duty_u16(self, value=None):
        if value is None:
            return self._duty
        self._duty = value
        self._tell()

    def deinit(self):
        self.duty_u16(0)

    def _tell(self):
        ask("pwm", self._pin, self._freq, self._duty)


class TouchPad:
    def __init__(self, pin):
        self._pin = pin.id

    def read(self):
        return int(ask("touch", self._pin) or 1000)

    def config(self, threshold):
        ask("touch", self._pin, threshold)


def dht_readinto(pin, buffer):
    answer = ask("dht", pin.id) or ""
    if not answer:
        raise OSError(110)  # ETIMEDOUT
    buffer[:] = bytes.fromhex(answer)


def time_pulse_us(pin, level, timeout_us=1_000_000):
    us = int(ask("pulse", pin.id, level, timeout_us) or -2)
    time.sleep_us(us if us > 0 else timeout_us)  # the bench answers at once: wait as long
    return us


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
