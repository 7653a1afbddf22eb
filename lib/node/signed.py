"""Commands that are signed: who does not know the secret is not obeyed, and none is obeyed twice.

A payload is "<signature> <number> <command's own payload>". The number is larger than that of any
command before, say the time in ms. The signature is HMAC-SHA-256 (RFC 2104) in hex, under the
secret of the config, of "<topic> <number> <payload>". The last number is kept on the flash.
"""

import hashlib
import os

from micropython import const

_FILE = "counter.txt"
_BLOCK = const(64)  # bytes, of SHA-256
_SIGNATURE = const(64)  # hex digits


def opened(node, name, payload):
    """Return the command's own payload. Raises ValueError if it is not to be trusted."""
    try:
        signature, digits, _ = (str(payload, "utf-8") + " ").split(" ", 2)
        number = int(digits)
    except (ValueError, UnicodeError):
        raise ValueError("not signed: <signature> <number> <payload>")
    signed = payload[_SIGNATURE + 1 :]
    topic = node.prefix + "cmd/" + name
    wanted = sign(node.secret, topic.encode() + b" " + signed)
    if not _same(signature, wanted):
        raise ValueError("the signature is wrong")
    if number <= _last():
        raise ValueError("number %d: not larger than that of the last command" % number)
    with open(_FILE + ".new", "w") as file:
        file.write(str(number))
    _replace(_FILE + ".new", _FILE)
    return signed[len(signed.split(b" ", 1)[0]) + 1 :]


def sign(secret, message):
    """The HMAC-SHA-256 of a message in hex; secret: text."""
    key = secret.encode()
    if len(key) > _BLOCK:
        key = hashlib.sha256(key).digest()
    key = key + bytes(_BLOCK - len(key))
    inner = hashlib.sha256(bytes([byte ^ 0x36 for byte in key]) + message).digest()
    return hashlib.sha256(bytes([byte ^ 0x5C for byte in key]) + inner).digest().hex()


def _same(a, b):
    """Compare in a time that does not tell how much of it is right."""
    wrong = len(a) ^ len(b)
    for i in range(min(len(a), len(b))):
        wrong |= ord(a[i]) ^ ord(b[i])
    return not wrong


def _last():
    for name in (_FILE, _FILE + ".new"):
        try:
            with open(name) as file:
                return int(file.read())
        except (OSError, ValueError):
            pass  # the next one, or there was no command yet
    return 0


def _replace(new, name):
    try:
        os.rename(new, name)
    except OSError:  # FAT
        os.remove(name)
        os.rename(new, name)
