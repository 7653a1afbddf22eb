"""Carries out commands. Needed for each one, then forgotten.

A command arrives on <base>/<node>/cmd/<command>. The reply is a JSON object with "ok", and
"error" if that is false. Nothing in a message names code or a file; unknown commands are
refused.
"""

import json
import sys

from micropython import const

from node.overlay import call

if False:  # for type checkers: it costs a board nothing
    from typing import Any

_PAUSE_S = const(60)  # between two reboots
_MANY = const(8)  # commands in one go: the broker may be holding back more
_PINGRESP = const(0xD0)
# What node.commands.orders does, and node.commands.interval.
_APART = const(("identify", "interval", "log", "read", "set", "update", "config"))


def take(node, name, payload):
    """Carry out one command if it can be trusted; return the reply as JSON.

    If the command has a module of its own, return its payload, for that one.
    """
    try:
        if isinstance(payload, int):  # so many bytes are to come
            return call("commands", "large", "take", node, name, payload)
        if node.late > 0:
            look(node, 1)
        if node.late > 0:
            raise ValueError(
                'sent while the node was away; send it again (or see "commands.late")'
            )
        if node.secret:
            payload = call("commands", "signed", "opened", node, name, payload)
        if name in _APART or name[:6] == "config":
            return payload
        if name not in _COMMANDS:
            known = ", ".join(sorted(_APART + tuple(_COMMANDS)))
            raise ValueError("no command %r; there are %s" % (name[:32], known))
        reply = _COMMANDS[name](node, payload)
        reply["ok"] = True
    except (ValueError, OSError, MemoryError, ImportError) as error:
        node.drops += 1
        reply = {"ok": False, "error": str(error)}
    return json.dumps(reply)


def look(node, arrived):
    """Set node.late to 0 once what arrives is new; arrived: 1 for a command, else 0.

    What arrives before the answer to the first PINGREQ was kept by the broker. It may send some,
    and more once those are acknowledged: then ask again.
    """
    client = node.client
    if client.ping_due or client.awaited == _PINGRESP:
        node.late += arrived
    else:
        client.ping_due = node.late > _MANY
        node.late = int(client.ping_due)


def ping(node, payload):
    """Payload: anything. Answers with the uptime."""
    return {"uptime": node.uptime}


def diagnostics(node, payload):
    """Payload: anything. The diagnostics follow the reply within a second, see Node.news."""
    node.news = True
    return {}


def reboot(node, payload):
    """Payload: anything. Answers, then restarts the board."""
    if node.rebooted and node.uptime < _PAUSE_S:
        raise ValueError("it did so just now; once in %d s is enough" % _PAUSE_S)
    node.ended = "reboot"
    return {}


def provision(node, payload):
    """Payload: anything. Answers, then restarts the board, which opens its access point."""
    stage = sys.modules.get("stage")
    if stage and stage.trying:
        raise ValueError("an update is being tried; send it again in five minutes")
    wifi: "Any" = node.wifi or (None,)
    several = len(wifi) > 7 and isinstance(wifi[7], list)  # see node.network.many_networks
    if several or not wifi[0]:
        raise ValueError("it is for a node with one Wi-Fi network")
    node.ended = "provision"
    return {}


_COMMANDS = {
    "ping": ping,
    "diagnostics": diagnostics,
    "reboot": reboot,
    "provision": provision,
}
