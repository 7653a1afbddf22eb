"""The passwords of Azure IoT Hub and its provisioning (SAS). Needed for one, then forgotten."""

import binascii
import hashlib

from micropython import const

_BLOCK = const(64)  # bytes, of SHA-256


def token(where, key, until):
    """Return the right to be there until then, in s since 1970; where: quoted; key: in base64."""
    signature = signed(key, "%s\n%d" % (where, until))
    for sign in "+/=":
        signature = signature.replace(sign, "%%%02X" % ord(sign))
    return "SharedAccessSignature sr=%s&sig=%s&se=%d" % (where, signature, until)


def signed(key, text):
    """Return the HMAC-SHA256 of a text, in base64 like the key. RFC 2104"""
    raw = binascii.a2b_base64(key)
    if len(raw) > _BLOCK:
        raw = hashlib.sha256(raw).digest()
    raw += bytes(_BLOCK - len(raw))
    inner = hashlib.sha256(bytes([byte ^ 0x36 for byte in raw]))
    inner.update(text.encode())
    outer = hashlib.sha256(bytes([byte ^ 0x5C for byte in raw]))
    outer.update(inner.digest())
    return str(binascii.b2a_base64(outer.digest()).strip(), "utf-8")
