"""The device shadow of a node at AWS IoT Core. Loaded by a config with it, and then it stays.

The topics of the node are as at any broker. Besides, the reported state of its shadow has some of
the diagnostics and the config in use; the desired state may change the config. What it does now
and then is in node.network.shadow_state.
"""

from mqtt.engine.core import Core
from node.overlay import call

if False:  # for type checkers: it costs a board nothing
    from typing import Any

hub: "Any" = None  # what join() has made


class Shadow:
    """The shadow, as node.network.device_twin wants it.

    shadow: where its topics begin; own: who takes all other messages
    asks: s until it is asked for, 0 once it is known; facts: the text that was reported last
    """

    def __init__(self, node):
        self.node = node
        self.own = node.on_message
        self.shadow = "$aws/things/%s/shadow/" % node.prefix.split("/")[-2]
        self.fresh = True  # no connection was begun yet
        self.asks = 0
        self.facts = ""

    def arrived(self, topic, payload, retained):
        """Take what the client receives."""
        if topic.startswith(self.shadow):
            return call("network", "shadow_state", "take", self, topic, payload)
        return self.own(topic, payload, retained)

    def large(self, topic, size, retained):
        """Return what takes a message that is longer than the client's buffer."""
        if topic.startswith(self.shadow):
            return call("network", "device_twin", "sink")
        return self.own(topic, size, retained)

    def each_second(self):
        """Ask for the shadow, once the answer can arrive."""
        client = self.node.client
        if self.asks and client.up and not client.untold:
            self.asks -= 1
            if not self.asks:
                self.asks = 60 if client.post(self.shadow + "get", b"", False, 0) else 1


def join(node, core):
    """Have the client that is about to be made look after the shadow."""
    global hub
    from mqtt.link import Link

    hub = Shadow(node)
    core.on_message = hub.arrived
    core.on_large = hub.large
    Link.post = post  # type: ignore[method-assign]
    Link.open = opened  # type: ignore[method-assign]
    own = type(node)._each_second

    def each_second(node):
        own(node)
        hub.each_second()

    type(node)._each_second = each_second


def opened(client, dial):
    """What open() of the client is here: the same, and the shadow is to be asked for."""
    if hub.fresh:
        hub.fresh = False
        for name in ("get/+", "update/delta", "update/rejected"):
            client.filters[hub.shadow + name] = 1
            client.untold.append(hub.shadow + name)
    hub.asks = 1
    Core.open(client, dial)


def post(client, topic, payload, retain=False, qos=1, properties=None, wait=False):
    """What post() of the client is here: the same, and the shadow gets its part."""
    prefix = hub.node.prefix
    if topic.startswith(prefix):
        below = topic[len(prefix) :]
        if below == "diagnostics":
            call("network", "shadow_state", "facts", hub, payload)
        elif below == "reply/config" and not call(
            "network", "device_twin", "outcome", hub, payload
        ):
            return None
    return Core.post(client, topic, payload, retain, qos, properties, wait)
