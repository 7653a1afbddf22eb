"""Judges the options that are not plainly good, and says what is wrong; see engine.options."""

from micropython import const

from mqtt.engine.payload import check as writable
from mqtt.engine.topic import check_utf8
from mqtt.engine.topic import name as check_name

_DAY_MS = const(86_400_000)  # more than six of them the ticks cannot count


def check(client_id, queue, buffer, version, options, timeout):
    """TypeError or ValueError for an option that no connection could be made with.

    options: see engine.core.Core; the will is put there as it is held. timeout: of a connect(), in
    seconds, or None
    """
    if version not in (3, 4, 5):
        raise ValueError("version: %r; 3 for MQTT 3.1, 4 for 3.1.1, 5" % (version,))
    _who(client_id, version, options)
    _number("keepalive", options.get("keepalive", 0), 0, 65535, "seconds")
    _number("window", options.get("window", 8), 1, 30, "messages in flight")
    _number("buffer", buffer, 16, 1 << 28, "bytes")
    if not hasattr(queue, "put"):
        _number("queue", queue, 1, 65535, "messages, or an outbox")
    for name in ("answer_ms", "connect_ms"):
        _number(name, options.get(name, 1), 1, _DAY_MS, "ms")
    if timeout is not None and not (
        isinstance(timeout, (int, float)) and 0.001 <= timeout <= 86_400
    ):
        raise ValueError("timeout: %r; 0.001 to 86400 seconds" % (timeout,))
    backoff_ms = options.get("backoff_ms", (1, 1))
    if not isinstance(backoff_ms, (tuple, list)) or len(backoff_ms) != 2:
        raise ValueError("backoff_ms: %r; (first, longest) pause, in ms" % (backoff_ms,))
    first, longest = backoff_ms
    _number("backoff_ms: the first pause", first, 1, _DAY_MS, "ms")
    _number("backoff_ms: the longest pause", longest, first, _DAY_MS, "ms, from the first on")
    if options.get("will"):
        options["will"] = _will(options["will"], version)


def _who(client_id, version, options):
    user = options.get("user")
    password = options.get("password")
    _text("client_id", client_id, "; use binascii.hexlify()")
    if not client_id and not options.get("clean", True) and version < 5:
        raise ValueError("client_id: empty; a persistent session needs one [MQTT-3.1.3-7]")
    if user is not None:
        _text("user", user)
    elif password is not None:
        raise ValueError("password: needs a user [MQTT-3.1.2-22]")
    if password is not None:
        _field("password", password)


def _will(will, version):
    """The last will as a session holds it."""
    if not isinstance(will, (tuple, list)) or len(will) not in (4, 5 if version == 5 else 4):
        raise ValueError(
            "will: %r; (topic, payload, qos, retain), and with MQTT 5 its properties" % (will,)
        )
    topic, payload, qos = will[:3]
    try:
        topic = check_name(topic)
        payload = _field("payload", payload)
    except (TypeError, ValueError) as error:
        raise type(error)("will: %s" % error)
    if qos not in (0, 1, 2):
        raise ValueError("will: QoS %r; 0, 1 or 2 [MQTT-3.1.2-14]" % (qos,))
    return (topic, payload, qos) + tuple(will[3:])


def _number(name, value, least, most, unit):
    if not isinstance(value, int) or not least <= value <= most:
        raise ValueError("%s: %r; %d to %d %s" % (name, value, least, most, unit))


def _field(name, value):
    """The bytes of a field, which may be 65535. MQTT 1.5.3"""
    raw = bytes(writable(value, name))
    if len(raw) > 65535:
        raise ValueError("%s: %d bytes; 65535 at most" % (name, len(raw)))
    return raw


def _text(name, value, cure=""):
    """[MQTT-1.5.3-1], [MQTT-1.5.3-2]"""
    raw = _field(name, value)
    if b"\0" in raw:
        raise ValueError("%s: %r: U+0000 is not allowed in it" % (name, value))
    if any(byte > 127 for byte in raw):
        try:
            check_utf8(raw)
        except ValueError as error:
            raise ValueError("%s: %s%s" % (name, error, cure))
