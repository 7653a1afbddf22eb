"""Asks a broker whether it takes the node, as the node would ask. Needed once, then forgotten.

Only over plain MQTT: with TLS or WebSocket there is no room for more beside the access point than
to see that something listens.
"""

import socket

from micropython import const

from node.overlay import call

_ANSWER_S = const(5)


def wrong(offer, wanted):
    """Return what keeps the node from its broker, or ""; wanted: see node.provision.join."""
    broker, user, secret, node = wanted[2:6]
    mqtt = offer.mqtt
    tls = "ca" in mqtt or not mqtt.get("verify", True)
    path = mqtt.get(b"websocket".decode())  # as a text it would stay in RAM, as a name
    port = mqtt.get("port") or ((443 if tls else 80) if path else 8883 if tls else 1883)
    first = broker if isinstance(broker, str) else broker[0]
    name, port = call("config", "hosts", "split", first, port)
    what = "the broker %s does not answer at port %d"
    connection = None
    try:
        info = socket.getaddrinfo(name, port, 0, socket.SOCK_STREAM)[0]
        connection = socket.socket(info[0], info[1], info[2])
        connection.settimeout(_ANSWER_S)
        connection.connect(info[-1])
        if tls or path:
            return ""
        what = "what listens at %s, port %d, is no MQTT broker, or wants TLS"
        # What is left empty stays as it is in the config.
        user = user or mqtt.get("user")
        secret = secret or mqtt.get("password")
        connection.write(_connect((mqtt.get("client_id") or node, user, secret)))
        answer = connection.read(4) or b""
        if len(answer) == 4 and answer[0] == 0x20:  # CONNACK
            if not answer[3]:
                connection.write(b"\xe0\0")  # DISCONNECT
                return ""
            what = "the broker %s, port %d, refuses the node"
            if answer[3] in (4, 5):
                what = "the broker %s, port %d, refuses this user and password"
    except OSError:
        pass
    finally:
        if connection:
            connection.close()
    return what % (name, port)


def _connect(fields):
    """Return CONNECT; it keeps the session that the broker may have of the node."""
    flags = 0
    body = bytearray(b"\0\x04MQTT\x04\0\0\x0a")
    for bit, field in zip((0, 0x80, 0x40), fields):
        if field is not None:
            flags |= bit
            field = field.encode()
            body.extend(bytes((len(field) >> 8, len(field) & 255)))
            body.extend(field)
    body[7] = flags
    size = len(body)
    return bytes((0x10, size) if size < 128 else (0x10, size & 127 | 128, size >> 7)) + body
