"""Finds what makes the far end close connections, and sets it aside. Imported when it closed one.

A message at which three connections in a row ended leaves the outbox, so that the others can go
on, and comes back to its end after an hour. The third time it is sent alone, and a second after
the connection began, so that it isn't blamed for another, or for no reason.

Filters of a SUBSCRIBE at which three ended are not asked for until a later connection has lasted,
or an hour has passed. If a second message of a topic has to be set aside, or one of QoS 0, which
is not kept, post() takes nothing more for that topic until then.

outbox.aside holds the messages, see engine.aside.
"""

from time import ticks_add, ticks_diff, ticks_ms

from micropython import const

from mqtt.engine.base import LinkError, Refused

# client.past is what is remembered from one end to the next; engine.backoff has the first place.
_HEAD = const(1)  # number of the message at which the last connection ended, or -1
_STRIKES = const(2)  # how many in a row ended at it
_WHAT = const(3)  # what the last one ended at, in words, or None
_TIMES = const(4)  # how many in a row ended at that
_WINDOW = const(5)  # the session's window while messages are sent one by one, else 0
_FILTERS = const(6)  # pairs of filter and QoS that are not asked for now
_HOUR = const(7)  # when to try again what was set aside, or None
_KNOWN = const(8)  # topics of messages that were set aside: two ends are enough for these
_BARRED = const(9)  # topics, as str and as bytes, for which post() takes nothing now
_NEXT = const(10)  # number of the message behind the last that was set aside
_BEGAN = const(11)  # when the first connection ended at the message at which the last did

_THREE = const(3)
_MINUTE_MS = const(60_000)
_HOUR_MS = const(3_600_000)
_CALM_MS = const(1000)  # a connection that lasted this long didn't end because it began
_ALONE_MS = const(30_000)  # how long messages are sent one by one
_SOON_MS = const(2000)
_REMEMBERED = const(16)  # errors that are kept until somebody asks
_SUBACK = const(0x90)


def look_into(client, error, now, life, lasted, closed):
    """Find what the connection ended at; returns the error, with that in words."""
    past = client.past
    if lasted:
        past[_STRIKES] = past[_TIMES] = 0
        _ask_again(client)
    if not closed:
        past[_HEAD] = -1
        return error
    soon = life < _SOON_MS or 0 <= ticks_diff(now, client.spoke) < _SOON_MS
    what, advice, topic = _ended_at(client, soon)
    first = past[_WHAT] is None  # nobody has looked at the one before
    past[_TIMES] = past[_TIMES] + 1 if first or past[_WHAT] == what else 1
    past[_WHAT] = what
    aside = False
    if client.awaited == _SUBACK:
        aside = past[_TIMES] >= _THREE
        if aside:
            _do_not_ask(client)
    elif topic and client.sent:
        aside = not client.received & 1 and _strike(client, topic, now)
    elif topic and (past[_TIMES] >= _THREE or past[_WINDOW]):
        aside = True
        _bar(client, topic)
    if not (client.up and client.sent):
        past[_HEAD] = -1
        _widen(client)
    if aside:
        advice += " It is set aside, and tried again in an hour"
        if past[_HOUR] is None:
            past[_HOUR] = ticks_add(now, _HOUR_MS)
            client.again = client.again or past[_HOUR]
    return _told(error, what, 1 if first else past[_TIMES], advice)


