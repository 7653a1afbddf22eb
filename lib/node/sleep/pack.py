"""Readings that wait over a sleep, as few bytes: a node's RTC keeps 300, or some 2,000.

A reading is a line: flags, sensor, value, unit, seq, time. What isn't a reading of this start
can't be packed, and goes onto the flash.
"""

from micropython import const

# As node.sensor writes it.
_SEQ = const(b', "seq": ')
_UNIT = const(b', "unit": ')
_VALUE = const(b'{"value": ')
_TIMES = (b', "time": ', b', "uptime": ')
_TAB = const(b"\t")


def packed(prefix, boot, topic, payload, flags):
    """Return a reading as a line in bytes; None for what can't be told from it again."""
    try:
        pieces = _pieces(prefix, boot, topic, payload, flags)
    except ValueError:
        return None
    line = _TAB.join(pieces) + b"\n"
    if line.count(b"\n") > 1 or line.count(_TAB) != 5:
        return None
    return line if unpacked(prefix, boot, line) == (topic, payload, flags) else None


def _pieces(prefix, boot, topic, payload, flags):
    if not topic.startswith(prefix) or not payload.startswith(_VALUE):
        raise ValueError
    born = b', "boot": %d' % boot
    seq = payload.rfind(_SEQ)
    unit = payload.rfind(_UNIT, 0, seq)
    at = payload.find(born, seq)
    if not 0 < unit < seq < at:
        raise ValueError
    rest = payload[at + len(born) :]
    kind = 0 if rest.startswith(_TIMES[0]) else 1
    return (
        b"%d" % (flags << 1 | kind),
        topic[len(prefix) :].encode(),
        payload[len(_VALUE) : unit],
        payload[unit + len(_UNIT) : seq],
        payload[seq + len(_SEQ) : at],
        rest[len(_TIMES[kind]) : -1],
    )


def unpacked(prefix, boot, line):
    """Return (topic, payload, flags) of a line. Raises ValueError if it isn't one."""
    what, name, value, unit, seq, at = line[:-1].split(_TAB)
    what = int(what)
    pieces = (
        _VALUE, value, _UNIT, unit, _SEQ, seq, b', "boot": %d' % boot, _TIMES[what & 1], at, b"}",
    )  # fmt: skip
    return prefix + str(name, "utf-8"), b"".join(pieces), what >> 1
