"""Signed commands: obey only those who know the secret, and no command twice.

A payload is "<signature> <number> <command's own payload>". The number is larger than any
before, such as the time in ms. The signature is HMAC-SHA-256 (RFC 2104) in hex, under the
secret of the config, of the topic, a zero byte, which no topic holds, and "<number> <payload>".

The last number is kept on the flash from the moment a secret is new. If it can't be read, any
command might be an old one, so none is obeyed until someone sets the secret on the board again.
"""

import hashlib
import os

from micropython import const

from node.overlay import call

_FILE = "counter.txt"
_BLOCK = const(64)  # bytes, of SHA-256
_SIGNATURE = const(64)  # hex digits
_HEAD = const(96)  # bytes in which signature and number are


def opened(node, name, payload):
    """Return the command's own payload. Raises ValueError if it can't be trusted."""
    file = head = None
    try:
        if hasattr(payload, "at"):  # it is on the flash, see node.commands.large
            file = open(payload.name, "rb")  # noqa: SIM115  # it is closed below
            head = file.read(_HEAD)
            file.seek(_SIGNATURE + 1)
        try:
            signature, digits, _ = ((head or payload) + b" ").split(b" ", 2)
            signature = str(signature, "utf-8")
            if not digits.isdigit():
                raise ValueError
            number = int(digits)
        except (ValueError, UnicodeError):
            raise ValueError("not signed: <signature> <number> <payload>")
        topic = node.prefix + "cmd/" + name
        signed = topic.encode() + b"\0" + (b"" if file else payload[_SIGNATURE + 1 :])
        wanted = sign(node.secret, signed, file)
    finally:
        if file:
            file.close()
    if not _same(signature, wanted):
        raise ValueError("the signature is wrong")
    if number <= _last():
        raise ValueError("number %d: not larger than that of the last command" % number)
    _store(number)
    at = _SIGNATURE + len(digits) + 2
    if file:
        payload.at = at
        return payload
    return payload[at:]


def sign(secret, message, file=None):
    """Return the HMAC-SHA-256 of a message in hex; secret: text; file: the rest of the message."""
    key = secret.encode()
    if len(key) > _BLOCK:
        key = hashlib.sha256(key).digest()
    key = key + bytes(_BLOCK - len(key))
    inner = hashlib.sha256(bytes([byte ^ 0x36 for byte in key]) + message)
    while file:
        piece = file.read(_BLOCK)
        if not piece:
            break
        inner.update(piece)
    inner = inner.digest()
    return hashlib.sha256(bytes([byte ^ 0x5C for byte in key]) + inner).digest().hex()


def _same(a, b):
    """Compare in constant time, so that guessing gets no hint."""
    wrong = len(a) ^ len(b)
    for i in range(min(len(a), len(b))):
        wrong |= ord(a[i]) ^ ord(b[i])
    return not wrong


def begin():
    """Take a new secret: nothing was signed with it, so a missing counter may start."""
    try:
        _last()
    except ValueError:
        try:
            _store(0)
        except OSError:
            pass  # look() will report it


def look(node):
    """Report a counter that can't be read."""
    try:
        _last()
    except ValueError as error:
        node.about["faults"] = node.about.get("faults", []) + [str(error)]


def _last():
    """Return the last number. Raises ValueError if it can't be read."""
    for name in (_FILE, _FILE + ".new"):  # on FAT a power cut can leave the second alone whole
        try:
            with open(name) as file:
                return int(file.read())
        except (OSError, ValueError):
            pass
    raise ValueError(
        "%s is missing or damaged: no command is obeyed until it is set again on the board; "
        "see docs/security.md" % _FILE
    )


def _store(number):
    new = _FILE + ".new"
    with open(new, "w") as file:
        file.write(str(number))
    if hasattr(os, "sync"):
        os.sync()
    try:
        os.rename(new, _FILE)
    except OSError:  # FAT
        call("config", "load", "put", _FILE)
