"""Carries out a command that has a module of its own. Needed for those, then forgotten.

By then node.commands.take is forgotten too: a small heap has no room for both.
"""

import json
import sys

from node.overlay import call


def obey(node, name, payload):
    """Carry out the command; return the reply as JSON, None if it has been sent.

    What takes a payload that is to come is returned as it is.
    """
    if getattr(payload, "at", 0) < 0:
        return payload
    try:
        stage = sys.modules.get("stage")
        if stage and stage.trying and name in ("config", "config/put"):
            raise ValueError("an update is being tried; send it again in five minutes")
        if name == "log":
            reply = call("log", "order", "obey", node, payload)
        elif name == "update":
            reply = call("update", "install", "obey", node, payload)
        elif name[:6] != "config":
            reply = call("commands", "values", name, node, payload)
        else:
            reply = call("commands", "config", "obey", node, name, payload)
            if reply is None:
                return None
        reply.setdefault("ok", True)
    except (ValueError, KeyError, TypeError, OSError, RuntimeError) as error:
        reply = {"ok": False, "error": str(error)}
    except ImportError:  # a board with little flash
        reply = {"ok": False, "error": "its code is not on this board; see docs/deploy.md"}
    except MemoryError:
        reply = {"ok": False, "error": "not enough memory; nothing was changed"}
    return json.dumps(reply)
