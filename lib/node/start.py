"""Decides how to start, and puts the node together. Needed once, and then forgotten.

A crash is counted before it happens: the count is raised here and taken back after a minute of
good work (node.app), so that a hang which only the watchdog or a person ends is counted too.
"""

import os
from time import ticks_ms

import machine
from micropython import const

from node import boot, retained
from node.app import Node
from node.overlay import call

_CRASHES = const(3)  # in a row: safe mode


def prepare():
    """Return the Node to run, or None where the board is to be left to the REPL."""
    if "maintenance" in os.listdir():
        print("Petrel: not started: there is a file named maintenance; remove it and reset")
        return None
    config, boot.config = boot.config, None
    if config is None:
        print("Petrel: not started: no usable config.json; mend it, then machine.reset()")
        return None
    crashes, why = retained.load()
    safe = crashes >= _CRASHES or boot.degraded
    about = {"board": boot.board, "reset": _reset_cause(), "mode": "safe" if safe else "normal"}
    if crashes:
        about["crashes"] = crashes
        about["why"] = why
    if boot.faults:
        about["faults"] = list(boot.faults)
    if safe:
        print("Petrel: safe mode:", why or boot.faults)
        retained.store(_CRASHES - 1, why)  # after safe mode, one more crash leads back to it
    else:
        retained.store(crashes + 1, "no answer: ended by the watchdog or a reset")
    prefix = "%s/%s/" % (config["base"], config["node"])
    node = Node(prefix, config["diagnostics"], about, safe)
    _connect(node, config)
    _watchdog(node, config)
    if not safe:
        for entry in config["sensors"]:
            _add(node, entry)
    return node


def _connect(node, config):
    """Give the node its client; and its Wi-Fi, where the board has one to look after."""
    try:
        import network  # noqa: F401
    except ImportError:
        from node.console import Console

        node.client = Console()
        return
    from mqtt.link import Link
    from mqtt.transport import tcp

    wifi = config.get("wifi")
    if wifi:
        hostname = wifi.get("hostname") or config["node"]
        call("wifi", "begin", node, wifi["ssid"], wifi.get("password"), hostname)
    mqtt = config["mqtt"]
    node.tcp = tcp(mqtt["host"], mqtt["port"])
    node.client = Link(
        node.dial, mqtt.get("client_id") or config["node"], user=mqtt.get("user"),
        password=mqtt.get("password"), keepalive=mqtt["keepalive"], clean=False, buffer=256,
        will=(node.prefix + "status", "offline", 1, True), queue=config["queue"],
        on_message=node.on_message, on_connect=node.on_connect, on_lost=node.on_lost,
    )  # fmt: skip
    node.client.session.subscribe(node.prefix + "cmd/#", 1)


def _watchdog(node, config):
    seconds = config["watchdog"]
    if seconds:
        try:
            node.feed = machine.WDT(timeout=seconds * 1000).feed
        except ValueError:  # ESP8266 has one of a fixed time
            node.feed = machine.WDT().feed


def _add(node, entry):
    """Make one sensor; one that cannot be made is reported, and the others work."""
    try:
        sensor = _make(entry)
    except (ImportError, OSError, ValueError, TypeError) as error:
        node.failed(entry["name"], error)
        return
    if hasattr(sensor, "listen"):
        sensor.listen()
    # What changes by itself needs no clock, the rest is read once a minute unless told otherwise.
    interval = entry.get("interval", 0 if hasattr(sensor, "listen") else 60)
    name = entry["name"]
    topic = node.prefix + name
    node.sensors.append([name, sensor, int(interval * 1000), ticks_ms(), topic, False])


def _make(entry):
    """Import the driver, make its pin or ADC, hand it over."""
    module = __import__("sensors." + entry["driver"], None, None, ("DRIVER",))
    module.options = None  # they were for the check of the config
    options = {}
    for key in entry:
        if key not in ("name", "driver", "pin", "interval", "pull"):
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


def _reset_cause():
    """The reset cause in words; ports differ in which causes they can tell."""
    cause = machine.reset_cause()
    for name in ("PWRON", "HARD", "WDT", "DEEPSLEEP", "SOFT"):
        if getattr(machine, name + "_RESET", None) == cause:
            return name.lower()
    return str(cause)
