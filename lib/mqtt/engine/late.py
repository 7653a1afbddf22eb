"""What counts as late. Imported when something seems to be, and not before.

- Before anything is called late, all that lies in the stream is read: the answer may be there.
- An answer is late answer_ms after the packet that asks for it has left. The time that another
  packet takes to leave does not count, nor the time that one of more than 64 bytes takes to
  arrive: the answer may stand behind it.
- A packet that has begun to leave or to arrive is late when neither 256 bytes nor its end moved
  for answer_ms. So a slow link is waited for, and not a broker that sends a little now and then.
  (Of TLS only whole records are seen, of up to 16 KiB.)
- A connection that doesn't open: each address of the broker's name gets a share of the time, and
  the last one all that is left.
- After days in which nobody looked, the ticks have wrapped and no difference holds any more: all
  times are taken again, and the broker is asked at once whether it is still there.
"""

from time import ticks_add, ticks_diff

from micropython import const

from mqtt.engine.base import LinkError

_LARGE = const(64)  # a packet of more bytes holds up others
_PACE = const(256)  # bytes of a packet that count as progress
_ATTEMPTS = const(3)  # all in flight sent so often without any acknowledgement: the link is dead
_UNREAD = const(256)  # buffers to read before an answer counts as missing


def late(core, now, more):
    """Something is overdue: raise LinkError, have all in flight sent again, or grant more time.

    Returns the ms after which to look again.
    """
    if ticks_diff(core.due, now) > 0:
        core.asked_at = core.sent_at = now
        core.heard = core.spoke = ticks_add(now, core.keepalive * -750)
        if core.began is not None:
            core.began = now
    core.unread += 1
    if more and core.unread < _UNREAD:
        return 0
    answer_ms = core.answer_ms
    if core.began is not None:
        waited = ticks_diff(now, core.began)
        if waited >= answer_ms:
            if core.moved < _PACE:
                raise LinkError("no rest of a packet in time")
            core.excuse(waited)
            core.began = now
            core.moved = waited = 0
        if core.end - core.body > _LARGE:
            return answer_ms - waited
    if core.awaited and ticks_diff(now, core.asked_at) >= answer_ms:
        words = {0x20: "CONNACK", 0x90: "SUBACK", 0xB0: "UNSUBACK", 0xD0: "PINGRESP"}
        raise LinkError("no %s from the broker in time" % words[core.awaited])
    if core.sent and ticks_diff(now, core.sent_at) >= answer_ms:
        # No acknowledgement: all in flight is sent again, in its order [MQTT-4.4.0-1]; with MQTT 5
        # on the next connection, because nothing is sent twice on one. [MQTT5-4.4.0-1]
        core.sent = 0
        core.resent += 1
        if core.resent == _ATTEMPTS or core.v5:
            raise LinkError("no PUBACK from the broker in time")
    return 0


def slow(core, now, most, failed):
    """The stream does not open: wait on, dial the next address of the broker's name, or raise.

    most: the ms that all of it may take
    """
    more = getattr(core.dial, "more", 0)
    share = most // (more + 1)
    if more and (failed or not 0 <= ticks_diff(now, core.stuck) <= share):
        stream, core.stream = core.stream, None
        core.poll.unregister(stream)
        stream.close()
        began = core.stuck
        core.open(core.dial)
        core.stuck = began
    elif not failed:  # of one that failed, writing tells why
        check_open(core, now, most)


def check_open(core, now, most):
    """Raise LinkError if opening takes too long."""
    if not 0 <= ticks_diff(now, core.stuck) <= most:  # the ticks wrap
        raise LinkError("the connection does not open within %d ms" % most)
