"""What must survive a reset: crashes in a row, restarts for want of a connection, and why.

It is kept where the port has memory that a reset leaves alone: machine.mem_backup (MicroPython
1.29), else the RTC's memory, else a small file. A power cut may erase it, and then there was no
crash. Layout: "PU", a byte of crashes, a byte of restarts, the reason as text.
"""

import machine
from micropython import const

_FILE = const("crash.txt")
_HEAD = const(b"PU")
_NO_ANSWER = const("no answer: ended by the watchdog or a reset")  # until it ends in another way
_MOST = const(160)  # bytes of the reason


def load():
    """Return (crashes in a row, restarts in a row, the reason of the last one as text)."""
    memory = _memory()
    if memory is not None:
        data = bytes(memory())
    else:
        try:
            with open(_FILE, "rb") as file:
                data = file.read()
        except OSError:
            data = b""
    if data[:2] != _HEAD or len(data) < 4:
        return 0, 0, ""
    end = data.find(b"\0", 4)
    try:
        why = str(data[4 : end if end >= 0 else len(data)], "utf-8")
    except UnicodeError:  # it was cut in the midst of a character
        why = ""
    return data[2], data[3], why


def store(crashes, why="", restarts=0):
    """Keep the counts (0..255) and the reason."""
    data = _HEAD + bytes((min(crashes, 255), min(restarts, 255))) + why.encode()[:_MOST] + b"\0"
    memory = _memory()
    if memory is not None:
        memory(data)
    elif crashes or restarts or load()[0]:  # spare the flash a write when all is well
        with open(_FILE, "wb") as file:
            file.write(data)


def begun():
    """The board starts: count it as a crash; returns what load() said before."""
    before = load()
    store(before[0] + 1, _NO_ANSWER, before[1])
    return before


def ended(crashed, why=""):
    """The node ended: of itself with a reason or none, or by a crash, which is counted."""
    crashes, restarts, _ = load()
    if crashed:
        store(crashes, crashed, restarts)
    else:
        store(0, why, restarts + 1 if why else 0)


def healthy(node):
    """The node has run well: no crash is counted any more; the reason stays until it is told."""
    if node.client.connects:
        store(0, _NO_ANSWER)
    else:
        store(0, node.about.get("why", ""), load()[1])


def _memory():
    """The function that reads and writes the RTC's memory, or None where the port has none."""
    if hasattr(machine, "RTC"):
        return getattr(machine.RTC(), "memory", None)
    return None
