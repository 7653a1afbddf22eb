"""Keeps the last lines of a log on the flash while the board restarts. Needed then only."""

from node.log import lines
from node.overlay import call

_FILE = "log.txt"


def store():
    """Write them, and let go of the node, whose RAM is needed. Whether that fails nobody hears."""
    log = lines.log
    log.node = None
    try:
        with open(_FILE, "wb") as file:
            file.write(b"%d %d\n" % (log.boot, max(0, log.known - log.old)))
            file.write(memoryview(log.lines)[log.old : log.used])
    except (OSError, MemoryError):
        pass
    call("log", "order", "end", log)
