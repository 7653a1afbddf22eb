"""Makes the configured sensors: imports the driver, makes the pin or ADC, hands it over."""

import machine


def make(config):
    """Return the sensor that one entry of config["sensors"] describes.

    Raises ImportError for an unknown driver, ValueError for a pin that the port refuses.
    """
    module = __import__("sensors." + config["driver"], None, None, ("DRIVER",))
    options = {}
    for key in config:
        if key not in ("name", "driver", "pin", "interval", "pull"):
            options[key] = config[key]
    pin = config["pin"]
    if module.USES == "adc":
        hardware = machine.ADC(pin)
        if hasattr(hardware, "atten"):  # ESP32: the whole range up to about 3.1 V
            hardware.atten(machine.ADC.ATTN_11DB)
    else:
        pull = {"up": machine.Pin.PULL_UP, "down": getattr(machine.Pin, "PULL_DOWN", None)}
        hardware = machine.Pin(pin, machine.Pin.IN, pull.get(config.get("pull")))
    return module.DRIVER(hardware, **options)
