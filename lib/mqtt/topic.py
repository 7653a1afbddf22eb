"""What MQTT allows as a topic name (4.7)."""


def check_name(topic):
    """Return the topic name, str or bytes; ValueError if nothing can be published to it.

    [MQTT-3.3.2-2], [MQTT-4.7.3-1]
    """
    raw = check(topic)
    if b"+" in raw or b"#" in raw:
        from mqtt.words import bad_topic

        raise bad_topic(topic, raw)
    return topic if isinstance(topic, str) else raw


def check_received(topic):
    """ProtocolError if the broker should not have sent this topic name."""
    from mqtt.packet import ProtocolError

    try:
        check_name(topic)
    except ValueError as error:
        raise ProtocolError(str(error))


def check(topic):
    """The topic as bytes, if it is well-formed text of a length that MQTT allows."""
    raw = topic.encode() if isinstance(topic, str) else topic
    if not isinstance(raw, bytes):
        from mqtt.payload import check as writable

        raw = bytes(writable(raw, "topic"))
    if not 0 < len(raw) < 65536 or b"\0" in raw:
        from mqtt.words import bad_topic

        raise bad_topic(topic, raw)
    for byte in raw:
        if byte > 127:
            from mqtt.utf8 import check_text

            check_text(raw)
            break
    return raw
