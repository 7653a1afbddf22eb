"""machine.mem_backup() as a function like RTC.memory(): called without data it reads."""

import machine
from micropython import const

if False:  # for type checkers: it costs a board nothing
    from typing import Any

_MOST = const(168)  # bytes to look at


def memory(data=None):
    """Return what is there, or write as much of `data` as there is room for."""
    port: "Any" = machine
    backup = port.mem_backup()
    size = getattr(backup, "itemsize", 1)
    count = min(len(backup), _MOST // size)
    if data is None:
        mask = (1 << 8 * size) - 1
        return b"".join([(backup[i] & mask).to_bytes(size, "little") for i in range(count)])
    # One by one: on ESP32 assigning to a slice resets the chip (MicroPython 1.29.0).
    for i in range(min(count, -(-len(data) // size))):
        backup[i] = int.from_bytes(data[i * size : (i + 1) * size], "little")
    return None
