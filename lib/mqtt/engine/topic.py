"""What MQTT allows as a topic (4.7), and as text (1.5.3). Imported for what is not plain."""


def name(topic):
    """Return the topic name, str or bytes; ValueError if nothing can be published to it."""
    raw = text(topic)
    if b"+" in raw or b"#" in raw:
        raise ValueError("topic %r: a wildcard is not allowed in it" % topic)
    return topic if isinstance(topic, str) else raw


def text(topic):
    """The topic or filter as bytes, if it is well-formed and of a length that MQTT allows."""
    raw = topic.encode() if isinstance(topic, str) else topic
    if not isinstance(raw, (bytes, bytearray, memoryview)):
        raise TypeError("topic is %s; give str or bytes" % type(topic).__name__)
    raw = bytes(raw)
    if not 0 < len(raw) < 65536:
        raise ValueError("topic of %d bytes; 1 to 65535" % len(raw))
    if 0 in raw:
        raise ValueError("topic %r: U+0000 is not allowed in it" % topic)
    if any(byte > 127 for byte in raw):
        check_utf8(raw)
    return raw


def received(topic):
    """ProtocolError if the broker should not have sent this topic name."""
    from mqtt.engine.base import ProtocolError

    try:
        name(topic)
    except ValueError as error:
        raise ProtocolError(str(error))


def check_utf8(raw):
    """ValueError unless these bytes are well-formed UTF-8. [MQTT-1.5.3-1]

    Byte by byte: MicroPython's own check lets surrogates and overlong forms pass, and going
    through a str character by character leaves each of them interned for good.
    """
    at = 0
    while at < len(raw):
        first = raw[at]
        at += 1
        if first < 0x80:
            continue
        # Unicode, table 3-7: how many bytes follow, and what the first of them may be.
        least, most = 0x80, 0xBF
        if first in (0xE0, 0xF0):
            least = 0xA0 if first == 0xE0 else 0x90
        elif first in (0xED, 0xF4):
            most = 0x9F if first == 0xED else 0x8F
        for _ in range(1 + (first > 0xDF) + (first > 0xEF)):
            if not 0xC2 <= first <= 0xF4 or at == len(raw) or not least <= raw[at] <= most:
                raise ValueError("%r is not well-formed UTF-8" % raw)
            at += 1
            least, most = 0x80, 0xBF
