"""Checks the signature of a manifest: RSA, PKCS #1 v1.5 with SHA-256 (RFC 8017, 8.2.2).

Takes 3 KB of RAM for half a second, in pieces of 420 bytes. Loaded for an offer, then forgotten.
"""

import gc
from binascii import a2b_base64
from hashlib import sha256

from micropython import const

_BYTES = const(384)  # of a modulus and of a signature
_TEXT = const(512)  # the same in base64
_KEYS = const(3)
_ID = const(8)  # characters in front of a modulus, and a space
_LINE = const(522)
_SQUARES = const(16)  # the exponent is 65537: so many, and one multiplication
_PIECE = const(256)  # bits of a factor that are taken at a time
# The DER of DigestInfo, up to the digest.
_SHA_256 = const(b"\x30\x31\x30\x0d\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x01\x05\x00\x04\x20")


def check(offer, name):
    """ValueError unless one of the keys in the file of that name has signed the offer, a file.

    The numbers take a lot of RAM, so each is read when it is needed.
    """
    with open(offer, "rb") as file:
        manifest = file.readline()
        size = len(file.read(_TEXT + 1))
    if size != _TEXT:
        raise ValueError("the signature has %d characters, not 512" % size)
    numbers = _numbers(name, manifest)
    at = len(manifest)
    digest = sha256(manifest[:-1]).digest()
    manifest = None
    gc.collect()
    for number in numbers:
        if verify(_modulus(name, number), digest, lambda: _signature(offer, at)):
            return
    if numbers:
        raise ValueError("the signature is wrong")
    raise ValueError("signed with a key that is not among those of %s" % name)


def _numbers(name, manifest):
    """Return which lines of the file of the keys the manifest names, usually one."""
    found = []
    line = bytearray(_LINE)
    for number in range(_KEYS):
        if _read(name, number, line) < _LINE - 1 or line[_ID] != 0x20:
            break
        if bytes(line[:_ID]) in manifest:
            found.append(number)
    return found


def _read(name, number, line):
    """Read the line of that number into `line`; return its bytes."""
    try:
        file = open(name, "rb")  # noqa: SIM115  # one in a slot can only be read and closed
    except OSError:
        raise ValueError("this node has no %s, so it trusts nobody; deploy the keys" % name)
    try:
        for _ in range(number + 1):
            size = file.readinto(line)
        return size
    finally:
        file.close()


def _modulus(name, number):
    line = bytearray(_LINE)
    _read(name, number, line)
    return _decoded(line[_ID + 1 : _ID + 1 + _TEXT])


def verify(modulus, digest, signature):
    """Return whether it is the signature of that digest. signature(): the number"""
    found = signature()
    if not 0 < found < modulus:
        return False
    for _ in range(_SQUARES):
        found = _times(found, found, modulus)
    found = _times(found, signature(), modulus).to_bytes(_BYTES, "big")
    tail = _SHA_256 + digest
    return found == b"\0\1" + b"\xff" * (_BYTES - len(tail) - 3) + b"\0" + tail


def _times(a, b, modulus):
    """Return a * b % modulus. As pow() does it, it would take 2 KB more: b is taken in pieces."""
    found = 0
    mask = int.from_bytes(b"\xff" * (_PIECE // 8), "big")
    for at in range(8 * _BYTES - _PIECE, -1, -_PIECE):
        found <<= _PIECE  # one step after the other: what was there before is free then
        found += a * (b >> at & mask)
        found %= modulus
    return found


def _signature(offer, at):
    with open(offer, "rb") as file:
        file.seek(at)
        return _decoded(file.read(_TEXT))


def _decoded(text):
    """Return the number that is there in base64."""
    found = a2b_base64(text)
    if len(found) != _BYTES:
        raise ValueError("a key or signature has %d bytes, not 384" % len(found))
    return int.from_bytes(found, "big")
