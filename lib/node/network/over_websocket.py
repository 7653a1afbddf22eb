"""How to reach the brokers over WebSocket. Needed once, then forgotten."""

from mqtt.websocket import websocket
from node.overlay import call


def dials(mqtt, places, path):
    """Return a list of diallers; mqtt: that section of the config; places: (host, port), ...

    path: of the broker's WebSocket on its server; True for the usual one
    """
    if "ca" in mqtt or not mqtt.get("verify", True):
        scheme = "wss://"
        below = call("network", "secured", "dials", mqtt, places)
    else:
        from mqtt.transport import Dialler

        scheme = "ws://"
        below = [Dialler(host, port) for host, port in places]
    made = []
    for dial, (host, port) in zip(below, places):
        if ":" in host:  # an address of IPv6
            host = "[" + host + "]"
        url = "%s%s:%d%s" % (scheme, host, port, "" if path is True else path)
        made.append(websocket(url, dial))
    return made
