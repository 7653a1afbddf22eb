"""The command `log`, and the end of what it asked for. Needed then, then forgotten."""

import builtins
import sys

from micropython import const

from node.log import lines
from node.overlay import call

_LEVELS = const(("error", "warning", "info"))
_LASTS_S = const(600)  # how long a log lasts that the config doesn't have


def obey(node, payload):
    """Payload: a level, "off", or nothing for "info". The lines follow the reply."""
    asked = str(payload, "utf-8") or "info"
    if asked != "off" and asked not in _LEVELS:
        raise ValueError("log: use error, warning, info or off, not %r" % asked[:32])
    log = lines.log
    if asked == "off":
        if log:
            over(log)
    elif not log:
        call("log", "begin", "begin", node, "")
        log = lines.log
        if not log:
            raise MemoryError
    if asked != "off":
        log.level = max(log.wanted, _LEVELS.index(asked))
        log.left = _LASTS_S
        log.at = 0  # all of them, once more
    log = lines.log
    if not log:
        return {"level": "off"}
    return {"level": _LEVELS[log.level], "lines": bytes(log.lines[: log.used]).count(b"\n")}


def over(log):
    """What was asked for ends; the log goes on as the config says, if it does."""
    log.left = 0
    log.level = log.wanted
    if log.wanted < 0:
        end(log)


def end(log):
    """Print as usual, and give back the RAM."""
    builtins.print = log.print
    if log.node:
        del log.node._each_second
    log.at = log.used
    lines.log = None
    sys.modules.pop("node.log.lines", None)
