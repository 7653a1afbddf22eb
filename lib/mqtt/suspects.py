"""What the far end did not like: found, told and set aside. Imported when it ended a connection.

A message at which three connections in a row ended leaves the outbox, so that the others can go
on, and comes back to its end after an hour. The third time it is sent alone, and a second after
the connection began, so that it is not blamed for another, nor for nothing.

Filters of a SUBSCRIBE at which three ended are not asked for until a later connection has lasted,
or an hour has passed. If a second message of a topic has to be set aside, or one of QoS 0, which
is not kept, post() takes nothing more for that topic until then.

outbox.aside holds the messages, see mqtt.aside.
"""

from time import ticks_add, ticks_diff, ticks_ms

from micropython import const

from mqtt.packet import LinkError, Refused

# client.past is what is remembered from one end to the next; mqtt.backoff has the first place.
_HEAD = const(1)  # number of the message at which the last connection ended, or -1
_STRIKES = const(2)  # so many in a row ended at it
_WHAT = const(3)  # what the last one ended at, in words, or None
_TIMES = const(4)  # so many in a row ended at that
_WINDOW = const(5)  # the session's window while messages are sent one by one, else 0
_FILTERS = const(6)  # pairs of filter and QoS that are not asked for at present
_HOUR = const(7)  # when to try again what was set aside, or None
_KNOWN = const(8)  # topics of messages that were set aside: with them two ends will do
_BARRED = const(9)  # topics, as str and as bytes, for which post() takes nothing at present
_NEXT = const(10)  # number of the message behind the last that was set aside
_BEGAN = const(11)  # when the first connection ended at the message at which the last did

_THREE = const(3)
_MINUTE_MS = const(60_000)
_HOUR_MS = const(3_600_000)
_CALM_MS = const(1000)  # a connection that stood for so long did not end because it began
_ALONE_MS = const(30_000)  # for so long messages are sent one by one
_SOON_MS = const(2000)
_REMEMBERED = const(16)  # errors that are kept until somebody asks
_SUBACK = const(0x90)


def look_into(client, error, now, life, lasted, closed):
    """Find what the connection ended at; returns the error, with that in words."""
    past = client.past
    session = client.session
    if lasted:
        past[_STRIKES] = past[_TIMES] = 0
        _ask_again(client)
    if not closed:
        past[_HEAD] = -1
        return error
    soon = life < _SOON_MS or 0 <= ticks_diff(now, session._spoke) < _SOON_MS
    what, advice, topic = _ended_at(client, soon)
    first = past[_WHAT] is None  # nobody has looked at the one before
    past[_TIMES] = past[_TIMES] + 1 if first or past[_WHAT] == what else 1
    past[_WHAT] = what
    aside = False
    if session.awaited == _SUBACK:
        aside = past[_TIMES] >= _THREE
        if aside:
            _do_not_ask(client)
    elif topic and session.sent:
        aside = not session.received & 1 and _strike(client, topic, now)
    elif topic and (past[_TIMES] >= _THREE or past[_WINDOW]):
        aside = True
        _bar(client, topic)
    if not (session.up and session.sent):
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
        stands = client.session.up and not 0 <= ticks_diff(now, client._since) < _CALM_MS
        if stands:
            _set_window(client.session, 1)
        client.again = ticks_add(now, _ALONE_MS if stands else _CALM_MS // 4)
        return 0
    _widen(client)
    client.again = hour = past[_HOUR]
    if hour is None or 0 < ticks_diff(hour, now) <= _HOUR_MS:
        return 0
    past[_HOUR] = client.again = None
    from mqtt.aside import aside, put_back

    past[_KNOWN] = [text(each[0]) for each in aside(client.outbox)]
    past[_BARRED] = ()
    _ask_again(client)
    if put_back(client.outbox):  # there was no room for all
        past[_HOUR] = client.again = ticks_add(now, _HOUR_MS)
    return 0


# --- what it was


def _ended_at(client, soon):
    """What had been sent last and was not answered, what that usually means, and its topic."""
    session = client.session
    packet = session.packet
    if not session.up:
        return "CONNECT", "Is it an MQTT broker, with TLS or without as here, that knows us?", ""
    if session.awaited == _SUBACK:
        filters = ", ".join(text(each) for each in session.asked)
        return "SUBSCRIBE to " + filters, "Is that allowed?", ""
    last = packet.tx[packet.start] & 0xF6 if soon else 0
    topic = b""
    if session.sent:
        client.outbox.get(0)
        topic = client.outbox.topic
    elif last == 0x30:  # of QoS 0
        topic = packet.tx[7 : 7 + (packet.tx[5] << 8 | packet.tx[6])]
    if topic:
        topic = text(topic)
        advice = "Is that topic allowed, the message not too large, the rate not too high?"
        return "PUBLISH to " + topic, advice, topic
    advice = "Is there another client with the id %s?" % session.client_id
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
    session = client.session
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
            past[_WINDOW] = getattr(session, "_window", session.window)
        if past[_WINDOW]:
            _set_window(session, 0)  # see retry()
            client.again = now
        return False
    from mqtt.aside import set_aside

    set_aside(outbox)
    session.acked |= 1
    session.pop()
    session.denied = list(session.denied)[1 - _REMEMBERED :]
    session.denied.append((head, Refused("set aside: the broker ends the connection at " + topic)))
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
        _set_window(client.session, past[_WINDOW])
        past[_WINDOW] = 0


def _set_window(session, window):
    session.window = window
    if session.version == 5:  # which takes the smaller of that and the broker's, see mqtt.v5
        session._window = window
        session.window = min(window, session.server.get("receive_maximum", window))


def _do_not_ask(client):
    """Leave out the filters of the SUBSCRIBE under way."""
    session = client.session
    for pattern in session.asked:
        if pattern in session.filters:
            client.past[_FILTERS].append((pattern, session.filters.pop(pattern)))
            session.rejected.append(pattern)
    session.asked.clear()


def _ask_again(client):
    from mqtt.subscribe import want

    filters, client.past[_FILTERS] = client.past[_FILTERS], []
    for pattern, qos in filters:
        want(client.session, pattern, qos)
