"""Begins a log, at the start if the config wants one, or when someone asks. Needed then only."""

import builtins
import gc
import os

from micropython import const

from node.log import lines

FILE = "log.txt"
LEVELS = "error", "warning", "info"
_ROOM = const(16_384)  # free bytes from which the larger buffer is no burden
_LARGE = const(1024)
_SMALL = const(768)  # the longest line has 700


def begin(node, wanted):
    """Begin a log of that level, with the lines of the start before, if they were kept."""
    level = LEVELS.index(wanted) if wanted else -1
    gc.collect()
    try:
        log = lines.Log(node, level, _LARGE if gc.mem_free() > _ROOM else _SMALL)
        if FILE in os.listdir():
            _restore(log)
    except MemoryError as error:
        node.failed("log", error)
        return
    lines.log = log
    node._each_second = log.each_second
    builtins.print = log.told


def _restore(log):
    """Take the lines from the flash; what can't be read is left out."""
    try:
        with open(FILE, "rb") as file:
            boot, known = file.readline().split()
            kept = file.read(len(log.lines))
        os.remove(FILE)
        if kept[-1:] == b"\n":
            log.put(kept)
            log.before = int(boot)
            log.old = log.used
            log.known = log.at = min(int(known), log.used)
    except (OSError, ValueError):  # it was cut short, or the flash fails
        log.used = log.at = 0
