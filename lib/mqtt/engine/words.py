"""What the broker's codes mean. Imported when one has to be said, and not before."""

from mqtt.engine.base import ProtocolError, Refused


def refusal(code):
    """The exception for the return code of a CONNACK. MQTT 3.2.2.3"""
    words = (
        "reason unknown",
        "protocol version not supported",
        "client id not allowed",
        "broker not available",
        "bad user name or password",
        "not authorized",
    )
    word = words[code if code < 6 else 0]
    error = Refused("refused by the broker: %s (code %d)" % (word, code))
    error.code = code
    return error


def too_long(size):
    """The exception for what no packet of MQTT can hold."""
    return ValueError("packet of %d bytes; MQTT allows 268435455" % size)


# First bytes with the flags that they must have; PUBLISH has flags of its own.
_KINDS = b"\x10\x20\x40\x50\x62\x70\x82\x90\xa2\xb0\xc0\xd0\xe0\xf0"


def forbidden(first, size):
    """The exception for a packet that the broker may not send; its code is the reason in MQTT 5.

    size: of a packet that the broker may not send now, or not with that content; None for one
    that is malformed.
    """
    first &= 0xFF  # more in a PUBLISH that was too large for the buffer
    if size is None:
        text = "the broker sent a malformed packet 0x%02x" % first
    else:
        text = "the broker sent packet 0x%02x of %d bytes: not allowed here" % (first, size)
        if first == 0x90:
            text += ", SUBACK for %d filters" % (size - 2)
    malformed = size is None or (first >> 4 != 3 and first not in _KINDS)
    error = ProtocolError(text)
    error.code = 0x81 if malformed else 0x82  # type: ignore[attr-defined]
    return error


def not_granted(core, pattern):
    """The exception for a filter that the broker refused."""
    if core.v5:
        from mqtt.engine.reasons import raise_for

        raise_for(core, pattern)
    return OSError("subscription refused: %s" % pattern)


def bad_filter(pattern, qos):
    """The exception for what is no topic filter, or no QoS for one."""
    if qos not in (None, 0, 1, 2):
        return ValueError("filter %r: QoS %r; 0, 1 or 2" % (pattern, qos))
    return ValueError("filter %r: a wildcard fills a whole level, '#' the last" % pattern)
