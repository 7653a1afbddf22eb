"""How a node reaches its network. Needed once, then forgotten."""

from node.overlay import call


def find(node, config):
    """Prepare Wi-Fi, commands, clock, formulas and rules; return the diallers, or None."""
    found = dials(node, config)
    # Short texts would be names that stay in RAM.
    if "formula of a node"[:7] in [sensor.driver for sensor in node.sensors]:
        call("start", "formulas", "begin", node)
    # Rules come last, as they read what is to be encoded, and before the client, which is told who
    # takes its messages.
    if "rules of a node"[:5] in config:
        try:
            call("config", "making_rules", "begin", node, config)
        except ImportError:  # a board with little flash, whose config had none before
            node.failed("rules: their code", "not on this board; deploy again")
    return found


def dials(node, config):
    """Prepare what leads to the broker."""
    mqtt = config["mqtt"]
    serial = "serial" in mqtt
    if b"cloud".decode() in config:  # as a text it would stay in RAM, as a name
        call("network", "which_cloud", "begin", config)
    if not serial:
        try:
            import network  # noqa: F401
        except ImportError:
            return None
    led = config.get(b"led".decode())
    if led:
        call("network", "status_light", "begin", node, led)
    if "format" in config:
        call("format", "begin", "begin", node, config["format"], mqtt.get("version") == 5)
    wifi = config.get("wifi") or ()
    plain = [key for key in wifi if key in ("ssid", "password", "hostname")]
    if wifi and len(plain) == len(wifi):
        hostname = wifi.get("hostname") or config["node"]
        call("network", "wifi", "begin", node, wifi["ssid"], wifi.get("password"), hostname)
        if "provision" in config:
            call("provision", "look", "begin", node, config)
    elif not serial:
        call("network", "which_interface", "begin", node, config)
    node.restart = config["restart"]
    commands = config.get("commands", {})
    node.secret = commands.get("secret")
    if node.secret:
        call("commands", "signed", "look", node)
    node.late = -(commands.get("late") == "obey")
    if serial:
        call("network", "clock", "begin", node, "")  # the bridge gives the time
        return call("network", "serial", "dials", node, mqtt)
    call("network", "clock", "begin", node, config["ntp"])
    return call("network", "brokers", "dials", mqtt)
