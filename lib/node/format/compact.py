"""A reading in binary, with the same names and values as in JSON. What MessagePack and CBOR share.

Each of them gives head(kind, n) and MARKS. The kinds are CBOR's: 0 a whole number, 1 the negative
number -1 - n, 3 a text of n bytes, 4 a list and 5 an object of n entries. MARKS are the bytes of
false, true and null, and of what precedes 4 bytes of a number, of a float, and 8 of a double.
"""

import json

from micropython import const

_VALUE = const(10)  # the length of '{"value": '
_UNIT = const(10)  # the same of ', "unit": '
_FALSE = const(0)
_TRUE = const(1)
_NULL = const(2)
_WORD = const(3)
_FLOAT = const(4)
_DOUBLE = const(5)


def encode(message, head, marks):
    """Return a reading in JSON, as node.sensor writes it, as bytes."""
    unit = message.rfind(', "unit": ')
    rest = message.rfind(', "seq": ')
    out = bytearray(head(5, 5))
    out += text("value", head) + _json(message[_VALUE:unit], head, marks)
    out += text("unit", head) + _json(message[unit + _UNIT : rest], head, marks)
    for pair in message[rest + 2 : -1].split(", "):
        name, number = pair[1:].split('": ')
        number = int(number)
        out += text(name, head)
        # Of one length, so that node.format.late finds it.
        out += word(number, marks) if name[-4:] == "time" else head(0, number)
    return bytes(out)


def text(value, head):
    """Return a text, encoded."""
    raw = value.encode()
    return head(3, len(raw)) + raw


def word(number, marks):
    """Return a number from 0 to 2**32 - 1 in a place of fixed length."""
    return marks[_WORD] + (max(0, number) & 0xFFFFFFFF).to_bytes(4, "big")


def _json(value, head, marks):
    """Encode a value that is there as JSON."""
    if value[0] == '"' or value[0] == "[" or value[0] == "{":
        return _item(json.loads(value), head, marks)
    if value == "true" or value == "false":
        return marks[value == "true"]
    if value == "null":
        return marks[_NULL]
    for mark in ".eE":
        if mark in value:
            return _fraction(value, head, marks)
    return _whole(int(value), head)


def _item(value, head, marks):
    if isinstance(value, str):
        return text(value, head)
    if isinstance(value, list):
        out = head(4, len(value))
        for each in value:
            out += _item(each, head, marks)
        return out
    return _json("%.7g" % value if isinstance(value, float) else json.dumps(value), head, marks)


def _whole(number, head):
    return head(0, number) if number >= 0 else head(1, -1 - number)


def _fraction(value, head, marks):
    """Encode a number with decimals: as a float if that is the same number, else as a double."""
    bits = double(value)
    power = (bits >> 52 & 2047) - 1023
    if bits & 0x1FFFFFFF or not -127 < power < 128:
        return marks[_DOUBLE] + bits.to_bytes(8, "big")
    bits = bits >> 63 << 31 | (power + 127) << 23 | bits >> 29 & 0x7FFFFF
    return marks[_FLOAT] + bits.to_bytes(4, "big")


def double(value):
    """Return the bits of the double that is nearest to a decimal number.

    Made from its digits, because a board's own floats may have no more than 32 bits.
    """
    sign = 0
    if value[0] == "-":
        sign = 1 << 63
        value = value[1:]
    power = 0
    at = value.find("e")
    if at >= 0:
        power = int(value[at + 1 :])
        value = value[:at]
    at = value.find(".")
    if at >= 0:
        power -= len(value) - at - 1
        value = value[:at] + value[at + 1 :]
    number = int(value)
    if not number:
        return sign
    below = 1
    if power < 0:
        below = 10**-power
    else:
        number *= 10**power
    # number / below * 2**shift, with 54 bits before the point: one more than a double has.
    shift = 0
    while number < below << 46:
        number <<= 8
        shift -= 8
    while number < below << 53:
        number <<= 1
        shift -= 1
    while number >= below << 54:
        below <<= 1
        shift += 1
    found = number // below
    more = found & 1 and (number > found * below or found & 2)  # half way: to the even one
    found = (found >> 1) + bool(more)
    shift += 1076  # 1023 of the exponent, 52 bits behind the point, and the one that is gone
    if found >> 53:
        found >>= 1
        shift += 1
    if shift < 1:
        return sign  # no sensor has so small a value
    return sign | shift << 52 | found & 0xFFFFFFFFFFFFF
