"""What a node does when it is told to. Needed for each command, and then forgotten.

A command arrives on <base>/<node>/cmd/<command>; its answer is a JSON object with "ok", and
"error" where that is false. Nothing in a message names code or a file; what is not here is
refused.
"""

import json

from micropython import const

from node.app import text
from node.overlay import call

_PAUSE_S = const(60)  # from one reboot to the next
_APART = const(("interval", "set"))  # these have a module each for themselves


def take(node, name, payload):
    """Carry out one command if it may be trusted, and publish the reply.

    Of one that has a module for itself returns what node.orders is to be told.
    """
    try:
        if node.late > 0:
            call("late", "look", node, 1)
        if node.late > 0:
            raise ValueError(
                'sent while the node was away; send it again (or see "commands.late")'
            )
        if node.secret:
            payload = call("signed", "opened", node, name, payload)
        if name in _APART:
            return name, payload
        if name not in _COMMANDS:
            known = ", ".join(sorted(_APART + tuple(_COMMANDS)))
            raise ValueError("no command %r; there are %s" % (name[:32], known))
        reply = _COMMANDS[name](node, payload)
        reply["ok"] = True
    except (ValueError, OSError, MemoryError) as error:
        node.drops += 1
        reply = {"ok": False, "error": str(error)}
    node.client.post(node.prefix + "reply/" + name[:32], json.dumps(reply), False, 0)


class _Json:
    """Text that is JSON already; json.dumps() takes what an object shows for its value."""

    def __init__(self, text):
        self.text = text

    def __repr__(self):
        return self.text


def ping(node, payload):
    """Payload: anything. Answers with the uptime."""
    return {"uptime": node.uptime}


def read(node, payload):
    """Payload: the name of a sensor, or nothing for all. Answers with their values now."""
    wanted = str(payload, "utf-8")
    values = {}
    errors = {}
    for entry in node.sensors:
        name = entry[0]
        # One that measures, or needs time for it, is left out: its next reading will tell.
        if wanted and name != wanted or entry[5]:
            continue
        if getattr(entry[1], "STATE", True) is False:
            continue  # an event has no value now
        try:
            told = node.ask(entry, "start") or node.ask(entry, "read")
            if not isinstance(told, int):
                shown = [_Json(text(*each)) for each in zip(told, entry[1].FIELDS)]
                values[name] = shown[0] if len(shown) == 1 else shown
        except KeyboardInterrupt:
            raise
        except BaseException as error:
            node.fault(entry, error)
            errors[name] = node.error
    if errors and not values:
        raise ValueError(", ".join(errors.values()))
    if wanted and not values:
        raise ValueError("no sensor %r that can be read at once" % wanted[:32])
    return {"values": values, "errors": errors} if errors else {"values": values}


def diagnostics(node, payload):
    """Payload: anything. Answers; the diagnostics follow within a second, see Node.news."""
    node.news = True
    return {}


def reboot(node, payload):
    """Payload: anything. Answers, then restarts the board."""
    if node.rebooted and node.uptime < _PAUSE_S:
        raise ValueError("it did so just now; once in %d s is enough" % _PAUSE_S)
    node.ended = "reboot"
    return {}


_COMMANDS = {
    "ping": ping,
    "read": read,
    "diagnostics": diagnostics,
    "reboot": reboot,
}
