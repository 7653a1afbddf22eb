# Runs inside MicroPython: a driver before hardware that says arbitrary things, all at once.
# Arguments: the driver, its options and what its fields may be, both as JSON, and a seed. Prints
# as JSON how many readings and errors there were, and the first readings that are wrong.
import json
import random
import sys
import time

from node.config.roles import roles
from sensors.shared.crc8 import crc8

ROUNDS = 1000
NAN, INF = float("nan"), float("inf")
COMMANDS = (
    True, False, 0, 1, -1, 50, 100, 101, 0.5, 1e9, -1e9, NAN, INF, -INF, "on", "", None, [],
    [1, 2, 3], [0, 255, 256], [-1, 0, 0], [1.5, 0, 0], {}, b"1",
)  # fmt: skip


def noise(buffer):
    """Fill a buffer: with one byte or the ends of words, as parts without power do, or any."""
    kind = random.getrandbits(3)
    for i in range(len(buffer)):
        if kind < 2:
            buffer[i] = (0, 255)[kind]
        elif kind == 2:
            buffer[i] = (0x7F, 0x80)[i & 1] if random.getrandbits(1) else (0xFF, 0x00)[i & 1]
        else:
            buffer[i] = random.getrandbits(8)
    return buffer


def summed(data, size):
    """Make the checksum at the end of each `size` bytes right."""
    for i in range(0, len(data), size):
        part = memoryview(data)[i : i + size]
        part[len(part) - 1] = crc8(part[: len(part) - 1])


class Bus:
    """Parts that say what comes, and that now and then do not answer."""

    def __init__(self):
        self.wrote = {}

    def _fails(self):
        if random.getrandbits(6) == 0:
            raise OSError(19)

    def scan(self):
        return []

    def writeto(self, address, data):
        self._fails()
        if address == 0x7F:
            raise OSError(19)  # SDA is not stuck

    def writeto_mem(self, address, register, data):
        self._fails()
        self.wrote[register] = bytes(data)

    def readfrom_into(self, address, buffer):
        self._fails()
        noise(buffer)
        if random.getrandbits(3):  # or it would be refused for this alone
            if NAME == "aht20":
                buffer[0] = 0x18
                summed(buffer, 7)
            elif NAME in ("sht3x", "scd4x"):
                summed(buffer, 3)

    def readfrom_mem_into(self, address, register, buffer):
        self._fails()
        noise(buffer)
        sound = random.getrandbits(4)
        if NAME == "bme280" and sound:
            if register == 0xD0:
                buffer[0] = random.choice((0x60, 0x58))
            elif register == 0xF3:
                buffer[0] = 0
            elif register == 0xF4:
                buffer[0] = 0x24
            elif register == 0x88 and sound > 4:  # the calibration of a part
                buffer[:] = (
                    b"pkCg\x18\xfc}\x8eC\xd6\xd0\x0b'\x0b\x8c\x00\xf9\xff\x8c<\xf8\xc6p\x17"
                )
            elif register == 0xF7 and sound > 4:  # near to its measurements
                buffer[0], buffer[3] = 0x40 + buffer[0] % 64, 0x70 + buffer[3] % 32
        elif NAME == "ads1115" and register == 1 and sound:
            buffer[:] = self.wrote.get(1, b"\x85\x83")
        elif NAME == "ina219" and register == 2 and sound:
            buffer[1] |= 2


class Adc:
    """An ADC as most ports have it."""

    def __init__(self):
        self.at = 0

    def turn(self):
        self.at = random.choice((0, 65535, random.getrandbits(16), random.getrandbits(16)))

    def read_u16(self):
        spread = random.getrandbits(4) - 8
        return min(max(self.at + spread, 0), 65535) if 0 < self.at < 65535 else self.at


class Calibrated(Adc):
    """An ADC as ESP32 has it."""

    def read_uv(self):
        return 142_000 + self.read_u16() * 45


class Pin:
    """A pin whose level is as it comes, with the interrupts of its changes."""

    IN, OUT, IRQ_FALLING, IRQ_RISING = 0, 1, 1, 2
    handler = None

    def init(self, *_, **more):
        if random.getrandbits(2) == 0:
            raise ValueError("an input alone")

    def value(self, level=None):
        return random.getrandbits(1)

    def irq(self, handler, trigger, hard=False):
        self.handler = handler

    def turn(self):
        if self.handler:
            for _ in range(random.getrandbits(3)):
                self.handler(self)


class Pwm:
    """Takes what a machine.PWM takes."""

    def freq(self, hertz):
        pass

    def duty_u16(self, duty):
        assert isinstance(duty, int) and 0 <= duty <= 65_535, duty


