"""A reading in CBOR, RFC 8949."""

from node.format import compact

MARKS = b"\xf4", b"\xf5", b"\xf6", b"\x1a", b"\xfa", b"\xfb"


def head(kind, n):
    """Return how an item begins; see node.format.compact."""
    kind <<= 5
    if n < 24:
        return bytes((kind | n,))
    for more in range(4):
        size = 1 << more
        if not n >> 8 * size:
            return bytes((kind | 24 + more,)) + n.to_bytes(size, "big")
    raise ValueError("a number of more than 64 bits")


def encode(message):
    """Return the payload of a reading in JSON."""
    return compact.encode(message, head, MARKS)
