"""Reports connections that failed or ended. Needed then, then forgotten."""

from micropython import const

from node.overlay import call

_BARRED = const(9)  # topics that post() refuses for now, see mqtt.engine.suspects


def tell(node, error):
    """Print it; the diagnostics also say what the owner has to look at."""
    if node.birth < 0:
        call("homeassistant", "birth", "tell", node)
    if getattr(error, "times", 0) > 2:  # so often in a row that someone has to know
        node.failed("not connected", error)
        return
    if hasattr(error, "reach"):
        node.error = str(error)
    print("Petrel: not connected:", error)


def more(message, client):
    """Add to the diagnostics what the broker has refused."""
    found = set_aside(client)
    if found:
        message["set_aside"] = found
    if client.v5:
        call("network", "version_five", "more", message, client)


def set_aside(client):
    """Return topics that the broker refuses, and how many messages each has; see suspects."""
    found = {}
    if client.again is not None:
        for topic in client.past[_BARRED]:
            if isinstance(topic, str):
                found[topic] = 0
    for topic, _, _ in getattr(client.outbox, "aside", ()):
        topic = topic if isinstance(topic, str) else str(topic, "utf-8")
        found[topic] = found.get(topic, 0) + 1
    return found
