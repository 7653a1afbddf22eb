"""Keeps what must survive a reset: crashes in a row, restarts without a connection, and why.

It is kept in memory that a reset leaves alone: machine.mem_backup (MicroPython 1.29), otherwise
the RTC's memory, otherwise a small file. A power cut may erase it; then there was no crash.
Nothing here raises: if it can't be kept, the node starts anyway.
Layout: "PU", a byte of crashes, a byte of restarts, the reason as text, 0. Between an end and the
next start there follows, as text, how many messages couldn't be kept, and a letter: "r" after a
reboot, "p" if it is to be provisioned, "d" once it was.
"""

import machine
from micropython import const

_FILE = const("crash.txt")
_HEAD = const(b"PU")
_NO_ANSWER = const("no answer: ended by the watchdog or a reset")  # unless it ends in another way
_SILENT = const("no answer from %s: driver %s")
_MOST = const(160)  # bytes of the reason
_SLEEP = const(176)  # from there on it is node.sleep.memory's
_SAFE = const(3)  # crashes in a row before safe mode
_LONGEST_S = const(300)  # pause before a restart
_UNKNOWN_S = const(60)  # if nothing can be counted


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
    except UnicodeError:  # it was cut within a character
        why = ""
    return data[2], data[3], why


def store(crashes, why="", restarts=0, what=""):
    """Keep the counts (0..255), the reason and the rest; return False if that fails."""
    data = _HEAD + bytes((min(crashes, 255), min(restarts, 255))) + why.encode()[:_MOST] + b"\0"
    data += what.encode()
    try:
        _write(data, crashes or restarts or what)
    except (OSError, ValueError, MemoryError) as error:
        print("Petrel: crash.txt: not written:", error)
        return False
    return True


def lost():
    """(messages that could not be kept at the end before this start, the letter, if any)."""
    try:
        what = str(_read()[4:], "utf-8").split("\0")[1]
        return int(what.rstrip("rpd")), what[-1:]
    except (OSError, ValueError, IndexError, MemoryError):
        return 0, ""


def begun():
    """Count the start as a crash; return what load() said before."""
    before = load()
    store(before[0] + 1, _NO_ANSWER, before[1])
    return before


def asking(name="", driver=""):
    """Note which driver is asked, as it may never return; no name: it has. Spares the flash."""
    if _memory() is not None:
        crashes, restarts, _ = load()
        store(crashes, _SILENT % (name, driver) if name else _NO_ANSWER, restarts)


def silent(why, name):
    """Return whether the reason is that this sensor's driver didn't return."""
    return why.startswith(_SILENT % (name, ""))


def ended(how, error, why="", lost=0):
    """Note the node's end: by itself, with or without a reason, or by a crash, which counts.

    error: the crash in words; lost: messages that couldn't be kept
    Returns the s to wait before the board restarts.
    """
    crashes, restarts, _ = load()
    what = "r" if how == "reboot" else "p" if how[:9] == "provision" else ""
    if lost or what:
        what = str(lost) + what
    if error:
        stored = store(crashes, error, restarts, what)
    else:
        # After safe mode, one more crash leads back to it.
        crashes = _SAFE - 1 if how.startswith("safe mode") and crashes > _SAFE else 0
        restarts = restarts + 1 if why else 0
        stored = store(crashes, why, restarts, what)
    if error and not (stored and crashes):
        return _UNKNOWN_S
    return min(1 << min(max(crashes + restarts, 1) - 1, 9), _LONGEST_S) if error or why else 1


def healthy(node):
    """The node has run well: forget the crashes; the reason stays until it is reported."""
    if node.client.connects:
        store(0, _NO_ANSWER)
    else:
        store(0, node.about.get("why", ""), load()[1])


def _read():
    memory = _memory()
    if memory is not None:
        return bytes(memory())[:_SLEEP]
    with open(_FILE, "rb") as file:
        return file.read()


def _write(data, count):
    memory = _memory()
    if memory is not None:
        if not hasattr(machine, "mem_backup"):  # it would end behind what is written
            rest = bytes(memory())[_SLEEP:]
            if rest:
                data += bytes(_SLEEP - len(data)) + rest
        memory(data)
    elif count or load()[0]:  # spare the flash a write if all is well
        with open(_FILE, "wb") as file:
            file.write(data)


def _memory():
    """Return the function that reads and writes memory that a reset leaves alone, or None.

    A port's two are never both used: on ESP32 they are the same memory, and only the RTC's has
    a header in it.
    """
    if hasattr(machine, "mem_backup"):
        from node.health.backup import memory

        return memory
    if hasattr(machine, "RTC"):
        return getattr(machine.RTC(), "memory", None)
    return None
