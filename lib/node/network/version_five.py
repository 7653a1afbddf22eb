"""What a node that speaks MQTT 5 does in another way. Needed now and then, then forgotten.

A node with a cloud comes here as well, see node.network.which_cloud.
"""

import sys

from node.overlay import forget


def make(node, link):
    """Have the class of the client speak it; a node needs none of a message's properties."""
    cloud = sys.modules.get("the cloud of the node")
    if cloud:
        cloud.join(node, link)
        return

    def on_message(_, topic, payload, retained, properties):
        return node.on_message(topic, payload, retained)

    link.version = 5
    link.on_message = on_message


def more(message, client):
    """Add to the diagnostics what the broker has refused, and why it says it did."""
    if not client.refusals:
        return
    from mqtt.engine.reasons import words

    message["denied"] = {"count": client.refusals}
    if client.denied:  # the last; of those that were set aside the words are known
        code = client.denied[-1][1]
        message["denied"]["reason"] = words(code, {}) if isinstance(code, int) else str(code)
    forget("reasons", package="mqtt.engine")
