"""What a node does when it is told to: one function for each command. Imported with the first.

A command arrives on <base>/<node>/cmd/<command>; its answer is a JSON object with "ok", and
"error" where that is false. Nothing in a message names code or a file; what is not here is
refused.
"""

import json

from node.overlay import call


def take(node, name, payload):
    """Carry out one command if it may be trusted, and publish the reply."""
    try:
        if node.secret:
            payload = call("signed", "opened", node, name, payload)
        reply = obey(node, name, payload)
    except ValueError as error:
        node.drops += 1
        reply = {"ok": False, "error": str(error)}
    node.client.post(node.prefix + "reply/" + name[:32], json.dumps(reply))


def obey(node, name, payload):
    """Carry out one command; returns the reply as a dict."""
    command = _COMMANDS.get(name)
    if not command:
        known = ", ".join(sorted(_COMMANDS))
        return {"ok": False, "error": "no command %r; there are %s" % (name[:32], known)}
    try:
        reply = command(node, payload)
    except (ValueError, KeyError, TypeError, OSError, MemoryError, RuntimeError) as error:
        return {"ok": False, "error": str(error)}
    reply["ok"] = True
    return reply


def _ping(node, payload):
    """Payload: anything. Answers with the uptime."""
    return {"uptime": node.uptime}


def _read(node, payload):
    """Payload: the name of a sensor, or nothing for all. Answers with their values now."""
    wanted = str(payload, "utf-8")
    values = {}
    for entry in node.sensors:
        name, sensor = entry[:2]
        if not wanted or name == wanted:
            # One that measures, or needs time for it, is left out: its next reading will tell.
            if entry[5] or sensor.start():
                continue
            read = entry[1].read()
            if isinstance(read, int):
                continue
            values[name] = read[0] if len(read) == 1 else read
    if wanted and not values:
        raise ValueError("no sensor %r that can be read at once" % wanted[:32])
    return {"values": values}


def _interval(node, payload):
    """Payload: {"sensor": name, "seconds": n}. From now on, and after a restart."""
    from node import config

    order = json.loads(payload)
    name, seconds = order["sensor"], order["seconds"]
    if not isinstance(seconds, (int, float)) or not 0.1 <= seconds <= 86400:
        raise ValueError("seconds: %r; a number from 0.1 to 86400" % seconds)
    for entry in node.sensors:
        if entry[0] == name:
            entry[2] = int(seconds * 1000)
            # A config.json that was found wrong stays as it is, for its owner to mend.
            saved = "faults" not in node.about and config.set_interval(name, seconds)
            return {"sensor": name, "seconds": seconds, "saved": saved}
    raise ValueError("sensor: there is none named %r" % str(name)[:32])


def _set(node, payload):
    """Payload: {"output": name, "value": what its driver takes}. The state is published, too."""
    order = json.loads(payload)
    name = order["output"]
    for entry in node.sensors:
        if entry[0] == name and hasattr(entry[1], "set"):
            entry[1].set(order["value"])
            return {"output": name, "value": order["value"]}
    raise ValueError("output: there is none named %r" % str(name)[:32])


def _diagnostics(node, payload):
    """Payload: anything. Answers; the diagnostics follow within a second, see Node.news."""
    node.news = True
    return {}


def _reboot(node, payload):
    """Payload: anything. Answers, then restarts the board."""
    node.ended = "reboot"
    return {}


_COMMANDS = {
    "ping": _ping,
    "read": _read,
    "interval": _interval,
    "set": _set,
    "diagnostics": _diagnostics,
    "reboot": _reboot,
}
