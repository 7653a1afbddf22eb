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
    places = _places(name, manifest)
    at = len(manifest)
    digest = sha256(manifest[:-1]).digest()
    manifest = None
    gc.collect()
    for place in places:
        if verify(_number(name, place), digest, lambda: _number(offer, at)):
            return
    if places:
        raise ValueError("the signature is wrong")
    raise ValueError("signed with a key that is not among those of %s" % name)


def _places(name, manifest):
    """Return where in the file of the keys those begin that the manifest names, usually one."""
    try:
        file = open(name, "rb")  # noqa: SIM115  # it is closed below
    except OSError:
        raise ValueError("this node has no %s, so it trusts nobody; deploy the keys" % name)
    places = []
    try:
        for number in range(_KEYS):
            line = file.read(_LINE)
            if len(line) < _LINE - 1 or line[_ID] != 0x20:
                break
            if line[:_ID] in manifest:
                places.append(number * _LINE + _ID + 1)
    finally:
        file.close()
    return places


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


def _number(name, at):
    """Return the number in base64 at that place of a file."""
    with open(name, "rb") as file:
        file.seek(at)
        found = a2b_base64(file.read(_TEXT))
    if len(found) != _BYTES:
        raise ValueError("a key or signature has %d bytes, not 384" % len(found))
    return int.from_bytes(found, "big")
