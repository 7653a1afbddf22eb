"""Publishes the lines of a log that are new. Needed when there are some, then forgotten."""

import json

from micropython import const

from node.overlay import call

_AT_ONCE = const(8)  # lines a second; in a small heap each needs its own place
_LEVELS = const(("error", "warning", "info"))


def send(log):
    """Publish what the connection takes now; the rest is due in the next second."""
    node = log.node
    if not hasattr(node.client, "stream"):  # there is only a console, which has it all
        call("log", "order", "end", log)
        return
    for _ in range(_AT_ONCE):
        if log.at >= log.used:
            return
        end = log.lines.find(b"\n", log.at)
        text = message(bytes(log.lines[log.at : end]), log)
        if text and node.client.post(node.prefix + "log", text, False, 0) is None:
            return
        log.at = end + 1
        log.known = max(log.known, log.at)


def message(line, log):
    """Return a line as JSON; empty if it is none, which a damaged file may have."""
    try:
        seq, stamp, text = str(line, "utf-8").split(" ", 2)
        said = '{"level": "%s", "text": %s, "seq": %d, "boot": %d, "%s": %d' % (
            _LEVELS[int(stamp[0])], json.dumps(text), int(seq),
            log.before if log.at < log.old else log.boot,
            "time" if stamp[1] == "t" else "uptime", int(stamp[2:]),
        )  # fmt: skip
    except (ValueError, IndexError):  # UnicodeError, too
        return ""
    return said + (', "again": true}' if log.at < log.known else "}")
