"""Sets an output as Homie asks for it. Needed for each such message, then forgotten."""

from node.overlay import call


def take(node, topic, payload, retained):
    """Take a message on <domain>/5/<device>/<sensor>/<property>/set."""
    if retained or not node.tokens:
        node.drops += 1
        return
    node.tokens -= 1
    name = topic.split("/")[-3]
    try:
        if node.late > 0:
            call("commands", "take", "look", node, 1)
        if node.late > 0:
            raise ValueError("sent while the node was away")
        _set(node, name, str(payload, "utf-8"))
    except (ValueError, UnicodeError) as error:
        node.failed(name, "Homie: %s" % error)


def _set(node, name, text):
    for sensor in node.sensors:
        part = sensor.part
        if sensor.name.lower().replace("_", "-") == name and hasattr(part, "set"):
            value = _value(part, text)
            try:
                part.set(value)
            except (ValueError, KeyboardInterrupt):  # the value is wrong, not the driver
                raise
            except BaseException as error:
                sensor.fault(error)
            return
    raise ValueError("there is no such output")


def _value(part, text):
    """Return what the part's set() takes."""
    if text in ("true", "false"):
        if hasattr(part, "most_s"):  # a buzzer sounds for a time
            return part.most_s if text == "true" else 0
        return text == "true"
    if text[:4] == "rgb,":
        return [int(float(each) + 0.5) for each in text[4:].split(",")]
    return float(text)
