"""Gives a node its connection to the world. Needed once, and then forgotten."""

from node.overlay import call


def make(node, config):
    """Give the node its client; and its Wi-Fi, where the board has one to look after."""
    try:
        import network  # noqa: F401
    except ImportError:
        from node.console import Console

        node.client = Console()
        return
    from mqtt.link import Link
    from mqtt.subscribe import want
    from mqtt.transport import tcp

    wifi = config.get("wifi")
    if wifi:
        hostname = wifi.get("hostname") or config["node"]
        call("wifi", "begin", node, wifi["ssid"], wifi.get("password"), hostname)
    mqtt = config["mqtt"]
    node.tcp = tcp(mqtt["host"], mqtt["port"])
    node.client = Link(
        node.dial, mqtt.get("client_id") or config["node"], user=mqtt.get("user"),
        password=mqtt.get("password"), keepalive=mqtt["keepalive"], clean=False, buffer=256,
        will=(node.prefix + "status", "offline", 1, True), queue=config["queue"],
        on_message=node.on_message, on_connect=node.on_connect, on_lost=node.on_lost,
    )  # fmt: skip
    want(node.client.session, node.prefix + "cmd/#", 1)
