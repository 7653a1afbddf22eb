"""Checks TLS in a config: which keys go together, and whether its files can be used.

What it says about the files is what this board's own TLS says. An expired certificate, or a key
that belongs to another one, only shows in the handshake; `make check` warns about these.
"""

import os

_KEYS = ("ca", "cert", "key")
_MOST = 16_384  # bytes of a file
_TRUST = '"verify": false, which encrypts but accepts any broker'


def rules(faults, mqtt, board, warnings):
    """Add which keys don't go together, or not on this board."""
    tls = getattr(board, "TLS", "verified")
    own = "cert" in mqtt or "key" in mqtt
    wanted = "ca" if "ca" in mqtt else "verify" if mqtt.get("verify") is True else ""
    if tls == "unverified" and wanted:
        faults.append(
            "mqtt.%s: %s can't verify a certificate. Use %s; or a broker in your own network "
            "without TLS; or an ESP32." % (wanted, board.ID, _TRUST)
        )
    elif tls == "unverified" and own:
        faults.append(
            "mqtt.cert: %s has no client certificates. Use mqtt.user and mqtt.password, or an "
            "ESP32." % board.ID
        )
    elif "ca" not in mqtt and mqtt.get("verify") is not False and (wanted or own):
        faults.append(
            "mqtt.ca: missing. Use the file of the authority that signed the broker's "
            "certificate; or %s." % _TRUST
        )
    if ("cert" in mqtt) != ("key" in mqtt):
        faults.append("mqtt.%s: missing. mqtt.cert and mqtt.key go together."
                      % ("key" if "cert" in mqtt else "cert"))  # fmt: skip
    if warnings is not None and not faults:
        _ports(warnings, mqtt, tls)


def _ports(warnings, mqtt, tls):
    hosts = mqtt.get("host", "")
    secured = "ca" in mqtt or mqtt.get("verify") is False
    for host in (hosts,) if isinstance(hosts, str) else hosts:
        port = host.rpartition(":")[2]
        port = int(port) if port.isdigit() and host.count(":") == 1 else mqtt.get("port", 0)
        if port in (8883, 8884) and not secured:
            add = '"ca": "ca.pem"' if tls == "verified" else _TRUST
            warnings.append("mqtt.port: %d usually wants TLS. Add %s." % (port, add))
        elif port == 1883 and secured:
            warnings.append("mqtt.port: 1883 is usually without TLS. Use 8883.")


def check(faults, mqtt, board):
    """Add what is wrong with the files that this section names."""
    content = {}
    for key in _KEYS:
        if key in mqtt:
            fault = _read(content, key, mqtt[key], board)
            if fault:
                faults.append("mqtt.%s: %s" % (key, fault))
    if content and not faults:
        _load(faults, mqtt, content)


def _read(content, key, name, board):
    """Read one file; return what is wrong with it, or None."""
    try:
        size = os.stat(name)[6]
        if size > _MOST:
            less = "the one authority that signed the broker's certificate"
            less = less if key == "ca" else "a shorter chain"
            return "%s has %d bytes, at most %d can be read. Use %s." % (name, size, _MOST, less)
        with open(name, "rb") as file:
            data = file.read()
    except OSError:
        return "%s is not there. Copy it beside config.json, as `make deploy CONFIG=` does." % name
    if not data.strip():
        return "%s is empty. Copy it again." % name
    pem = b"-----BEGIN" in data
    if pem and getattr(board, "DER", False):
        kind = "pkey" if key == "key" else "x509"
        stem = name.rsplit(".", 1)[0]
        return "%s is PEM, and %s reads DER alone. Convert it: openssl %s -in %s%s%s.der" % (
            name, board.ID, kind, name, " -outform DER -out ", stem,
        )  # fmt: skip
    if pem and data.count(b"-----BEGIN") != data.count(b"-----END"):
        return "%s is cut short. Copy it again." % name
    if key == "key" and b"ENCRYPTED" in data:
        cure = "openssl pkey -in %s -out new.key" % name
        return "%s has a password, which no board can be asked for. Remove it: %s" % (name, cure)
    if pem and (b"PRIVATE KEY" in data) != (key == "key"):
        return "%s holds no %s." % (name, "private key" if key == "key" else "certificate alone")
    content[key] = data
    return None


def _load(faults, mqtt, content):
    try:
        tls = __import__("tls")
    except ImportError:
        faults.append("mqtt.%s: this firmware has no TLS." % list(content)[0])
        return
    key = "ca"
    try:
        context = tls.SSLContext(tls.PROTOCOL_TLS_CLIENT)
        if "ca" in content:
            context.load_verify_locations(content["ca"])
        if "cert" in content:
            key = "cert"
            context.load_cert_chain(content["cert"], content["key"])
    except (OSError, ValueError) as error:
        if key == "cert" and "key" in str(error):
            key = "key"
        what = "private key" if key == "key" else "certificate"
        faults.append(
            "mqtt.%s: %s is damaged, or no %s in PEM or DER. Copy it again."
            % (key, mqtt[key], what)
        )
