"""Reads and writes the packets of Improv Wi-Fi; each has a line of its own.

Imported while a command is obeyed, then forgotten.
"""

import sys

from micropython import const

_LENGTH = const(8)
_DATA = const(9)

_STATE = const(1)
_ERROR = const(2)
_RESULT = const(4)


def settings(packet):
    """Return the name and the password of a network that a command brought.

    Raises ValueError if they are cut short, or no text.
    """
    end = _DATA + packet[_LENGTH]
    at = _DATA + 2
    found = []
    for _ in range(2):
        size = packet[at] if at < end else 255
        at += 1
        if at + size > end:
            raise ValueError
        found.append(str(packet[at : at + size], "utf-8"))  # a UnicodeError is a ValueError, too
        at += size
    return found


def error(number):
    """Send an error; 0: there is none."""
    _send(_ERROR, bytes((number,)))


def state(number):
    """Send the state."""
    _send(_STATE, bytes((number,)))


def result(command, *texts):
    """Answer a command with texts."""
    data = bytearray((command, 0))
    for text in texts:
        text = text.encode()
        data.append(len(text))
        data += text
    data[1] = len(data) - 2
    _send(_RESULT, data)


def _send(kind, data):
    packet = bytearray(b"\nIMPROV\x01")
    packet.append(kind)
    packet.append(len(data))
    packet += data
    packet.append(sum(packet) - 10 & 255)
    packet.append(10)
    sys.stdout.buffer.write(packet)
