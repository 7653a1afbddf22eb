"""The properties of MQTT 5 (2.2.2): a dict in a program, bytes on the wire.

user_property is a list of pairs of text; subscription_identifier, where it is received, a list of
numbers. Imported with version 5 alone.
"""

from mqtt.engine.base import ProtocolError
from mqtt.engine.topic import check_utf8
from mqtt.engine.topic import name as check_name

# Identifier, name, and form: B, H, I: numbers of 1, 2 and 4 bytes; v: of as many as it takes;
# b: bytes; s: text; p: a pair of texts.
_TABLE: tuple = (
    0x01, "payload_format", "B",
    0x02, "message_expiry", "I",
    0x03, "content_type", "s",
    0x08, "response_topic", "s",
    0x09, "correlation_data", "b",
    0x0B, "subscription_identifier", "v",
    0x11, "session_expiry", "I",
    0x12, "assigned_client_id", "s",
    0x13, "server_keep_alive", "H",
    0x15, "authentication_method", "s",
    0x16, "authentication_data", "b",
    0x17, "request_problem_information", "B",
    0x18, "will_delay", "I",
    0x19, "request_response_information", "B",
    0x1A, "response_information", "s",
    0x1C, "server_reference", "s",
    0x1F, "reason_string", "s",
    0x21, "receive_maximum", "H",
    0x22, "topic_alias_maximum", "H",
    0x24, "maximum_qos", "B",
    0x25, "retain_available", "B",
    0x26, "user_property", "p",
    0x27, "maximum_packet_size", "I",
    0x28, "wildcard_subscription_available", "B",
    0x29, "subscription_identifiers_available", "B",
    0x2A, "shared_subscription_available", "B",
)  # fmt: skip

_SIZES = {"B": 1, "H": 2, "I": 4}
_SEVERAL = ("user_property", "subscription_identifier")
_NOT_0 = ("receive_maximum", "maximum_packet_size", "subscription_identifier")

# What we may send, and what we may be sent, by the first byte of the packet; 0 stands for a will.
# A topic alias is ours to send, see engine.v5, and can't be given.
_SENT = {
    0x10: b"\x11\x15\x16\x17\x19\x21\x26\x27",
    0x00: b"\x01\x02\x03\x08\x09\x18\x26",
    0x30: b"\x01\x02\x03\x08\x09\x26",
    0x82: b"\x0b\x26",
    0xE0: b"\x11\x1f\x26",
    0xF0: b"\x15\x16",
}
_RECEIVED = {
    0x20: b"\x11\x12\x13\x15\x16\x1a\x1c\x1f\x21\x22\x24\x25\x26\x27\x28\x29\x2a",
    0x30: b"\x01\x02\x03\x08\x09\x0b\x26",
    0xE0: b"\x1c\x1f\x26",
    0xF0: b"\x15\x16\x1f\x26",
}
_OF_ANSWERS = b"\x1f\x26"  # PUBACK, PUBREC, PUBREL, PUBCOMP, SUBACK and UNSUBACK


def varint(number):
    """The number as bytes of seven bits each, up to four. MQTT 5, 1.5.5"""
    if not 0 <= number < 1 << 28:
        raise ValueError("%r; 0 to 268435455" % number)
    out = bytearray()
    while number > 127:
        out.append(number & 127 | 128)
        number >>= 7
    out.append(number)
    return bytes(out)


def encode(properties, packet):
    """The properties with their length before them; `packet`: the first byte of what they are for.

    Raises ValueError for one that such a packet does not have, and for a value out of range.
    """
    out = b""
    for name in properties or ():
        at = _TABLE.index(name) if name in _TABLE else 0
        if not at or _TABLE[at - 1] not in _SENT[packet]:
            raise ValueError("property %r: not one to be sent here" % name)
        value = properties[name]
        if name == "response_topic":
            check_name(value)
        for each in value if _TABLE[at + 1] == "p" else (value,):
            try:
                out += bytes((_TABLE[at - 1],)) + _field(_TABLE[at + 1], each, name in _NOT_0)
            except (TypeError, ValueError) as error:
                raise ValueError("property %s: %r: %s" % (name, each, error))
    return varint(len(out)) + out


