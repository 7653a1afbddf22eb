"""Carries out a command that has a module for itself. Needed for those, and then forgotten.

By then node.commands is forgotten too: a small heap has no room for both.
"""

import json

from node.overlay import call


def obey(node, name, payload):
    """Carry out the command, and publish the reply."""
    try:
        if name == "set":
            reply = call("changes", "obey", node, payload)
        else:
            reply = call("interval", "obey", node, payload)
        reply["ok"] = True
    except (ValueError, KeyError, TypeError, OSError, RuntimeError) as error:
        reply = {"ok": False, "error": str(error)}
    except MemoryError:
        reply = {"ok": False, "error": "not enough memory; nothing was changed"}
    node.client.post(node.prefix + "reply/" + name, json.dumps(reply), False, 0)
