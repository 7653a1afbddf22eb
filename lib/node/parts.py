"""Makes a node's sensors, and starts the watchdog. Needed once, and then forgotten."""

from time import ticks_ms

import machine


def make(node, config):
    """Make all sensors; one that cannot be made is reported, and the others work."""
    for entry in config["sensors"]:
        try:
            _add(node, entry)
        except (ImportError, OSError, ValueError, TypeError) as error:
            node.failed(entry["name"], error)
    if config["watchdog"]:
        try:
            node.feed = machine.WDT(timeout=config["watchdog"] * 1000).feed
        except ValueError:  # ESP8266 has one of a fixed time
            node.feed = machine.WDT().feed


def _add(node, entry):
    sensor = _make(entry)
    if hasattr(sensor, "listen"):
        sensor.listen()
    # What changes by itself needs no clock, the rest is read once a minute unless told otherwise.
    interval = entry.get("interval", 0 if hasattr(sensor, "listen") else 60)
    name = entry["name"]
    topic = node.prefix + name
    delivery = entry.get("delivery", "queue")
    if delivery == "queue":
        delivery = None
    else:
        from node import delivery as ways

        delivery = getattr(ways, delivery)
    node.sensors.append([name, sensor, int(interval * 1000), ticks_ms(), topic, False, delivery])


def _make(entry):
    """Import the driver, make its pin or ADC, hand it over."""
    module = __import__("sensors." + entry["driver"], None, None, ("DRIVER",))
    module.options = None  # type: ignore[attr-defined]  # it was for the check of the config
    options = {}
    for key in entry:
        if key not in ("name", "driver", "pin", "interval", "pull", "delivery"):
            options[key] = entry[key]
    pin = entry["pin"]
    if module.USES == "adc":
        adc = machine.ADC(pin)
        if hasattr(adc, "atten"):  # ESP32: its whole range, up to about 3.1 V
            adc.atten(machine.ADC.ATTN_11DB)
        return module.DRIVER(adc, **options)
    pull = {"up": "PULL_UP", "down": "PULL_DOWN"}.get(entry.get("pull"))
    if pull:
        hardware = machine.Pin(pin, machine.Pin.IN, getattr(machine.Pin, pull))
    else:
        hardware = machine.Pin(pin, machine.Pin.IN)
    return module.DRIVER(hardware, **options)
