"""What a board keeps in its RTC while it sleeps: the state of a node that does.

It stands behind what node.health.retained keeps there, in machine.mem_backup (MicroPython 1.29)
or the RTC's memory, with a checksum. What is damaged counts as none, and that is a cold start.
"""

import struct

import machine
from micropython import const

try:
    from binascii import crc32  # type: ignore[attr-defined]
except ImportError:  # the ESP8266's firmware
    from mqtt.engine.crc import crc32

if False:  # for type checkers: it costs a board nothing
    from typing import Any

_AT = const(176)  # node.health.retained has what is before
_HEAD = const("<2sHI")  # the mark, how many bytes follow, and their CRC-32
_HEAD_SIZE = const(8)
_MARK = const(b"PS")


def load():
    """Return the state in bytes; b"" if there is none, or one that is damaged."""
    data = _read()
    if len(data) < _HEAD_SIZE:
        return b""
    mark, size, summed = struct.unpack(_HEAD, data)
    data = data[_HEAD_SIZE : _HEAD_SIZE + size]
    return data if mark == _MARK and len(data) == size and crc32(data) == summed else b""


def store(data):
    """Keep the state; raises ValueError if it is too long for the board."""
    _write(struct.pack(_HEAD, _MARK, len(data), crc32(data)) + data)


def there():
    """Return whether the board has such memory."""
    return hasattr(machine, "mem_backup") or hasattr(getattr(machine, "RTC", int)(), "memory")


def _backup() -> "Any":
    port: "Any" = machine
    return port.mem_backup() if hasattr(machine, "mem_backup") else None


def _read():
    backup = _backup()
    if backup is None:
        return bytes(machine.RTC().memory())[_AT:] if there() else b""  # type: ignore
    size = getattr(backup, "itemsize", 1)
    mask = (1 << 8 * size) - 1
    at = _AT // size
    words = range(at, len(backup))
    return b"".join([(backup[i] & mask).to_bytes(size, "little") for i in words])


def _write(data):
    backup = _backup()
    if backup is None:
        memory = machine.RTC().memory  # type: ignore[attr-defined]
        head = bytes(memory())[:_AT]
        memory(head + bytes(_AT - len(head)) + data)
        return
    size = getattr(backup, "itemsize", 1)
    if _AT + len(data) > size * len(backup):
        raise ValueError
    # One by one: on ESP32 assigning to a slice resets the chip (MicroPython 1.29.0).
    for i in range(-(-len(data) // size)):
        backup[_AT // size + i] = int.from_bytes(data[i * size : (i + 1) * size], "little")
