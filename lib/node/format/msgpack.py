"""A reading in MessagePack, https://github.com/msgpack/msgpack/blob/master/spec.md."""

from node.format import compact

MARKS = b"\xc2", b"\xc3", b"\xc0", b"\xce", b"\xca", b"\xcb"
# For each kind: how many are written in the first byte, that byte, and the first of those that
# are followed by 1, 2, 4 and 8 bytes; 0: there is none. Numbers below 0 are on their own.
_KINDS = {0: (128, 0, 0xCC), 3: (32, 0xA0, 0xD9), 4: (16, 0x90, 0xDB), 5: (16, 0x80, 0xDD)}


def head(kind, n):
    """Return how an item begins; see node.format.compact."""
    if kind == 1:
        return _negative(-1 - n)
    few, first, more = _KINDS[kind]
    if n < few:
        return bytes((first | n,))
    for power in range(4):
        size = 1 << power
        if not n >> 8 * size and (power or kind < 4):
            return bytes((more + power,)) + n.to_bytes(size, "big")
    raise ValueError("a number of more than 64 bits")


def _negative(n):
    if n >= -32:
        return bytes((n & 255,))
    for power in range(4):
        bits = 8 << power
        if n >= -(1 << bits - 1):
            return bytes((0xD0 + power,)) + (n & (1 << bits) - 1).to_bytes(bits // 8, "big")
    raise ValueError("a number of more than 64 bits")


def encode(message):
    """Return the payload of a reading in JSON."""
    return compact.encode(message, head, MARKS)
