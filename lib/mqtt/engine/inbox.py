"""Messages that arrive: taken apart, handed to the application, answered. Imported for the first.

A program that only publishes doesn't need it.
"""

from micropython import const

_PUBACK = const(0x40)
_PUBREC = const(0x50)


def message(core, first):
    """Take a PUBLISH; 0x100 is added to `first` if it has passed through the buffer in pieces."""
    large, core.large = core.large, None
    if not large:
        parse(core, first, core.end)
    pid = core.pid
    ack = 0
    new = True
    if first & 6:
        if not pid:
            raise core.forbidden(first, core.end - core.body)
        ack = _PUBACK << 16 | pid
        if first & 4:
            from mqtt.engine.qos2 import arrived

            new = arrived(core, pid)
            ack = _PUBREC << 16 | pid
    stream = core.stream
    try:
        if large:
            large.deliver(new)
        elif new:
            core.deliver(core.topic, bytes(core.view[core.payload_at : core.end]), first & 1)
    finally:
        if core.stream is stream:
            core.reply = ack


def parse(core, first, end):
    """Find topic, identifier and payload of a PUBLISH that is held up to `end`.

    If a part of its topic is missing, or the identifier behind that, nothing is looked at.
    """
    _parse(core, first, end)
    if core.v5:
        core.v5.parsed(end)


def _parse(core, first, end):
    at = core.body + 2
    if at <= core.end:
        at += core.number(core.body)
    qos = first & 6
    core.pid = 0
    core.payload_at = at + 2 if qos else at
    if at < core.body + 3 or core.payload_at > core.end or qos == 6:
        raise core.forbidden(first, None)
    if core.payload_at > end:
        return
    if qos:
        core.pid = core.number(at)
    name = core.view[core.body + 2 : at]
    if name != core.topic:  # the same as before needs no second check, and no RAM
        topic = bytes(name)
        for byte in topic:
            if byte > 127 or byte in b"\0#+":
                from mqtt.engine.topic import received

                received(topic)
                break
        core.topic = topic