def pulse_us(pin, level, timeout_us):
    us = random.choice((-2, 0, 1, random.getrandbits(4), random.getrandbits(15)))
    return us if us <= timeout_us else -1


class Modules:
    """Stands in for machine, onewire and neopixel."""

    class OneWireError(Exception):
        pass

    class OneWire:
        def __init__(self, pin):
            pass

        def reset(self, required=False):
            there = random.getrandbits(5)
            if required and not there:
                raise Modules.OneWireError
            return there

        def write(self, data):
            pass

        writebyte = select_rom = write

        def scan(self):
            return [bytearray(b"\x28\x01\x00\x00\x00\x00\x00\x00")]

        def readinto(self, buffer):
            noise(buffer)
            self.sound = random.getrandbits(3)
            kind = random.getrandbits(2)
            if kind == 0:
                buffer[1] = random.choice((0x00, 0x01, 0x02, 0xFC, 0xFF))
            elif kind == 1:
                buffer[:] = b"\x50\x05\x4b\x46\x7f\xff\x0c\x10\x1c"  # after power-on

        def crc8(self, data):
            return not self.sound

    class NeoPixel:
        def __init__(self, pin, count):
            pass

        def fill(self, colour):
            assert len(colour) == 3 and all(0 <= each <= 255 for each in colour)

        def write(self):
            pass

    @staticmethod
    def dht_readinto(pin, buffer):
        noise(buffer)
        kind = random.getrandbits(3)
        if kind == 0:
            raise OSError(110)
        if kind > 3:  # near to what there is
            buffer[0] = random.getrandbits(6) if NAME == "dht11" else random.getrandbits(2)
            buffer[2] = random.choice((0, 1, 2, 3, 20, 0x80, 0x81, 0xFE, 0xFF))
            if NAME == "dht11":
                buffer[1], buffer[3] = random.getrandbits(4), random.getrandbits(4)
        if kind != 1:
            buffer[4] = sum(buffer[:4]) & 0xFF


def hardware(uses):
    """What a driver is handed, as node.start.sensors does it."""
    if uses == "i2c":
        return [Bus()]
    made = []
    for _, kind in roles(uses):
        if kind == "adc":
            made.append(random.choice((Adc, Calibrated))())
        else:
            made.append(Pwm() if kind == "pwm" else Pin())
        if kind == "pulse":
            made.append(pulse_us)
    return made


def reading(sensor, parts):
    """What the sensor says in the end."""
    for part in parts:
        if hasattr(part, "turn"):
            part.turn()
    if hasattr(sensor, "set"):
        sensor.set(random.choice(COMMANDS))
    if hasattr(sensor, "poll"):
        for later in (0, 20, 400, 1500):
            sensor.poll(time.ticks_add(time.ticks_ms(), later))
    found = sensor.start()
    for _ in range(30):
        if not isinstance(found, int):
            return found
        found = sensor.read()
    raise RuntimeError("it never comes to an end")


def good(value, wanted):
    """Whether a value is what a field may be: one of some, or within the least and the most."""
    if isinstance(wanted, dict):
        return value in wanted["one of"]
    if wanted == "colour":
        return len(value) == 3 and all(good(each, [0, 255]) for each in value)
    value = float(value)  # a number, or of sensors.pulse
    return wanted[0] <= value <= wanted[1]


def main(options, wanted, seed):
    random.seed(seed)
    for name in ("machine", "onewire", "neopixel"):
        sys.modules[name] = Modules
    module = __import__("sensors." + NAME, None, None, ("DRIVER",))
    readings = errors = 0
    wrong = set()
    sensor = None
    for i in range(ROUNDS):
        try:
            if i % 20 == 0 or sensor is None:
                sensor = None
                parts = hardware(module.USES)
                sensor = module.DRIVER(*parts, **options)
                if hasattr(sensor, "listen"):
                    sensor.listen()
            found = reading(sensor, parts)
        except (OSError, ValueError) as error:
            errors += 1
            if not str(error) or "unpack" in str(error) or "math" in str(error):
                wrong.add("error: %r" % error)
            continue
        readings += 1
        fields = sensor.FIELDS
        if len(found) != len(fields) or not all(good(*pair) for pair in zip(found, wanted)):
            wrong.add(repr(found))
        if len(wrong) > 4:
            break
    print(json.dumps({"readings": readings, "errors": errors, "wrong": list(wrong)}))


NAME = sys.argv[1]
main(json.loads(sys.argv[2]), json.loads(sys.argv[3]), int(sys.argv[4]))