def retry(client):
    """At the time of client.again: go on as usual, or try again what was set aside.

    Returns the ms until that time, or 0.
    """
    past = client.past
    now = ticks_ms()
    left = ticks_diff(client.again, now)
    if 0 < left <= _HOUR_MS:  # else the ticks have wrapped meanwhile
        return left
    if past[_WINDOW] and client.outbox.removed == past[_HEAD]:
        stands = client.up and not 0 <= ticks_diff(now, client.since) < _CALM_MS
        if stands:
            _set_window(client, 1)
        client.again = ticks_add(now, _ALONE_MS if stands else _CALM_MS // 4)
        return 0
    _widen(client)
    client.again = hour = past[_HOUR]
    if hour is None or 0 < ticks_diff(hour, now) <= _HOUR_MS:
        return 0
    past[_HOUR] = client.again = None
    from mqtt.engine.aside import aside, put_back

    past[_KNOWN] = [text(each[0]) for each in aside(client.outbox)]
    past[_BARRED] = ()
    _ask_again(client)
    if put_back(client.outbox):  # there was no room for all
        past[_HOUR] = client.again = ticks_add(now, _HOUR_MS)
    return 0


# --- what it was


def _ended_at(client, soon):
    """What had been sent last and was not answered, what that usually means, and its topic."""
    if not client.up:
        return "CONNECT", "Is it an MQTT broker, with TLS or without as here, that knows us?", ""
    if client.awaited == _SUBACK:
        return (
            "SUBSCRIBE to " + ", ".join(text(each) for each in client.untold[: client.asked]),
            "Is that allowed?",
            "",
        )
    last = client.tx[0] & 0xF6 if soon else 0
    topic = b""
    if client.sent:
        client.outbox.get(0)
        topic = client.outbox.topic
    elif last == 0x30:  # of QoS 0
        topic = client.tx[7 : 7 + (client.tx[5] << 8 | client.tx[6])]
    if topic:
        topic = text(topic)
        advice = "Is that topic allowed, the message not too large, the rate not too high?"
        return "PUBLISH to " + topic, advice, topic
    advice = "Is there another client with the id %s?" % client.client_id
    return "CONNACK" if last == 0x10 else "", advice, ""


def text(topic):
    """A topic as str."""
    return topic if isinstance(topic, str) else str(bytes(topic), "utf-8")


def _told(error, what, times, advice):
    said = str(error)
    if not isinstance(error, LinkError):
        said = "the broker reset the connection (%s)" % said
    if what:
        said += " right after " + what
    if times > 1:
        said += ", %d times in a row" % times
    told = LinkError("%s. %s" % (said, advice))
    told.times = times  # type: ignore[attr-defined]
    return told


# --- what becomes of it


def _strike(client, topic, now):
    """One more connection ended at the head of the outbox; True if that was set aside."""
    past = client.past
    outbox = client.outbox
    head = outbox.removed
    if head != past[_HEAD]:
        past[_STRIKES] = 0
        past[_BEGAN] = now
    past[_STRIKES] += 1
    past[_HEAD] = head
    # If nothing was acknowledged since the last was set aside, it is the rate, or something else.
    others = head != past[_NEXT]
    if not others:
        past[_KNOWN].clear()
    known = topic in past[_KNOWN]
    long = others or not 0 <= ticks_diff(now, past[_BEGAN]) <= _MINUTE_MS
    if past[_STRIKES] + known < _THREE or not long:
        if past[_STRIKES] > 1 and not past[_WINDOW]:
            past[_WINDOW] = client.v5.window if client.v5 else client.window
        if past[_WINDOW]:
            _set_window(client, 0)  # see retry()
            client.again = now
        return False
    from mqtt.engine.aside import set_aside

    set_aside(outbox)
    client.acked |= 1
    client.pop()
    client.denied = list(client.denied)[1 - _REMEMBERED :]
    client.denied.append((head, Refused("set aside: the broker ends the connection at " + topic)))
    past[_HEAD] = -1
    past[_NEXT] = head + 1
    _widen(client)
    _ask_again(client)
    if known:
        _bar(client, topic)
    elif topic not in past[_KNOWN]:
        past[_KNOWN].append(topic)
    return True


def _bar(client, topic):
    if topic not in client.past[_BARRED]:
        client.past[_BARRED] += (topic, topic.encode())


def _widen(client):
    past = client.past
    if past[_WINDOW]:
        _set_window(client, past[_WINDOW])
        past[_WINDOW] = 0


def _set_window(client, window):
    client.window = window
    if client.v5:  # which takes the smaller of that and the broker's
        client.v5.window = window
        client.window = min(window, client.server.get("receive_maximum", window))


def _do_not_ask(client):
    """Leave out the filters of the SUBSCRIBE under way."""
    for pattern in client.untold[: client.asked]:
        client.untold.pop(0)
        if pattern in client.filters:
            client.past[_FILTERS].append((pattern, client.filters.pop(pattern)))
            client.rejected.append(pattern)


def _ask_again(client):
    from mqtt.engine.subscribe import want

    filters, client.past[_FILTERS] = client.past[_FILTERS], []
    for pattern, qos in filters:
        want(client, pattern, qos)
