"""What MQTT allows as a topic name or a filter (4.7), and asking for filters."""

from micropython import const

from mqtt.engine.connect import want

_PLUS = const(0x2B)  # a byte, "+"
_HASH = const(0x23)


def check_name(topic):
    """Return the topic name, str or bytes; ValueError if nothing can be published to it.

    [MQTT-3.3.2-2], [MQTT-4.7.3-1]
    """
    raw = check(topic)
    if _PLUS in raw or _HASH in raw:
        from mqtt.engine.words import bad_topic

        raise bad_topic(topic, raw)
    return topic if isinstance(topic, str) else raw


def check(topic):
    """The topic as bytes, if it is well-formed text of a length that MQTT allows."""
    raw = topic.encode() if isinstance(topic, str) else topic
    if not isinstance(raw, bytes):
        from mqtt.engine.payload import check as writable

        raw = bytes(writable(raw, "topic"))
    if not 0 < len(raw) < 65536 or 0 in raw:
        from mqtt.engine.words import bad_topic

        raise bad_topic(topic, raw)
    for byte in raw:
        if byte > 127:
            from mqtt.engine.utf8 import check_text

            check_text(raw)
            break
    return raw


def check_filter(pattern):
    """Return the topic filter; ValueError where MQTT forbids it. [MQTT-4.7.1-2], [MQTT-4.7.1-3]"""
    levels = check(pattern).split(b"/")
    bad = b"#" in levels[:-1]
    for level in levels:
        bad = bad or len(level) > 1 and (_PLUS in level or _HASH in level)
    return _good(pattern, 0, not bad)


def _good(pattern, qos, good):
    if not good:
        from mqtt.engine.words import bad_filter

        raise bad_filter(pattern, qos)
    return pattern


def ask(core, patterns, qos):
    """Ask for a filter, or for a list of them; with qos None give them up.

    In the list (filter, qos) may stand for a filter; in place of a QoS the options() of mqtt.v5.
    Returns pairs of filter and QoS; raises ValueError, and asks for none, if one of them is bad.
    """
    asked = []
    for each in patterns if isinstance(patterns, list) else (patterns,):
        pattern, level = each if isinstance(each, (tuple, list)) else (each, qos)
        if core.v5:
            from mqtt.engine.v5 import check_options

            check_options(pattern, level)
        else:
            _good(pattern, level, level in (None, 0, 1, 2))
        asked.append((check_filter(pattern), level))
    _good(None, 0, asked)
    for pattern, level in asked:
        want(core, pattern, level)
    return asked


def check_granted(core, asked):
    """OSError if the broker refused one of these filters, as ask() returned them.

    Those are not asked for again: the caller knows.
    """
    refused = None
    for pattern, _ in asked:
        if pattern in core.rejected:
            core.filters.pop(pattern, None)
            refused = refused or pattern
    if refused:
        from mqtt.engine.words import not_granted

        raise not_granted(core, refused)
