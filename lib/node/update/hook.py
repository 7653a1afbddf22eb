"""Tells messages of updates from a node's others. All that stays in RAM while there is no update.

What takes them is loaded when one comes: node.update.arrive, and while there is an update
node.update.turns.
"""

import sys

from node.overlay import call

if False:  # for type checkers: it costs a board nothing
    from typing import Any

_before: "Any" = None  # the node's own on_message()


def listen(node):  # noqa: F811
    """Have the classes of the node and of its client take them."""
    from mqtt.engine.core import Core

    global listen, _before
    kind = type(node)
    _before, kind.on_message = kind.on_message, on_message
    Core.on_large = node.on_message
    if Core.version != 5:  # there a function calls it, see node.network.version_five
        Core.on_message = node.on_message
    listen = None  # type: ignore  # it is needed once


def on_message(node, topic, payload, retained):
    """Take a message, see node.app. What has taken a large one comes as its payload in the end."""
    if not topic.startswith(node.prefix + "update/"):
        return _before(node, topic, payload, retained)
    if not isinstance(payload, (int, bytes)):
        return None
    turns = sys.modules.get("node.update.turns")
    if turns and turns.updates:
        return turns.updates.message(topic, payload)
    return call("update", "arrive", "take", node, topic, payload)
