"""The commands `read`, `set` and `identify`. See node.commands.orders."""

import json

from node.sensor import text


def read(node, payload):
    """Payload: the name of a sensor, or nothing for all. Answers with their values now."""
    wanted = str(payload, "utf-8")
    values = {}
    errors = {}
    for sensor in node.sensors:
        name = sensor.name
        # A sensor that needs time to measure is left out; its next reading will come.
        if wanted and name != wanted or sensor.waited:
            continue
        try:
            shown = _now(sensor)
            if shown:
                values[name] = shown[0] if len(shown) == 1 else shown
        except KeyboardInterrupt:
            raise
        except BaseException as error:
            sensor.fault(error)
            errors[name] = node.error
    if errors and not values:
        raise ValueError(", ".join(errors.values()))
    if wanted and not values:
        raise ValueError("no sensor %r that can be read at once" % wanted[:32])
    found = {"values": values}
    if errors:
        found["errors"] = errors
    return found


def set(node, payload):
    """Payload: {"output": name, "value": what its driver takes}. The state is published, too."""
    order = json.loads(payload)
    name = order["output"]
    for sensor in node.sensors:
        if sensor.name == name and hasattr(sensor.part, "set"):
            try:
                sensor.part.set(order["value"])
            except (ValueError, KeyboardInterrupt):  # the value is wrong, not the driver
                raise
            except BaseException as error:
                sensor.fault(error)
                raise ValueError(node.error)
            return {"output": name, "value": order["value"]}
    raise ValueError("output: there is no %r" % str(name)[:32])


def identify(node, payload):
    """Payload: anything. Says who this is at the console, and blinks the LED for 2 s if it can."""
    from time import sleep_ms

    from machine import Pin

    print("Petrel:", node.prefix)
    led = None
    for name in ("LED", "LED_BLUE"):  # a Pico's, a Pyboard's; other boards have none by name
        try:
            led = Pin(name, Pin.OUT)
        except (ValueError, TypeError):
            pass
    for i in range(20 if led else 0):
        led.value(not i & 1)
        sleep_ms(100)
    return {}


def _now(sensor):
    """Return its values; none for an event, or for a sensor that can't be read at once."""
    if getattr(sensor.part, "STATE", True) is not False:
        said = sensor.ask("start") or sensor.ask(getattr(sensor.part, "look", "read"))
        if not isinstance(said, int):
            return [_Json(text(*each)) for each in zip(said, sensor.part.FIELDS)]
    return ()


class _Json:
    """Text that is JSON already; json.dumps() takes an object's repr as its value."""

    def __init__(self, text):
        self.text = text

    def __repr__(self):
        return self.text
