"""How to reach the config's brokers. Needed once, then forgotten."""

from node.overlay import call


def dials(mqtt):
    """Return a list of diallers; mqtt: that section of the config."""
    hosts = mqtt["host"]
    if isinstance(hosts, str):
        hosts = [hosts]
    tls = "ca" in mqtt or not mqtt.get("verify", True)
    path = mqtt.get(b"websocket".decode())  # as a text it would stay in RAM, as a name
    port = mqtt.get("port") or ((443 if tls else 80) if path else 8883 if tls else 1883)
    # Loaded only for a name with a port, which few have.
    places = [
        call("config", "hosts", "split", host, port) if ":" in host else (host, port)
        for host in hosts
    ]
    if path:
        return call("network", "over_websocket", "dials", mqtt, places, path)
    if tls:
        if ".amazonaws.com" in hosts[0]:
            call("network", "amazon_iot_core", "begin")
        return call("network", "secured", "dials", mqtt, places)
    from mqtt.transport import Dialler

    made = [Dialler(host, port) for host, port in places]
    Dialler.__init__ = None  # type: ignore[method-assign]  # gives its RAM back: no other is made
    return made