def _field(form, value, above_0):
    if form == "v" or form in _SIZES:
        largest = (1 << 28 if form == "v" else 2 if form == "B" else 1 << 8 * _SIZES[form]) - 1
        if not above_0 <= value <= largest:
            raise ValueError("%d to %d" % (above_0, largest))
        if form == "v":
            return varint(value)
        return bytes(value >> shift & 255 for shift in range(8 * _SIZES[form] - 8, -1, -8))
    if form == "p":
        return _field("s", value[0], 0) + _field("s", value[1], 0)
    raw = value.encode() if isinstance(value, str) else bytes(value)
    if len(raw) > 65535:
        raise ValueError("%d bytes; at most 65535" % len(raw))
    if form == "s":
        _check(raw)
    return bytes((len(raw) >> 8, len(raw) & 255)) + raw


def joined(version, properties, payload):
    """The payload of a PUBLISH with its properties before it, as an outbox keeps them together.

    Two bytes for the size of the properties, then they, their own length first, then the payload.
    Raises ValueError where there are none before MQTT 5.
    """
    if version != 5:
        raise ValueError("properties: need version=5")
    raw = encode(properties, 0x30)
    if len(raw) > 65535:
        raise ValueError("properties of %d bytes; at most 65535" % len(raw))
    return bytes((len(raw) >> 8, len(raw) & 255)) + raw + payload


def length(buffer, at, end):
    """The length at that place, and the place behind it. ProtocolError if it runs past `end`.

    At most four bytes. [MQTT5-1.5.5-1]
    """
    size = shift = 0
    while at < end and shift < 28:
        size |= (buffer[at] & 127) << shift
        at += 1
        if buffer[at - 1] < 128:
            return size, at
        shift += 7
    raise ProtocolError("malformed length of properties")


def decode(buffer, at, end, packet):
    """The properties in buffer[at:end] as a dict; `packet`: the first byte of what they are of.

    Raises ProtocolError for what MQTT forbids there.
    """
    found = {}
    while at < end:
        row = _row(buffer[at], packet)
        name = _TABLE[row + 1]
        value, at = _value(_TABLE[row + 2], buffer, at + 1, end)
        if name in _NOT_0 and not value:
            raise ProtocolError("property %s: 0" % name)
        if name in _SEVERAL:
            found.setdefault(name, []).append(value)
        elif name in found:
            raise ProtocolError("property %s: twice" % name)
        else:
            found[name] = value
    return found


def _row(identifier, packet):
    if identifier in _RECEIVED.get(packet, _OF_ANSWERS):
        for row in range(0, len(_TABLE), 3):
            if _TABLE[row] == identifier:
                return row
    raise ProtocolError("property 0x%02x: not in packet 0x%02x" % (identifier, packet))


def _value(form, buffer, at, end):
    """A value, and the place behind it."""
    if form == "v":
        return length(buffer, at, end)
    if form == "p":
        first, at = _value("s", buffer, at, end)
        second, at = _value("s", buffer, at, end)
        return (first, second), at
    number = 0
    until = at + _SIZES.get(form, 2)
    if until > end:
        raise ProtocolError("malformed property")
    for i in range(at, until):
        number = number << 8 | buffer[i]
    if form in _SIZES:
        if form == "B" and number > 1:
            raise ProtocolError("property of %d; 0 or 1" % number)
        return number, until
    if until + number > end:
        raise ProtocolError("malformed property")
    raw = bytes(buffer[until : until + number])
    if form == "b":
        return raw, until + number
    try:
        _check(raw)
    except ValueError as error:
        raise ProtocolError("malformed property: %s" % error)
    return str(raw, "utf-8"), until + number


def _check(raw):
    """ValueError for what is not text. [MQTT5-1.5.4-1], [MQTT5-1.5.4-2]"""
    if b"\0" in raw:
        raise ValueError("U+0000 is not allowed in text")
    check_utf8(raw)
