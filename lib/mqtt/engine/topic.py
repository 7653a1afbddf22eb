"""What MQTT allows as a topic (4.7). Imported for one that is not plainly good."""


def name(topic):
    """Return the topic name, str or bytes; ValueError if nothing can be published to it."""
    raw = text(topic)
    if b"+" in raw or b"#" in raw:
        raise ValueError("topic %r: a wildcard is not allowed in it" % topic)
    return topic if isinstance(topic, str) else raw


def text(topic):
    """The topic or filter as bytes, if it is well-formed and of a length that MQTT allows."""
    raw = topic.encode() if isinstance(topic, str) else topic
    if not isinstance(raw, bytes):
        from mqtt.engine.payload import check

        raw = bytes(check(raw, "topic"))
    if not 0 < len(raw) < 65536:
        raise ValueError("topic of %d bytes; 1 to 65535" % len(raw))
    if 0 in raw:
        raise ValueError("topic %r: U+0000 is not allowed in it" % topic)
    if any(byte > 127 for byte in raw):
        from mqtt.engine.utf8 import check_utf8

        check_utf8(raw)
    return raw


def received(topic):
    """ProtocolError if the broker should not have sent this topic name."""
    from mqtt.engine.core import ProtocolError

    try:
        name(topic)
    except ValueError as error:
        raise ProtocolError(str(error))
