"""Hands values of sensors to those that make something of them. Needed once, then forgotten."""


def begin(node):
    """Have the readings of a sensor noted by the formulas that name it."""
    takers = {}  # sensor -> [(topic, formula, place)]
    for sensor in node.sensors:
        part = getattr(sensor.part, "part", sensor.part)  # behind filters
        if sensor.driver != "formula" or not hasattr(part, "names"):
            continue
        part.paced = sensor.interval > 0
        sources = []
        for slot, name in enumerate(part.names):
            for other in node.sensors:
                if other.name == name.split("/")[0]:
                    sources.append(other)
                    takers.setdefault(other, []).append((node.prefix + name, part, slot))
        part.sources = tuple(sources)
    for sensor in takers:
        sensor.deliver = _noted(sensor.deliver, tuple(takers[sensor]))


def _noted(before, takers):
    """Return what delivers a reading as before, and has it noted."""

    def deliver(client, topic, message, retain=False):
        for each, part, slot in takers:
            if each == topic:
                part.take(slot, message[10 : message.find(', "unit": ')])
        (before or type(client).post)(client, topic, message, retain)

    return deliver
