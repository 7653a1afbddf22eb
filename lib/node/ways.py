"""The ways out of a node. Needed once, and then forgotten."""

from node.overlay import call


def find(node, config):
    """Prepare Wi-Fi, commands and clock; returns the diallers, None for a board without a way."""
    mqtt = config["mqtt"]
    serial = "serial" in mqtt
    if not serial:
        try:
            import network  # noqa: F401
        except ImportError:
            return None
    wifi = config.get("wifi")
    if wifi:
        hostname = wifi.get("hostname") or config["node"]
        call("wifi", "begin", node, wifi["ssid"], wifi.get("password"), hostname)
    node.restart = config["restart"]
    commands = config.get("commands", {})
    node.secret = commands.get("secret")
    if node.secret:
        call("signed", "look", node)
    node.late = -(commands.get("late") == "obey")
    call("clock", "begin", node, "" if serial else config["ntp"])  # the bridge tells the time
    return call("serial", "dials", node, mqtt) if serial else call("brokers", "dials", mqtt)
