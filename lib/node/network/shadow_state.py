"""What a node does now and then for its shadow at AWS; then it is forgotten.

A desired config is known by a digest: the version of a shadow grows with each report. The delta
says that something is desired that isn't reported; then the whole is asked for.
"""

import hashlib
import json

from micropython import const

from node.network import device_twin as twin
from node.overlay import forget

_NONE = const(404)  # there is no shadow yet
# Of the diagnostics: what changes seldom. Each report counts, and has its price.
_FACTS = ("version", "board", "mode", "reset", "faults", "failing", "error", "crashes")


def take(hub, topic, payload):
    """Take a message of the shadow."""
    node = hub.node
    below = topic[len(hub.shadow) :]
    try:
        if below == "update/delta":
            hub.asks = hub.asks or 1
        elif below == "get/accepted":
            whole(hub, twin.read(payload)["state"])
        else:
            said = twin.read(payload)
            if below == "get/rejected" and said["code"] == _NONE:
                whole(hub, {})
            elif below[-9:] == "/rejected":
                node.failed("shadow", "%s %s" % (said["code"], said.get("message", "")))
    except (
        OSError, ValueError, KeyError, TypeError, AttributeError, ImportError, MemoryError
    ) as error:  # fmt: skip
        node.failed("shadow", error)
    finally:
        if hasattr(payload, "at"):
            payload.abort()
        forget("device_twin", package="node.network")


def whole(hub, state):
    """Take the whole state."""
    hub.asks = 0
    twin.tell_config(hub, state.get("reported", {}))
    part = state.get("desired", {}).get("config")
    if part is not None:
        mark = hashlib.sha256(canonical(part).encode()).digest()[:8].hex()
        twin.obey(hub, part, mark)


def canonical(value):
    """Return a value as JSON whose keys are in order."""
    if isinstance(value, dict):
        pairs = ["%s:%s" % (json.dumps(key), canonical(value[key])) for key in sorted(value)]
        return "{%s}" % ",".join(pairs)
    if isinstance(value, list):
        return "[%s]" % ",".join([canonical(each) for each in value])
    return json.dumps(value)


def facts(hub, payload):
    """Report those of the diagnostics that have changed; what is no longer said is removed."""
    try:
        said = json.loads(payload)
        text = json.dumps([said.get(key) for key in _FACTS])
        if text != hub.facts:
            told = {key: said.get(key) for key in _FACTS}
            topic, report = twin.placed(hub, "", json.dumps(told))
            if hub.node.client.post(topic, report) is not None:
                hub.facts = text
    finally:
        forget("device_twin", package="node.network")
