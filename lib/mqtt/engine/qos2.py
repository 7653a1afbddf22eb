"""The part of a session that is about QoS 2 alone. Imported when the first such packet comes.

A message sent is published until its PUBREC has come, and from then on released until its PUBCOMP
has come. A message received is delivered once, at its first PUBLISH; its identifier is held until
its PUBREL has come.
"""

from micropython import const

from mqtt.engine.base import LinkError

_PUBREL = const(0x62)
_PUBCOMP = const(0x70)

_UNRELEASED = const(100)  # messages that a broker may leave unreleased


def handle(core, first, pid, now):
    """PUBREC and PUBCOMP for what we sent, PUBREL for what we received. [MQTT-4.3.3-1]"""
    if first == _PUBREL:
        if pid in core.unreleased:
            core.unreleased.remove(pid)
        core.reply = _PUBCOMP << 16 | pid
        return
    bit = core.in_flight(pid, now)
    if first == _PUBCOMP:
        core.acked |= bit
        core.pop()
    elif bit:
        core.received |= bit
        core.reply = _PUBREL << 16 | pid


def arrived(core, pid):
    """Note a PUBLISH; returns True if it is not here yet. [MQTT-4.3.3-2]"""
    if pid in core.unreleased:
        return False
    if len(core.unreleased) == _UNRELEASED:
        raise LinkError("too many messages of QoS 2 unreleased")
    core.unreleased = core.unreleased or []
    core.unreleased.append(pid)
    return True
