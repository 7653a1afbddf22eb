"""The ways to the brokers of the config. Needed once, and then forgotten."""


def dials(mqtt):
    """Return a list of diallers; mqtt: that section of the config."""
    hosts = mqtt["host"]
    if isinstance(hosts, str):
        hosts = [hosts]
    port = mqtt["port"]
    verify = mqtt.get("verify", True)
    if "ca" in mqtt or not verify:
        from mqtt.tls import tls

        return [tls(host, port, ca=mqtt.get("ca"), verify=verify) for host in hosts]
    from mqtt.transport import tcp

    return [tcp(host, port) for host in hosts]
