"""Tells each reading a second time, as Homie wants it: only the value, retained.

An event isn't retained and has QoS 0, so that it comes now or never. While there is no connection
nothing is told: after the next one every value is.
"""

from node.delivery import latest

_VALUE = len('{"value": ')


class Mirror:
    """Delivers the readings of one sensor.

    base: what its properties' topics begin with; logical: whether its value is true or false
    """

    def __init__(self, sensor, base, logical):
        self.sensor = sensor
        self.base = base
        self.logical = logical
        self.before = sensor.deliver

    def deliver(self, client, topic, message, retain=False):
        """Deliver a reading as it was before, then tell its value."""
        if self.before:
            self.before(client, topic, message, retain)
        else:
            client.post(topic, message, retain)
        if not client.up:
            return
        sensor = self.sensor
        field = sensor.part.FIELDS[0][0]
        if len(sensor.part.FIELDS) > 1:
            field = topic[topic.rfind("/") + 1 :]
        value = message[_VALUE : message.find(', "unit": ')]
        if value[0] == "[":
            value = "rgb," + value[1:-1].replace(" ", "")
        elif value[0] == '"':
            value = value[1:-1]
        elif self.logical:
            value = "false" if value in ("0", "false") else "true"
        topic = self.base + field.lower().replace("_", "-")
        if getattr(sensor.part, "STATE", True) is False:
            client.post(topic, value, False, 0)
        else:
            latest(client, topic, value, True)
