"""The part of a session that is about SUBSCRIBE, UNSUBSCRIBE and their answers.

Imported when it is needed. A program that is short of RAM may drop it when all is answered.
"""

from micropython import const

from mqtt.packet import ProtocolError

_SUBACK = const(0x90)
_UNSUBACK = const(0xB0)
_ASK_PID = const(65535)  # the identifier that is theirs alone; one of them is under way at a time


def want(session, pattern, qos):
    """Ask for a filter, or with qos None give it up; holds for all later connections."""
    if qos is None:
        session.filters.pop(pattern, None)
    else:
        session.filters[pattern] = qos
    if pattern in session.rejected:
        session.rejected.remove(pattern)
    if pattern not in session.untold:
        session.untold.append(pattern)


def ask(session):
    """Encode SUBSCRIBE for the filters that wait for one, or else UNSUBSCRIBE.

    As many as fit into the buffer, and so does the answer; returns the first byte of that. With
    MQTT 5 a subscription identifier holds for a whole packet: it stands above the options of the
    filter, and so is 0 without it, and -1 where a filter is given up.
    """
    packet = session.packet
    out = packet.out
    out.seek(0)
    filters = session.filters
    group = filters.get(session.untold[0], -1) >> 8
    if session.version == 5:
        out.write(session.encode(0x82, group))
    for pattern in session.untold:
        level = filters.get(pattern, -1)
        if level >> 8 == group and out.tell() < packet.room:
            session.asked.append(pattern)
            packet.text(pattern)
            if group >= 0:
                out.write(bytes((level & 255,)))
    for pattern in session.asked:
        session.untold.remove(pattern)
    packet.finish(0xA2 if group < 0 else 0x82, _ASK_PID)
    return _UNSUBACK if group < 0 else _SUBACK


def answered(session, first):
    """SUBACK or UNSUBACK."""
    incoming = session.incoming
    at = incoming.body + 2
    asked = session.asked
    if first != session.awaited or incoming.number(incoming.body) != _ASK_PID:
        session.strays += 1
        return
    if first == _SUBACK:
        if incoming.end - at != len(asked):
            raise ProtocolError("SUBACK for %d filters" % (incoming.end - at))
        for pattern in asked:
            granted = incoming.buffer[at] < 3
            rejected = session.rejected
            if granted == (pattern in rejected):
                (rejected.remove if granted else rejected.append)(pattern)
            at += 1
    session.awaited = 0
    asked.clear()
