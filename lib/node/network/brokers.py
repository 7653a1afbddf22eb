"""How to reach the config's brokers. Needed once, then forgotten."""

from node.overlay import call


def dials(mqtt):
    """Return a list of diallers; mqtt: that section of the config."""
    hosts = mqtt["host"]
    if isinstance(hosts, str):
        hosts = [hosts]
    port = mqtt["port"]
    # Loaded only for a name with a port, which few have.
    places = [
        call("config", "hosts", "split", host, port) if ":" in host else (host, port)
        for host in hosts
    ]
    if "ca" in mqtt or not mqtt.get("verify", True):
        return call("network", "secured", "dials", mqtt, places)
    from mqtt.transport import Dialler

    made = [Dialler(host, port) for host, port in places]
    Dialler.__init__ = None  # type: ignore[method-assign]  # gives its RAM back: no other is made
    return made
