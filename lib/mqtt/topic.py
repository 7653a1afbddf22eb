"""What MQTT 4.7 allows as a topic name and as a topic filter."""


def check_name(topic):
    """Return the topic name; ValueError if nothing can be published to it. [MQTT-3.3.2-2]"""
    for character in ("+", "#", "\0") if isinstance(topic, str) else (b"+", b"#", b"\0"):
        if character in topic:
            raise ValueError("topic %r: %r is not allowed in it" % (topic, character))
    if not topic or len(topic) > 65535:
        raise ValueError("topic of %d bytes; 1 to 65535" % len(topic))
    return topic


def check_filter(pattern):
    """Return the topic filter; ValueError where MQTT forbids it. [MQTT-4.7.1-2], [MQTT-4.7.1-3]"""
    text = pattern if isinstance(pattern, str) else str(pattern, "utf-8")
    levels = text.split("/")
    for i, level in enumerate(levels):
        if len(level) > 1 and ("+" in level or "#" in level) or "\0" in level:
            raise ValueError("filter %r: a wildcard fills a whole level" % text)
        if level == "#" and i < len(levels) - 1:
            raise ValueError("filter %r: '#' must be the last level" % text)
    if not text or len(text) > 65535:
        raise ValueError("filter of %d bytes; 1 to 65535" % len(text))
    return pattern
