# What the node hands to a driver, on boards that differ.
# heap: 128K
# port
import sys

from node.start import sensors as parts


class Pin:
    IN = 0
    OUT = 1
    OPEN_DRAIN = 2
    PULL_UP = 1
    low = 0  # so often SDA is read as low
    told = []

    def __init__(self, *arguments, value=None):
        self.arguments = arguments
        self.first = value

    def init(self, mode, value):
        self.told.append((self.arguments[0], mode, value))

    def value(self, level=None):
        if level is not None:
            self.told.append((self.arguments[0], level))
            return None
        Pin.low -= 1
        return int(Pin.low < 0)

    def irq(self, handler, trigger):
        pass

    IRQ_RISING = 1
    IRQ_FALLING = 2


class Machine:
    """A port whose ADC knows nothing of volts, as ESP8266 and Pyboard have it."""

    Pin = Pin

    class ADC:
        def __init__(self, pin):
            self.pin = pin

        def read_u16(self):
            return 32768

    made = []

    class PWM:
        def __init__(self, pin, **first):
            self.first = first

        def freq(self, hertz):
            pass

        def duty_u16(self, duty):
            pass

    def SoftI2C(self, **options):
        self.made.append(options)
        return self


class Board:
    FULL_SCALE = 1.0


def made(**entry):
    parts.machine = sys.modules["machine"] = Machine()
    entry["name"] = "s"
    return parts._make(entry, {})


def test_full_scale_is_that_of_the_board():
    sys.modules["board"] = Board
    assert made(driver="voltage", pin=0).read() == (0.5,)
    assert "board" not in sys.modules  # it is large, and was needed once
    assert made(driver="voltage", pin=0).read() == (1.65,)  # a board of which nothing is known
    sys.modules["board"] = Board
    assert made(driver="voltage", pin=0, reference=2.0).read() == (1.0,)
    sys.modules.pop("board", None)


def test_pulls_and_pins():
    assert made(driver="digital", pin=4, pull="up").pin.arguments == (4, Pin.IN, Pin.PULL_UP)
    assert made(driver="digital", pin=4).pin.arguments == (4, Pin.IN)
    assert made(driver="relay", pin="X1").pin.arguments == ("X1", Pin.OUT)
    encoder = made(driver="rotary", pin=4, pin_b=5, pull="up")
    assert (encoder.a.arguments[0], encoder.b.arguments) == (4, (5, Pin.IN, Pin.PULL_UP))


def test_an_output_is_safe_from_the_first_moment_on():
    for safe in (False, True):
        for invert in (False, True):
            pin = made(driver="relay", pin=4, safe=safe, invert=invert).pin
            assert pin.first == int(safe ^ invert)
    assert made(driver="relay", pin=4).pin.first == 0
    for invert in (False, True):
        pwm = made(driver="dimmer", pin=4, invert=invert).pwm
        assert pwm.first == {"freq": 1000, "duty_u16": 65_535 * invert}


def test_a_bus_is_made_once():
    machine = parts.machine = Machine()
    buses = {}
    one = parts.bus(4, 5, buses)
    assert parts.bus(4, 5, buses) is one
    parts.bus(5, 4, buses)
    assert len(machine.made) == 2
    assert [each["sda"].arguments[0] for each in machine.made] == [4, 5]


def test_a_bus_whose_sda_is_low_is_clocked_and_any_other_is_left_alone():
    parts.machine = Machine()
    for low, clocks in ((0, 0), (3, 3), (100, 9)):
        Pin.low = low
        Pin.told = []
        parts.bus(4, 5, {})
        assert Pin.told == [(5, Pin.OPEN_DRAIN, 0), (5, 1)] * clocks
    Pin.low = 0


class Node:
    prefix = "n/"

    def __init__(self):
        self.about = {}
        self.sensors = []


def test_what_finds_the_drivers_is_forgotten_and_the_sensors_go_on():
    parts.machine = Machine()
    node = Node()
    sensors = [
        {"name": "light", "driver": "analog", "pin": 0},
        {"name": "pump", "driver": "relay", "pin": 5},
    ]
    parts.make(node, {"mqtt": {"host": "h"}, "watchdog": 0, "sensors": sensors})
    assert not [name for name in sys.modules if name.startswith("sensors")]
    light, pump = [sensor.part for sensor in node.sensors]
    assert light.read() == (1.65,)
    pump.set(True)
    assert pump.read() == (True,)


def test_what_the_port_does_not_have_fails_alone():
    """ESP8266 has no Pin.PULL_DOWN, a Pyboard's older firmware no machine.PWM."""
    parts.machine = Machine()
    node = Node()
    config = {
        "mqtt": {"host": "h"},
        "watchdog": 0,
        "sensors": [
            {"name": "door", "driver": "digital", "pin": 4, "pull": "down"},
            {"name": "pump", "driver": "relay", "pin": 5},
        ],
    }
    parts.make(node, config)
    assert [type(each.part).__name__ for each in node.sensors] == ["Absent", "Relay"]
    said = ""
    try:
        node.sensors[0].part.start()
    except AttributeError as error:
        said = str(error)
    assert "PULL_DOWN" in said


def test_a_part_that_comes_late_gets_its_filters_as_well():
    parts.machine = sys.modules["machine"] = Machine()
    node = Node()
    halved = [{"median": 3}, {"multiply": 0.5}]
    sensors = [
        {"name": name, "driver": "analog", "pin": i, "filters": halved}
        for i, name in enumerate(("light", "late"))
    ]
    make = parts._make

    def refuse(entry, buses):
        if entry["name"] == "late":
            raise OSError("no answer yet")
        return make(entry, buses)

    parts._make = refuse
    try:
        parts.make(node, {"mqtt": {"host": "h"}, "watchdog": 0, "sensors": sensors})
    finally:
        parts._make = make
    light, late = node.sensors
    assert light.part.read() == (0.825,)
    parts.again(late, sensors[1], {})
    assert late.part.read() == (0.825,)
