"""What must survive a reset: crashes in a row, restarts without a connection, and why.

It is kept where the port has memory that a reset leaves alone: machine.mem_backup (MicroPython
1.29), else the RTC's memory, else a small file. A power cut may erase it, and then there was no
crash. Nothing here raises: where it cannot be kept, the node starts all the same.
Layout: "PU", a byte of crashes, a byte of restarts, the reason as text, 0. From an end to the
next start there follows, as text, how many messages could not be kept, and "r" after a reboot.
"""

import machine
from micropython import const

_FILE = const("crash.txt")
_HEAD = const(b"PU")
_NO_ANSWER = const("no answer: ended by the watchdog or a reset")  # until it ends in another way
_SILENT = const("no answer from %s: driver %s")
_MOST = const(160)  # bytes of the reason
_SAFE = const(3)  # crashes in a row that lead to safe mode
_LONGEST_S = const(300)  # pause before a restart
_UNKNOWN_S = const(60)  # where nothing can be counted


def load():
    """Return (crashes in a row, restarts in a row, the reason of the last one as text)."""
    try:
        data = _read()
    except (OSError, ValueError, MemoryError):
        data = b""
    if data[:2] != _HEAD or len(data) < 4:
        return 0, 0, ""
    end = data.find(b"\0", 4)
    try:
        why = str(data[4 : end if end >= 0 else len(data)], "utf-8")
    except UnicodeError:  # it was cut in the middle of a character
        why = ""
    return data[2], data[3], why


def store(crashes, why="", restarts=0, what=""):
    """Keep the counts (0..255), the reason and what else there is; False if that fails."""
    data = _HEAD + bytes((min(crashes, 255), min(restarts, 255))) + why.encode()[:_MOST] + b"\0"
    data += what.encode()
    try:
        _write(data, crashes or restarts or what)
    except (OSError, ValueError, MemoryError) as error:
        print("Petrel: crash.txt: not written:", error)
        return False
    return True


def lost():
    """(messages that could not be kept at the end before this start, True after a reboot)."""
    try:
        what = str(_read()[4:], "utf-8").split("\0")[1]
        return int(what.rstrip("r")), what.endswith("r")
    except (OSError, ValueError, IndexError, MemoryError):
        return 0, False


def begun():
    """The board starts: count it as a crash; returns what load() said before."""
    before = load()
    store(before[0] + 1, _NO_ANSWER, before[1])
    return before


def asking(name="", driver=""):
    """A driver is asked, and may never return; or, without a name, it has. The flash is spared."""
    if _memory() is not None:
        crashes, restarts, _ = load()
        store(crashes, _SILENT % (name, driver) if name else _NO_ANSWER, restarts)


def silent(why, name):
    """True if the reason is that the driver of that sensor did not return."""
    return why.startswith(_SILENT % (name, ""))


def ended(how, crashed, why="", lost=0):
    """The node ended: of itself with a reason or none, or by a crash, which is counted.

    lost: messages that could not be kept. Returns the s to pause before the board restarts.
    """
    crashes, restarts, _ = load()
    what = "0r" if how == "reboot" else ""
    if lost:
        what = str(lost) + what[1:]
    if crashed:
        stored = store(crashes, crashed, restarts, what)
    else:
        # After safe mode, one more crash leads back to it.
        crashes = _SAFE - 1 if how.startswith("safe mode") and crashes > _SAFE else 0
        restarts = restarts + 1 if why else 0
        stored = store(crashes, why, restarts, what)
    if crashed and not (stored and crashes):
        return _UNKNOWN_S
    return min(1 << min(max(crashes + restarts, 1) - 1, 9), _LONGEST_S) if crashed or why else 1


def healthy(node):
    """The node has run well: no crash is counted any more; the reason stays until it is told."""
    if node.client.connects:
        store(0, _NO_ANSWER)
    else:
        store(0, node.about.get("why", ""), load()[1])


def _read():
    memory = _memory()
    if memory is not None:
        return bytes(memory())
    with open(_FILE, "rb") as file:
        return file.read()


def _write(data, counted):
    memory = _memory()
    if memory is not None:
        memory(data)
    elif counted or load()[0]:  # spare the flash a write when all is well
        with open(_FILE, "wb") as file:
            file.write(data)


def _memory():
    """The function that reads and writes memory that a reset leaves alone, or None.

    Never both of a port's: on ESP32 they are one memory, and only the RTC's has a head in it.
    """
    if hasattr(machine, "mem_backup"):
        from node.health.backup import memory

        return memory
    if hasattr(machine, "RTC"):
        return getattr(machine.RTC(), "memory", None)
    return None
