"""Topic filters: what MQTT allows as one (4.7), and asking for several at once."""

from mqtt.subscribe import want
from mqtt.topic import check


def check_filter(pattern):
    """Return the topic filter; ValueError where MQTT forbids it. [MQTT-4.7.1-2], [MQTT-4.7.1-3]"""
    levels = check(pattern).split(b"/")
    bad = b"#" in levels[:-1]
    for level in levels:
        bad = bad or len(level) > 1 and (b"+" in level or b"#" in level)
    if bad:
        from mqtt.words import bad_filter

        raise bad_filter(pattern, levels)
    return pattern


def ask(session, patterns, qos):
    """Ask for a filter, or for a list of them; with qos None give them up.

    In the list (filter, qos) may stand for a filter; in place of a QoS the options() of mqtt.v5.
    Returns pairs of filter and QoS; raises ValueError, and asks for none, if one of them is bad.
    """
    asked = []
    for each in patterns if isinstance(patterns, list) else (patterns,):
        pattern, level = each if isinstance(each, (tuple, list)) else (each, qos)
        if session.version == 5:
            from mqtt.v5 import check_options

            check_options(pattern, level)
        elif level not in (None, 0, 1, 2):
            raise ValueError("filter %r: QoS %r; 0, 1 or 2" % (pattern, level))
        asked.append((check_filter(pattern), level))
    if not asked:
        raise ValueError("no filter given [MQTT-3.8.3-3]")
    for pattern, level in asked:
        want(session, pattern, level)
    return asked


def check_granted(session, asked):
    """OSError if the broker refused one of these filters, as ask() returned them.

    Those are not asked for again: the caller knows.
    """
    refused = None
    for pattern, _ in asked:
        if pattern in session.rejected:
            session.filters.pop(pattern, None)
            refused = refused or pattern
    if refused:
        if session.version == 5:
            from mqtt.reasons import raise_for

            raise_for(session, refused)
        raise OSError("subscription refused: %s" % refused)


def settled(session):
    """True when the broker has answered for every filter asked for or given up."""
    return not (session.untold or session.asked)
