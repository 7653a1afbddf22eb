"""The command `awake`: keeps a node that sleeps up, for maintenance or an update."""

import json

from micropython import const

from node.overlay import call

_MOST_S = const(86_400)
_FOREVER_MS = const(0x3FFF_FFFF)


def awake(node, payload):
    """Payload: seconds; 0 or nothing to sleep again; another text: until that comes.

    Returns the reply. An empty payload is also what removes a retained message.
    """
    try:
        if node.secret:
            payload = call("commands", "signed", "opened", node, "awake", payload)
        text = "?" if isinstance(payload, int) else str(payload, "utf-8") or "0"
        if not text.isdigit():
            node.least_ms = _FOREVER_MS
        elif int(text) > _MOST_S:
            raise ValueError("%s s is too long; up to %d" % (text, _MOST_S))
        else:
            node.least_ms = node.up_ms + int(text) * 1000
        node.most_ms = node.least_ms + node.limit_ms
        print("Petrel: stays awake:", text)
        return json.dumps({"ok": True})
    except (ValueError, UnicodeError) as error:
        node.drops += 1
        return json.dumps({"ok": False, "error": str(error)})
