"""What must survive a reset: how often in a row the node has crashed, and of what.

It is kept where the port has memory that a reset leaves alone: machine.mem_backup (MicroPython
1.29), else the RTC's memory, else a small file. A power cut may erase it, and then there was no
crash. Layout: "PT", a byte of count, the reason as text.
"""

import machine

_FILE = "crash.txt"


def load():
    """Return (crashes in a row, reason of the last one as text)."""
    memory = _memory()
    if memory is not None:
        data = bytes(memory())
    else:
        try:
            with open(_FILE, "rb") as file:
                data = file.read()
        except OSError:
            data = b""
    if data[:2] != b"PT" or len(data) < 3:
        return 0, ""
    end = data.find(b"\0", 3)
    return data[2], str(data[3 : end if end >= 0 else len(data)], "utf-8")


def store(crashes, why=""):
    """Keep the count (0..255) and the reason, cut to 96 characters."""
    data = b"PT" + bytes((min(crashes, 255),)) + why[:96].encode() + b"\0"
    memory = _memory()
    if memory is not None:
        memory(data)
    elif crashes or load()[0]:  # spare the flash a write when all is well
        with open(_FILE, "wb") as file:
            file.write(data)


def ended(crashed):
    """The node ended of itself: count a crash, or forget those before if `crashed` is empty."""
    store(load()[0] if crashed else 0, crashed)


def _memory():
    """The function that reads and writes the RTC's memory, or None where the port has none."""
    if hasattr(machine, "RTC"):
        return getattr(machine.RTC(), "memory", None)
    return None
