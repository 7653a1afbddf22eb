"""Gives a node its connection to the world. Needed once, and then forgotten."""

import gc
import sys

from node.overlay import call


def make(node, config, dials):
    """Give the node its client; dials: what node.network.ways found, None if nothing."""
    if dials is None:
        call("network", "console", "make", node)
        return
    mqtt = config["mqtt"]
    from mqtt.engine.core import Core
    from mqtt.link import Link

    gc.collect()
    # There is one client. What never changes stands in its classes, which have these names. Its
    # own dict is nearly full, and there may be no room for a larger one when a connection fails.
    for name, value in (
        ("user", mqtt.get("user")), ("password", mqtt.get("password")), ("clean", False),
        ("keepalive", mqtt["keepalive"]),
        ("will", (node.prefix + "status", b"offline", 1, True)), ("on_message", node.on_message),
        ("on_large", node.on_message), ("on_connect", node.on_connect),
        ("failed", None),  # a Link has its own
    ):  # fmt: skip
        setattr(Core, name, value)
    Link.on_lost = node.on_lost
    Core.alone = "mqtt.engine.connect" in sys.modules  # see node.main.load
    if node.wlan:
        Link.ready = node.wlan.isconnected
    if mqtt.get("version") == 5:
        call("network", "version_five", "make", node, Core)
    if "timeout" in mqtt:
        Core.connect_ms = Core.answer_ms = mqtt["timeout"] * 1000
    elif len(dials) > 1 and not hasattr(dials[0], "connect_ms"):  # TLS needs its time
        Core.connect_ms = 4000  # the next one is worth a try
    client = node.client = Link(
        dials, mqtt.get("client_id") or config["node"], queue=config["queue"], buffer=256
    )
    # As mqtt.engine.subscribe.want() does, which takes a kilobyte more where RAM is shortest.
    commands = node.prefix + "cmd/#"
    client.filters[commands] = 1
    client.untold.append(commands)
    _made(Link, client.outbox)
    if (config.get("homeassistant") or {}).get("convention") == "homie":
        call("homie", "join", "join", node)


def _made(link, outbox):
    """Give back the RAM of what made the client and its outbox: no other is made.

    What made a journal stays: messages that are set aside have one of their own.
    """
    from mqtt.engine.core import Core, Outbox

    for kind in (link, Core, Outbox, type(outbox)):
        kind.__init__ = None  # type: ignore[method-assign]
