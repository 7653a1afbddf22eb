"""Gives a node its interface if that is no plain Wi-Fi. Needed once, then forgotten."""

from node.overlay import call


def begin(node, config):
    """Give the node Ethernet, or one of several networks, or nothing if it asks for nothing."""
    wifi = config.get("wifi")
    if not isinstance(wifi, dict):
        node.offer = 0  # the access point is for a single network
    if wifi:
        networks = wifi if isinstance(wifi, list) else (wifi,)
        call("network", "several", "begin", node, networks, config["node"])
        if "provision" in config:
            call("provision", "look", "begin", node, config)
    elif "ethernet" in config:
        call("network", "wired", "begin", node, config["ethernet"], config["node"])
