"""Hosts as a config writes them: "broker", "broker:1884", "10.0.0.1", "[fe80::1]:1884"."""


def split(host, port):
    """Return (name, port) of a name that may include a port; port: used if it doesn't.

    Raises ValueError for a port that is not a number.
    """
    if host[:1] == "[":
        host, _, tail = host[1:].partition("]")
    elif host.count(":") == 1:  # an IPv6 address has more
        host, colon, tail = host.partition(":")
        tail = colon + tail
    else:
        return host, port
    if tail:
        if tail[0] != ":" or not tail[1:].isdigit():
            raise ValueError
        port = int(tail[1:])
    return host, port


def check(faults, path, value):
    """Add what is wrong with the names of brokers (a text or a list) or of a time server."""
    for host in (value,) if isinstance(value, str) else value:
        fault = _fault(host, path == "ntp")
        if fault:
            faults.append("%s: %s" % (path, fault))


def _fault(host, ntp):
    if ntp and not host:
        return None
    if ntp and host.lower() in ("no", "none", "off", "false", "true", "yes", "on", "null"):
        return '"%s" is not a time server. Use "pool.ntp.org", or "" for none.' % host
    if "://" in host:
        return _url(host, ntp)
    if "@" in host:  # what stands before it is a secret
        return "only the name belongs here. Use mqtt.user and mqtt.password for the rest."
    if good(host):
        return None
    what = 'a name or an address, with ":" and the port if it has to be said'
    return '"%s" is not a host. Use %s.' % (host, what)


def _url(host, ntp):
    scheme, _, rest = host.partition("://")
    rest = rest.split("/")[0]
    rest = rest[rest.rfind("@") + 1 :]  # what stands before it is a secret
    if not good(rest):
        rest = "pool.ntp.org" if ntp else "192.168.1.10"
    fault = '%s:// does not belong here. Use "%s"' % (scheme[:8], rest)
    if "@" in host:
        fault += ", with mqtt.user and mqtt.password"
    if scheme in ("mqtts", "ssl", "tls", "wss", "https"):
        fault += ', and for TLS "ca": "ca.pem" or "verify": false'
    if not ntp and (scheme[:2] == "ws" or scheme[:4] == "http"):
        fault += ', and for WebSocket "websocket": true or its path'
    return fault + "."


def good(host):
    """Return whether this can be a host, with or without a port."""
    try:
        name, port = split(host, 1)
    except ValueError:
        return False
    if ":" in name:  # an address of IPv6
        letters = all(c in "0123456789abcdefABCDEF.:" for c in name)
        return letters and ("::" in name or name.count(":") == 7) and 0 < port < 65536
    for c in name:
        if not ("a" <= c <= "z" or "A" <= c <= "Z" or "0" <= c <= "9" or c in "-._"):
            return False
    if name[:1] == "." or ".." in name:
        return False
    if name.replace(".", "").isdigit():  # an address
        parts = name.split(".")
        if len(parts) != 4 or not all(part and int(part) < 256 for part in parts):
            return False
    return bool(name) and 0 < port < 65536
