"""The reason codes of MQTT 5 (2.4) in words. Imported when one has to be said, and not before."""

from mqtt.engine.base import Refused

_WORDS = {
    0x80: "reason not given",
    0x81: "malformed packet",
    0x82: "protocol error",
    0x83: "the broker cannot do that",
    0x84: "protocol version not supported",
    0x85: "client id not allowed",
    0x86: "bad user name or password",
    0x87: "not authorized",
    0x88: "broker not available",
    0x89: "broker busy",
    0x8A: "banned",
    0x8B: "broker shutting down",
    0x8C: "bad authentication method",
    0x8D: "keep alive exceeded",
    0x8E: "another client came with our id",
    0x8F: "filter not allowed",
    0x90: "topic not allowed",
    0x91: "packet identifier in use",
    0x92: "packet identifier unknown",
    0x93: "more in flight than the receive maximum",
    0x94: "topic alias not allowed",
    0x95: "packet larger than the broker takes",
    0x96: "messages too fast",
    0x97: "quota exceeded",
    0x98: "ended by the broker's operator",
    0x99: "payload not of the format it says",
    0x9A: "the broker does not retain messages",
    0x9B: "QoS higher than the broker takes",
    0x9C: "use another broker",
    0x9D: "the broker has moved",
    0x9E: "shared subscriptions not supported",
    0x9F: "connecting too often",
    0xA0: "connected for as long as is allowed",
    0xA1: "subscription identifiers not supported",
    0xA2: "wildcards not supported",
}


def words(code, properties=()):
    """What a code means, with what the broker said about it."""
    text = "%s (code 0x%02x)" % (_WORDS.get(code, "reason"), code)
    for name in ("reason_string", "server_reference"):
        if name in properties:
            text += ", %s" % properties[name]
    return text


def refusal(code, properties=()):
    """The exception for what the broker would not take: a connection or a message."""
    error = Refused("refused by the broker: " + words(code, properties))
    error.code = code
    return error


def raise_for(core, key):
    """Raise what became of a message, by its number, or of a filter, if the broker refused it.

    Refused for a message; OSError for a filter.
    """
    for i, (denied, code) in enumerate(core.denied):
        if denied == key:
            core.denied.pop(i)
            if isinstance(key, str):
                raise OSError("subscription refused: %s: %s" % (key, words(code)))
            raise code if isinstance(code, Exception) else refusal(code)


# What the words of a ProtocolError without a code say; the first that is in them counts.
_CODES = (
    ("WebSocket", 0),  # it never reached MQTT
    ("fit", 0x95),
    ("property 0x23", 0x94),  # a topic alias; we allow none
    ("not in packet", 0x81),
    ("malformed", 0x81),
    ("U+0000", 0x81),
    ("UTF-8", 0x81),
)


def code_of(error):
    """The reason code with which a connection is ended for that error; 0 for none."""
    if isinstance(error, Refused):
        return error.code if str(error).startswith("authentication") else 0
    if hasattr(error, "code"):  # see engine.words
        return error.code
    said = str(error)
    for part, code in _CODES:
        if part in said:
            return code
    return 0x82
