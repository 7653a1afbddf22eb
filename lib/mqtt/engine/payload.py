"""What may be published. Imported for anything but plain str or bytes with a valid QoS."""

from micropython import const

_BARRED = const(9)  # topics for which post() takes nothing now, see engine.suspects


def check(value, name="payload"):
    """Return a value as bytes, bytearray or memoryview, which can be written; else TypeError."""
    if isinstance(value, str):
        return value.encode()
    if isinstance(value, memoryview) and len(bytes(value[:1])) > 1:
        return bytes(value)  # of an array: it counts elements, and MQTT counts bytes
    if not isinstance(value, (bytes, bytearray, memoryview)):
        what = name, type(value).__name__
        raise TypeError("%s is %s; give str, bytes or bytearray, such as str(value)" % what)
    return value


def prepared(core, topic, payload, qos, properties):
    """Return the payload as post() needs it, with any properties in front.

    None if nothing is taken for that topic now, see engine.suspects. Raises TypeError or
    ValueError for what cannot be published.
    """
    if qos not in (0, 1, 2):
        raise ValueError("QoS %r; 0, 1, 2" % (qos,))  # [MQTT-3.3.1-4]
    payload = check(payload)
    if qos:
        payload = bytes(payload)  # it is held: the caller may use its buffer again
    if core.again is not None and topic in core.past[_BARRED]:
        core.outbox.refused += 1
        return None
    if properties:
        from mqtt.properties import joined

        payload = joined(core.version, properties, payload)
    return payload
