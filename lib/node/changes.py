"""Commands that change something. Needed now and then, see node.commands."""

import json

from node.overlay import call


def interval(node, payload):
    """Payload: {"sensor": name, "seconds": n}. From now on, and after a restart."""
    order = json.loads(payload)
    name, seconds = order["sensor"], order["seconds"]
    if not isinstance(seconds, (int, float)) or not 0.1 <= seconds <= 86400:
        raise ValueError("seconds: %r; a number from 0.1 to 86400" % seconds)
    for entry in node.sensors:
        if entry[0] == name:
            entry[2] = int(seconds * 1000)
            # A config.json that was found wrong stays as it is, for its owner to mend.
            saved = "faults" not in node.about and call("saved", "set_interval", name, seconds)
            return {"sensor": name, "seconds": seconds, "saved": saved}
    raise ValueError("sensor: there is none named %r" % str(name)[:32])


def set(node, payload):
    """Payload: {"output": name, "value": what its driver takes}. The state is published, too."""
    order = json.loads(payload)
    name = order["output"]
    for entry in node.sensors:
        if entry[0] == name and hasattr(entry[1], "set"):
            entry[1].set(order["value"])
            return {"output": name, "value": order["value"]}
    raise ValueError("output: there is none named %r" % str(name)[:32])
