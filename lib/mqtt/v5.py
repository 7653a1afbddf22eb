"""What MQTT 5 programs can do beyond the calls of their client."""

from micropython import const

from mqtt.properties import encode

_DISCONNECT = const(0xE0)


def options(qos=0, no_local=False, as_published=False, handling=0, identifier=0):
    """Return what replaces the QoS of a subscription that wants more than a QoS.

    no_local: leave out what we publish ourselves; as_published: keep the retain flag
    handling: send retained messages 0: always; 1: only for a new subscription; 2: never
    identifier: 1 to 268435455, comes with every message of this subscription; 0: none
    """
    if handling not in (0, 1, 2) or qos not in (0, 1, 2) or not 0 <= identifier < 1 << 28:
        raise ValueError("qos, handling: 0 to 2; identifier: 0 to 268435455")
    return identifier << 8 | handling << 4 | bool(as_published) << 3 | bool(no_local) << 2 | qos


def disconnect(client, code=4, **properties):
    """End the connection with a reason; by default 4: the broker publishes the last will.

    client: of either kind; call stop() of one for asyncio right after this. properties:
    session_expiry, in seconds; reason_string. Raises ValueError, and sends nothing, for bad ones.
    """
    if code != 0 and code != 4 and not 0x80 <= code <= 0x99:
        raise ValueError("code %r; 0, 4, or 0x80 to 0x99 [MQTT5-3.14.2-1]" % code)
    raw = encode(properties, _DISCONNECT)
    if client.up and not client.left:
        client.tx[5:] = bytes((code,)) + raw
        client.finish(_DISCONNECT)
        client.send()
    client.hang_up()
