"""How a node reaches its broker: a function for each kind of board, given to node.app.Node."""


def wifi(node):
    """Over Wi-Fi, which the node keeps up as well."""
    from node.wifi import Wifi

    config = node.config["wifi"]
    hostname = config.get("hostname") or node.config["node"]
    node.wifi = Wifi(config["ssid"], config.get("password"), hostname)
    return _mqtt(node, node.wifi.up)


def wired(node):
    """Over a network that the port keeps up by itself."""
    return _mqtt(node, None)


def console(node):
    """Not at all: readings are printed at the REPL."""
    from node.console import Console

    return Console()


def _mqtt(node, up):
    from mqtt.client import Client
    from mqtt.transport import tcp

    config = node.config["mqtt"]
    dial = tcp(config["host"], config["port"])

    def dial_when_up():
        if up and not up():
            raise OSError("no Wi-Fi")
        return dial()

    client = Client(
        dial_when_up, config.get("client_id") or node.config["node"], user=config.get("user"),
        password=config.get("password"), keepalive=config["keepalive"], clean=False,
        will=(node.prefix + "status", "offline", 1, True), queue=node.config["queue"],
        on_message=node.on_message, on_connect=node.on_connect, on_lost=node.on_lost,
    )  # fmt: skip
    client.session.subscribe(node.prefix + "cmd/#", 1)
    return client
