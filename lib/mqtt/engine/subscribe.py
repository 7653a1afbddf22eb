"""Filters: what MQTT allows as one (4.7), SUBSCRIBE and UNSUBSCRIBE, and their answers.

Imported when it is needed, and forgotten when the broker has answered for all of them.
"""

from micropython import const

from mqtt.engine.base import plain

_SUBACK = const(0x90)
_UNSUBACK = const(0xB0)
_ASK_PID = const(65535)  # the identifier that is theirs alone; one of them is under way at a time
_PLUS = const(0x2B)  # a byte, "+"
_HASH = const(0x23)


def check_filter(pattern):
    """Return the topic filter; ValueError where MQTT forbids it. [MQTT-4.7.1-2], [MQTT-4.7.1-3]"""
    raw = plain(pattern)
    if raw is None:
        from mqtt.engine.topic import text

        raw = text(pattern)
    levels = raw.split(b"/")
    bad = b"#" in levels[:-1]
    for level in levels:
        bad = bad or len(level) > 1 and (_PLUS in level or _HASH in level)
    if bad:
        from mqtt.engine.words import bad_filter

        raise bad_filter(pattern, 0)
    return pattern


def ask(core, patterns, qos):
    """Ask for a filter, or for a list of them; with qos None, unsubscribe.

    The list may have (filter, qos) in place of a filter, and mqtt.v5.options() in place of a QoS.
    Returns pairs of filter and QoS; raises ValueError, and asks for none, if one of them is bad.
    """
    asked = []
    for each in patterns if isinstance(patterns, list) else (patterns,):
        pattern, level = each if isinstance(each, (tuple, list)) else (each, qos)
        if core.v5:
            core.v5.check_options(pattern, level)
        elif level not in (None, 0, 1, 2):
            from mqtt.engine.words import bad_filter

            raise bad_filter(pattern, level)
        asked.append((check_filter(pattern), level))
    if not asked:
        raise ValueError("no filter given [MQTT-3.8.3-3]")
    for pattern, level in asked:
        want(core, pattern, level)
    return asked


def want(core, pattern, qos):
    """Ask for a filter, or with qos None unsubscribe; applies to all later connections."""
    # What the broker is being told now may be another QoS.
    busy = core.asked if core.filters.get(pattern) != qos else 0
    if qos is None:
        core.filters.pop(pattern, None)
    else:
        core.filters[pattern] = qos
    if pattern in core.rejected:
        core.rejected.remove(pattern)
    if pattern not in core.untold[busy:]:
        core.untold.append(pattern)


def granted(core, asked):
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


def encode(core):
    """Encode SUBSCRIBE or UNSUBSCRIBE for the next filters that the broker has to be told.

    As many as fit into the buffer; then the answer fits, too. With MQTT 5 a subscription
    identifier applies to a whole packet. It is in the bits above the options of a filter: 0 for
    none, and -1 to unsubscribe.
    """
    tx = core.tx
    tx[5:] = b"\xff\xff"
    group = core.filters.get(core.untold[0], -1) >> 8
    if core.v5:
        tx.extend(core.v5.properties_of(0x82, group))
    for pattern in core.untold:
        level = core.filters.get(pattern, -1)
        if level >> 8 != group or len(tx) > len(core.rx):
            break
        core.asked += 1
        core.field(pattern)
        if group >= 0:
            tx.append(level & 255)
    core.finish(0xA2 if group < 0 else 0x82)
    core.awaited = _UNSUBACK if group < 0 else _SUBACK


def answered(core, first, size):
    """Take SUBACK or UNSUBACK; nothing else may come here."""
    if size < 2 or first not in (_SUBACK, _UNSUBACK) or (size > 2) != (first == _SUBACK):
        raise core.forbidden(first, size)
    if first != core.awaited or core.number(core.body) != _ASK_PID:
        core.strays += 1
        return
    if first == _SUBACK and size != core.asked + 2:
        raise core.forbidden(first, size)
    for i in range(core.asked):
        pattern = core.untold.pop(0)
        if first == _SUBACK:
            refused = core.rx[core.body + 2 + i] > 2
            if refused and pattern not in core.rejected:
                core.rejected.append(pattern)
            elif not refused and pattern in core.rejected:
                core.rejected.remove(pattern)
    core.awaited = core.asked = 0
    if not core.untold:
        core.forget("subscribe")
