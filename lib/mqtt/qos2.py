"""The part of a session that is about QoS 2 alone. Imported when the first such packet comes.

A message sent is published until its PUBREC has come, and from then on released until its PUBCOMP
has come. A message received is delivered once, at its first PUBLISH; its identifier is held until
its PUBREL has come.
"""

from micropython import const

from mqtt.packet import LinkError

_PUBREC = const(0x50)
_PUBREL = const(0x62)
_PUBCOMP = const(0x70)

_UNRELEASED = const(100)  # messages that a broker may leave unreleased


def handle(session, first, pid, now):
    """PUBREC and PUBCOMP for what we sent, PUBREL for what we received. [MQTT-4.3.3-1]"""
    if first == _PUBREL:
        if pid in session.unreleased:
            session.unreleased.remove(pid)
        session.reply = _PUBCOMP
        session.reply_pid = pid
    elif first == _PUBCOMP:
        session.acknowledged(pid, now)
    elif session.in_flight(pid, now):
        session.received |= session.in_flight(pid, now)
        session.reply = _PUBREL
        session.reply_pid = pid


def arrived(session, pid):
    """Note a PUBLISH; returns True if it is not here yet. [MQTT-4.3.3-2]"""
    session.ack = _PUBREC
    if pid in session.unreleased:
        return False
    if len(session.unreleased) == _UNRELEASED:
        raise LinkError("too many messages of QoS 2 unreleased")
    session.unreleased.append(pid)
    return True
