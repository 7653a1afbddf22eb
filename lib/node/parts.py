"""Makes a node's sensors. Needed once, and then forgotten."""

import sys
from time import sleep_us, ticks_add, ticks_ms

import machine
from micropython import const

from node.overlay import call, forget
from node.roles import need, roles

_REST_MS = const(600_000)  # for a driver that did not return


def make(node, config):
    """Make all sensors; one that cannot be made is told, and tried again when it is to be read."""
    buses = {}
    for entry in config["sensors"]:
        _add(node, entry, buses)
        if config["watchdog"] and not node.sensors[-1][8]:
            node.sensors[-1][8] = -2  # start() and read() may never return, see node.app
    forget("roles")
    if "node.absent" not in sys.modules:  # none is made again: the RAM of what made them is free
        for entry in node.sensors:
            try:
                kind = type(entry[1])
                while kind is not object:
                    if "__init__" in kind.__dict__:
                        kind.__init__ = None
                    kind = kind.__bases__[0]
            except (AttributeError, TypeError):
                pass  # a driver that is no class
        for name in list(sys.modules):  # what finds the drivers; the sensors hold their code
            if name.startswith("sensors"):
                del sys.modules[name]
    # What they are made of is done with: its RAM is needed for the client.
    config["must"] = any(each.get("delivery") == "must_deliver" for each in config["sensors"])
    config["sensors"] = ()


def again(node, entry, buses):
    """Make a sensor that could not be made before, and start it; returns the ms it takes."""
    sensor = _made(entry, buses)
    forget("roles")
    for each in node.sensors:
        if each[0] == entry["name"]:
            each[1] = sensor
            each[2] = interval(entry, sensor)
            each[7] = retained(entry, sensor)
            node.states = 0
    return sensor.start()


def _add(node, entry, buses):
    fault = None
    try:
        sensor = _made(entry, buses)
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # nothing answers, and may do so later; or a bug in the driver
        from node.absent import Absent

        fault = error
        sensor = Absent(node, entry, buses)
    delivery = entry.get("delivery", "queue")
    if delivery == "queue":
        delivery = None
    else:
        from node import delivery as ways

        delivery = getattr(ways, delivery)
    name = entry["name"]
    made = [
        name, sensor, interval(entry, sensor), ticks_ms(), node.prefix + name, 0, delivery,
        retained(entry, sensor), 0, entry["driver"],
    ]  # fmt: skip
    node.sensors.append(made)
    why = node.about.get("why")  # of the last end
    if why and call("retained", "silent", why, name):
        made[8] = 5
        made[3] = ticks_add(made[3], _REST_MS)
        node.failed(name, "driver %s did not return, and is left alone for 10 minutes" % made[9])
    elif fault:
        node.fault(made, fault)
        made[3] = ticks_ms()  # a part that was slow to start is there by now


def interval(entry, sensor):
    """The ms from one reading to the next; 0 for what tells of its changes by itself."""
    if getattr(sensor, "STATE", True) is False:
        return 0  # an event has no value in between
    return int(entry.get("interval", 0 if hasattr(sensor, "poll") else 60) * 1000)


def retained(entry, sensor):
    """Whether the broker keeps the last reading: as the config says, else where it is a state."""
    return bool(entry.get("retain", getattr(sensor, "STATE", False)))


def _made(entry, buses):
    sensor = _make(entry, buses)
    if hasattr(sensor, "listen"):
        sensor.listen()
    if getattr(sensor, "STATE", False):
        sensor.changed = False  # how it stands is told when the node connects
    return sensor


def _make(entry, buses):
    """Import the driver, make what it is handed, hand that over."""
    module = __import__("sensors." + entry["driver"], None, None, ("DRIVER",))
    need(module, entry["driver"])
    for name in ("options", "demands"):  # they were for the check of the config
        if hasattr(module, name):
            setattr(module, name, None)
    options = {}
    for key in entry:
        if key not in ("name", "driver", "interval", "pull", "delivery", "retain"):
            options[key] = entry[key]
    if module.USES == "i2c":
        return module.DRIVER(_bus(options.pop("sda"), options.pop("scl"), buses), **options)
    parts = []
    for key, kind in roles(module.USES):
        _part(parts, kind, options.pop(key), entry)
        if kind == "adc" and "reference" not in options and not hasattr(parts[0], "read_uv"):
            options["reference"] = _full_scale()
    return module.DRIVER(*parts, **options)


def _part(parts, kind, number, entry):
    """Make one part of what a driver is handed. Outputs are safe from the first moment on."""
    if kind == "adc":
        adc = machine.ADC(number)
        if hasattr(adc, "atten"):  # ESP32: its whole range, up to about 3.1 V
            adc.atten(machine.ADC.ATTN_11DB)
        parts.append(adc)
    elif kind == "out":
        on = bool(entry.get("safe")) != bool(entry.get("invert"))
        parts.append(machine.Pin(number, machine.Pin.OUT, value=int(on)))
    elif kind == "pwm":
        duty = 65_535 if entry.get("invert") else 0
        parts.append(machine.PWM(machine.Pin(number), freq=1000, duty_u16=duty))
    elif kind == "bare":
        parts.append(machine.Pin(number))
    else:
        name = {"up": "PULL_UP", "down": "PULL_DOWN"}.get(entry.get("pull"))
        more = (getattr(machine.Pin, name),) if name else ()
        parts.append(machine.Pin(number, machine.Pin.IN, *more))
        if kind == "pulse":
            parts.append(machine.time_pulse_us)


def _bus(sda, scl, buses):
    """The I2C bus on two pins, which parts share."""
    if (sda, scl) not in buses:
        data, clock = machine.Pin(sda, machine.Pin.IN), machine.Pin(scl)
        for _ in range(9):
            if data.value():
                break
            # A part that our reset has cut off in an answer lets go of SDA when it has told it.
            clock.init(machine.Pin.OPEN_DRAIN, value=0)
            sleep_us(5)
            clock.value(1)
            sleep_us(5)
        buses[sda, scl] = machine.SoftI2C(scl=clock, sda=data, freq=100_000)
    return buses[sda, scl]


def _full_scale():
    """Volts at full scale of an ADC that does not know them."""
    try:
        return float(__import__("board").FULL_SCALE)
    except (ImportError, AttributeError):
        return 3.3
    finally:
        sys.modules.pop("board", None)
