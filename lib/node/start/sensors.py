"""Makes a node's sensors. Needed once, then forgotten."""

import gc
import os
import sys
from time import sleep_us

import machine
from micropython import const

from node.config.roles import need, roles
from node.overlay import call, forget
from node.sensor import Sensor

_ROOM = const(12_000)  # bytes, before the connection takes its part
_REST_MS = const(600_000)  # for a driver that didn't return


def make(node, config):
    """Make all sensors; a part that can't be made is tried again when its sensor is due."""
    buses = {}
    for entry in config["sensors"]:
        node.sensors.append(_sensor(node, entry, config["watchdog"]))
        equip(node.sensors[-1], entry, buses)
    forget("roles", package="node.config")
    forget("config")
    # Home Assistant is told of them; over a serial line and in a small heap only if asked for.
    node.birth = "serial" not in config["mqtt"] and gc.mem_free() > _ROOM
    if "homeassistant" in config or "homeassistant.txt" in os.listdir():
        try:
            call("homeassistant", "birth", "begin", node, config)
        except ImportError:  # a board with little flash, whose config asked for it before
            pass
    if "node.start.absent" not in sys.modules:  # none will be made again: free what made them
        call("start", "finish", "clear", node.sensors)


def _sensor(node, entry, watchdog):
    name = entry["name"]
    driver = entry["driver"]
    why = node.about.get("why")  # why the node ended last time
    if why and call("health", "retained", "silent", why, name):
        said = "driver %s did not return, and is left alone for 10 minutes" % driver
        node.failed(name, said)
        return Sensor(node, name, driver, 5, _REST_MS)
    return Sensor(node, name, driver, -2 if watchdog else 0)


def equip(sensor, entry, buses):
    deliver = None
    if entry.get("delivery", "queue") != "queue":
        from node import delivery

        deliver = getattr(delivery, entry["delivery"])
    try:
        part = _made(entry, buses)
    except KeyboardInterrupt:
        raise
    except BaseException:  # no answer yet, or a bug, which the next try reports
        from node.start.absent import Absent

        part = Absent(sensor, entry, buses)
    sensor.hold(part, interval(entry, part), retained(entry, part), deliver)


def again(sensor, entry, buses):
    """Make a part that couldn't be made before, and start it; return the ms it takes."""
    part = _made(entry, buses)
    forget("roles", package="node.config")
    forget("config")
    sensor.hold(part, interval(entry, part), retained(entry, part), sensor.deliver)
    sensor.node.states = 0
    return part.start()


def interval(entry, part):
    """Return the ms between two readings; 0 for a sensor that reports its changes."""
    if getattr(part, "STATE", True) is False:
        return 0  # between two events there is no value
    return int(entry.get("interval", 0 if hasattr(part, "poll") else 60) * 1000)


def retained(entry, part):
    """Return whether to retain readings: as the config says, otherwise if it is a state."""
    return bool(entry.get("retain", getattr(part, "STATE", False)))


def _made(entry, buses):
    part = _make(entry, buses)
    if hasattr(part, "listen"):
        part.listen()
    if getattr(part, "STATE", False):
        part.changed = False  # its state is published when the node connects
    if "filters" in entry:
        part = __import__("sensors.filters.chain", None, None, ("make",)).make(part, entry)
    return part


def _make(entry, buses):
    """Import the driver, and make its part with what it USES."""
    module = __import__("sensors." + entry["driver"], None, None, ("DRIVER",))
    need(module, entry["driver"])
    for name in ("options", "demands"):  # only the config check needs them
        if hasattr(module, name):
            setattr(module, name, None)
    options = {}
    for key in entry:
        if key not in ("name", "driver", "interval", "pull", "delivery", "retain",
                       "homeassistant", "filters"):  # fmt: skip
            options[key] = entry[key]
    if module.USES == "i2c":
        return module.DRIVER(bus(options.pop("sda"), options.pop("scl"), buses), **options)
    parts = []
    for key, kind in roles(module.USES):
        _part(parts, kind, options.pop(key), entry)
        if kind == "adc" and "reference" not in options and not hasattr(parts[0], "read_uv"):
            options["reference"] = scale()
    return module.DRIVER(*parts, **options)


def _part(parts, kind, number, entry):
    """Make one of the things that a driver gets. Outputs are safe from the first moment."""
    if kind == "adc":
        adc = machine.ADC(number)
        if hasattr(adc, "atten"):  # ESP32: the full range, up to about 3.1 V
            adc.atten(machine.ADC.ATTN_11DB)
        parts.append(adc)
    elif kind in ("in", "pin", "pulse"):
        name = {"up": "PULL_UP", "down": "PULL_DOWN"}.get(entry.get("pull"))
        more = (getattr(machine.Pin, name),) if name else ()
        parts.append(machine.Pin(number, machine.Pin.IN, *more))
        if kind == "pulse":
            parts.append(machine.time_pulse_us)
    elif kind == "out":
        on = bool(entry.get("safe")) != bool(entry.get("invert"))
        parts.append(machine.Pin(number, machine.Pin.OUT, value=int(on)))
    elif kind == "pwm":
        duty = 65_535 if entry.get("invert") else 0
        parts.append(machine.PWM(machine.Pin(number), freq=1000, duty_u16=duty))
    else:
        parts.append(machine.Pin(number))


def bus(sda, scl, buses):
    """Return the I2C bus on two pins, which parts share."""
    if (sda, scl) not in buses:
        data, clock = machine.Pin(sda, machine.Pin.IN), machine.Pin(scl)
        for _ in range(9):
            if data.value():
                break
            # Our reset may have cut off a part's answer; it frees SDA once it has sent it all.
            clock.init(machine.Pin.OPEN_DRAIN, value=0)
            sleep_us(5)
            clock.value(1)
            sleep_us(5)
        buses[sda, scl] = machine.SoftI2C(scl=clock, sda=data, freq=100_000)
    return buses[sda, scl]


def scale():
    """Return the full-scale voltage of an ADC that doesn't know its own."""
    try:
        return float(__import__("board").FULL_SCALE)
    except (ImportError, AttributeError):
        return 3.3
    finally:
        sys.modules.pop("board", None)
