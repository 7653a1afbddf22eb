"""The command `set`. Needed now and then, see node.orders."""

import json


def obey(node, payload):
    """Payload: {"output": name, "value": what its driver takes}. The state is published, too."""
    order = json.loads(payload)
    name = order["output"]
    for entry in node.sensors:
        if entry[0] == name and hasattr(entry[1], "set"):
            try:
                entry[1].set(order["value"])
            except (ValueError, KeyboardInterrupt):  # the value is wrong, not the driver
                raise
            except BaseException as error:
                node.fault(entry, error)
                raise ValueError(node.error)
            return {"output": name, "value": order["value"]}
    raise ValueError("output: there is none named %r" % str(name)[:32])
