"""How a connection begins: its stream opens, CONNECT leaves, CONNACK arrives.

Imported when one is opened, and forgotten when the broker has accepted it.
"""

from time import ticks_add, ticks_diff

from micropython import const

_POLLIN = const(1)
_POLLOUT = const(4)
_CONNACK = const(0x20)
_CONNECT_MS = const(10_000)  # from the dial to CONNACK, unless an option asks for more
_SLOW_MS = const(1000)  # a stream that takes longer to open is looked after, see engine.late


def opened(core, now):
    """True if the stream is open; then CONNECT leaves before anything else. [MQTT-3.1.0-1]"""
    look = not 0 <= ticks_diff(now, core.stuck) <= _SLOW_MS  # the ticks wrap
    for _, events in core.poll.ipoll(0):
        core.opening = False
        look = events != _POLLOUT  # it failed
    if look:
        from mqtt.engine.late import slow

        slow(core, now, open_ms(core), not core.opening)
    if core.opening:
        return False
    core.poll.modify(core.stream, _POLLIN)
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
    core.field("MQIsdp" if core.version == 3 else "MQTT")
    tx.extend(bytes((core.version, _flags(core), keepalive >> 8, keepalive & 255)))
    if v5:
        tx.extend(v5.properties_of(0x10))
    core.field(core.client_id)
    if will:
        if v5:
            tx.extend(v5.properties_of(0))
        core.field(will[0])
        core.field(will[1])
    for each in (core.user, core.password):
        if each is not None:
            core.field(each)
    core.finish(0x10)


def _flags(core):
    """The flags of CONNECT. A function of its own needs no large free piece of the heap."""
    flags = (core.user is not None) << 7 | (core.password is not None) << 6
    will = core.will
    if will:
        flags |= 4 | will[2] << 3 | (32 if will[3] else 0)
    return flags | 2 if core.clean else flags


def answered(core, first, size):
    """Take CONNACK; nothing else may come now."""
    if first != _CONNACK or size != 2:
        raise core.forbidden(first, size)
    code = core.rx[core.body + 1]
    if code:
        from mqtt.engine.words import refusal

        raise refusal(code)
    accepted(core, core.rx[core.body])


def accepted(core, present):
    """The broker has accepted us; `present`: it still knows our session."""
    core.awaited = 0
    # Set only if it changes: one more attribute would make the instance's dict grow.
    if core.present != bool(present & 1):
        core.present = not core.present
    if core.resent:
        core.resent = 0
    for pattern in core.rejected:  # the broker may grant them now
        if pattern in core.filters and pattern not in core.untold:
            core.untold.append(pattern)
    if not present:
        # The broker knows nothing of us: what it has not acknowledged is new to it
        # [MQTT-3.1.2-6], and it must be asked again for every filter. What it has answered with
        # PUBREC is already there.
        core.acked |= core.received
        core.pop()
        core.known = 0
        core.untold = list(core.filters)
        if core.unreleased:
            core.unreleased = ()
    core.connects += 1
    if not core.alone:
        core.forget("connect")
    if core.untold and core.on_connect:
        # Someone who sees what that publishes may answer at once. Alone: we are not up yet.
        import gc

        gc.collect()
        from mqtt.engine.subscribe import encode

        core.asked_at = core.heard
        encode(core)
        core.send()
    core.up = True
    if core.on_connect:
        core.tell(core.on_connect)
