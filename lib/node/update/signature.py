"""Checks the signature of a manifest: RSA, PKCS #1 v1.5 with SHA-256 (RFC 8017, 8.2.2).

Takes 4 KB of RAM for a third of a second. Loaded for an offer, then forgotten.
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
_EXPONENT = const(65_537)
# The DER of DigestInfo, up to the digest.
_SHA_256 = b"\x30\x31\x30\x0d\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x01\x05\x00\x04\x20"


def check(offer, name):
    """ValueError unless one of the keys in the file of that name has signed the offer, a file.

    Little is held in RAM at a time, for the numbers take a lot.
    """
    with open(offer, "rb") as file:
        manifest = file.readline()[:-1]
        signature = file.read(_TEXT + 1)
    if len(signature) != _TEXT:
        raise ValueError("the signature has %d characters, not 512" % len(signature))
    signature = int.from_bytes(_bytes(signature), "big")
    digest = sha256(manifest).digest()
    try:
        file = open(name, "rb")  # noqa: SIM115  # it is closed below
    except OSError:
        raise ValueError("this node has no %s, so it trusts nobody; deploy the keys" % name)
    moduli = []
    try:
        line = bytearray(_LINE)
        for _ in range(_KEYS):
            if file.readinto(line) < _LINE - 1 or line[_ID] != 0x20:
                break
            if bytes(line[:_ID]) in manifest:  # it names the key that has signed it
                modulus = _bytes(line[_ID + 1 : _ID + 1 + _TEXT])
                moduli.append(int.from_bytes(modulus, "big"))
                modulus = None
    finally:
        file.close()
    line = manifest = None
    gc.collect()
    for modulus in moduli:
        if verify(modulus, digest, signature):
            return
    if moduli:
        raise ValueError("the signature is wrong")
    raise ValueError("signed with a key that is not among those of %s" % name)


def verify(modulus, digest, signature):
    """Return whether it is the signature of that digest; modulus, signature: numbers."""
    if not 0 < signature < modulus:
        return False
    found = pow(signature, _EXPONENT, modulus).to_bytes(_BYTES, "big")
    tail = _SHA_256 + digest
    return found == b"\0\1" + b"\xff" * (_BYTES - len(tail) - 3) + b"\0" + tail


def _bytes(text):
    found = a2b_base64(text)
    if len(found) != _BYTES:
        raise ValueError("a key or signature has %d bytes, not 384" % len(found))
    return found
