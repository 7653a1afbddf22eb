"""What begins a connection: the stream opens, then CONNECT and CONNACK.

Imported when it is needed. A program that is short of RAM may drop it when the connection stands.
"""

import select
from time import ticks_add, ticks_diff, ticks_ms

from micropython import const

_SLOW_MS = const(1000)  # a stream that takes longer to open is looked after, see mqtt.opening


def opened(connection):
    """True if the stream has come to stand; then the session has begun."""
    now = ticks_ms()
    look = not 0 <= ticks_diff(now, connection._stuck) <= _SLOW_MS  # the ticks wrap
    for _, events in connection._poller.ipoll(0):
        connection.opening = False
        look = events != select.POLLOUT  # it failed
    if look:
        from mqtt.opening import slow

        slow(connection, not connection.opening)
    if connection.opening:
        return False
    connection._poller.modify(connection.stream, select.POLLIN)
    session = connection.session
    session.connect(now)
    session.asked_at = ticks_add(connection._stuck, connection.connect_ms - session.answer_ms)
    connection.send(True)
    return True


def connect(session):
    """Encode CONNECT. MQTT 3.1"""
    session.reply = 0  # to a message of an earlier connection
    keepalive = session.keepalive
    will = session.will
    name = "MQIsdp" if session.version == 3 else "MQTT"
    packet = session.packet
    out = packet.out
    out.seek(0)
    out.write(name)
    out.write(bytes((session.version, _flags(session), keepalive >> 8, keepalive & 255)))
    v5 = session.version == 5
    if v5:
        out.write(session.encode(0x10))
    packet.text(session.client_id)
    if will:
        if v5:
            out.write(session.encode(0))
        packet.text(will[0])
        packet.text(will[1])
    for field in (session.user, session.password):
        if field is not None:
            packet.text(field)
    packet.finish(0x10, len(name))


def _flags(session):
    """Those of CONNECT. Apart, so that no large piece of a heap in pieces is needed for code."""
    flags = (session.user is not None) << 7 | (session.password is not None) << 6
    will = session.will
    if will:
        flags |= 4 | will[2] << 3 | (32 if will[3] else 0)
    return flags | 2 if session.clean else flags


def accepted(session, present, code):
    """CONNACK; `present`: the broker still knows our session. Raises Refused for a code."""
    if code:
        from mqtt.words import refusal

        raise refusal(code)
    session.up = True
    session.present = bool(present)
    session.awaited = session.sent = session.attempts = 0
    for pattern in session.rejected:  # the broker may know better now
        if pattern in session.filters and pattern not in session.untold:
            session.untold.append(pattern)
    if not present:
        # The broker knows nothing of us: what it has not acknowledged is new to it
        # [MQTT-3.1.2-6], and it must be asked again for every filter. What it has answered by
        # PUBREC was its own already.
        session.acked |= session.received
        session.pop()
        session.known = 0
        session.untold = list(session.filters)
        session.unreleased.clear()
