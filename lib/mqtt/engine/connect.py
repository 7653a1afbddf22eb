"""What begins a connection, and what is asked once: CONNECT, SUBSCRIBE, UNSUBSCRIBE.

Each with its answer. Imported when it is needed. A program that is short of RAM may drop it when
all is answered.
"""

import select
from time import ticks_add, ticks_diff, ticks_ms

from micropython import const

_CONNACK = const(0x20)
_SUBACK = const(0x90)
_UNSUBACK = const(0xB0)
_ASK_PID = const(65535)  # the identifier that is theirs alone; one of them is under way at a time
_CONNECT_MS = const(10_000)  # from the dial to CONNACK, where nobody asks for more
_SLOW_MS = const(1000)  # a stream that takes longer to open is looked after, see engine.late


def opened(core):
    """True if the stream has come to stand; then CONNECT leaves before all else. [MQTT-3.1.0-1]"""
    now = ticks_ms()
    look = not 0 <= ticks_diff(now, core.stuck) <= _SLOW_MS  # the ticks wrap
    for _, events in core.poll.ipoll(0):
        core.opening = False
        look = events != select.POLLOUT  # it failed
    if look:
        from mqtt.engine.late import slow

        slow(core, not core.opening)
    if core.opening:
        return False
    core.poll.modify(core.stream, select.POLLIN)
    connect(core, now)
    core.asked_at = ticks_add(core.stuck, open_ms(core) - core.answer_ms)
    core.send()
    return True


def open_ms(core):
    """The ms that a connection may take from the dial to CONNACK."""
    return core.connect_ms or getattr(core.dial, "connect_ms", 0) or _CONNECT_MS


def connect(core, now):
    """Encode CONNECT. MQTT 3.1"""
    core.awaited = _CONNACK
    core.sent_at = core.due = core.heard = core.spoke = now
    v5 = core.v5
    if v5:
        v5.begin()
    keepalive = core.keepalive
    will = core.will
    tx = core.tx
    tx[5:] = b""
    text(tx, "MQIsdp" if core.version == 3 else "MQTT")
    tx.extend(bytes((core.version, _flags(core), keepalive >> 8, keepalive & 255)))
    if v5:
        tx.extend(v5.properties_of(0x10))
    text(tx, core.client_id)
    if will:
        if v5:
            tx.extend(v5.properties_of(0))
        text(tx, will[0])
        text(tx, will[1])
    for field in (core.user, core.password):
        if field is not None:
            text(tx, field)
    core.finish(0x10)


def _flags(core):
    """Those of CONNECT. Apart, so that no large piece of a heap in pieces is needed for code."""
    flags = (core.user is not None) << 7 | (core.password is not None) << 6
    will = core.will
    if will:
        flags |= 4 | will[2] << 3 | (32 if will[3] else 0)
    return flags | 2 if core.clean else flags


def text(tx, value):
    """Append str or bytes behind their length; ValueError for more than 65535 bytes."""
    at = len(tx)
    tx.extend(b"\0\0")
    tx.extend(value)
    size = len(tx) - at - 2
    if size > 0xFFFF:
        from mqtt.engine.words import too_long

        raise too_long("field", size, 0xFFFF)
    tx[at] = size >> 8
    tx[at + 1] = size & 255


def answered(core, first, size):
    """CONNACK, SUBACK or UNSUBACK; whatever else it is has no place here."""
    if not core.up and first == _CONNACK and size == 2:
        code = core.rx[core.body + 1]
        if code:
            from mqtt.engine.words import refusal

            raise refusal(code)
        accepted(core, core.rx[core.body])
    elif core.up and (first == _SUBACK and size > 2 or first == _UNSUBACK and size == 2):
        if first != core.awaited or core.number(core.body) != _ASK_PID:
            core.strays += 1
            return
        if first == _SUBACK and size != core.asked + 2:
            raise core.forbidden(first, size)
        for i in range(core.asked):
            pattern = core.untold.pop(0)
            if first == _SUBACK:
                _note(core.rejected, pattern, core.rx[core.body + 2 + i] > 2)
        core.awaited = core.asked = 0
    else:
        raise core.forbidden(first, size)


def accepted(core, present):
    """The broker has accepted us; `present`: it still knows our session."""
    core.up = True
    core.present = bool(present & 1)
    core.awaited = core.resent = 0
    for pattern in core.rejected:  # the broker may know better now
        if pattern in core.filters:
            _note(core.untold, pattern, True)
    if not present:
        # The broker knows nothing of us: what it has not acknowledged is new to it
        # [MQTT-3.1.2-6], and it must be asked again for every filter. What it has answered by
        # PUBREC was its own already.
        core.acked |= core.received
        core.pop()
        core.known = 0
        core.untold = list(core.filters)
        core.unreleased = ()


def _note(items, name, there):
    """Put a name into a list where it is not yet, or take it out."""
    if there != (name in items):
        (items.append if there else items.remove)(name)


def want(core, pattern, qos):
    """Ask for a filter, or with qos None give it up; holds for all later connections."""
    # What the broker is being told just now may be another QoS.
    busy = core.asked if core.filters.get(pattern) != qos else 0
    if qos is None:
        core.filters.pop(pattern, None)
    else:
        core.filters[pattern] = qos
    _note(core.rejected, pattern, False)
    if pattern not in core.untold[busy:]:
        core.untold.append(pattern)


def ask(core):
    """Encode SUBSCRIBE or UNSUBSCRIBE for the next filters of which the broker has to be told.

    As many as fit into the buffer, and so does the answer. With MQTT 5 a subscription identifier
    holds for a whole packet: it stands above the options of the filter, and so is 0 without it,
    and -1 where a filter is given up.
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
        text(tx, pattern)
        if group >= 0:
            tx.append(level & 255)
    core.finish(0xA2 if group < 0 else 0x82)
    core.awaited = _UNSUBACK if group < 0 else _SUBACK
