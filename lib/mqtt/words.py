"""What the broker's codes mean. Imported when one has to be said, and not before."""

from mqtt.packet import LinkError, Refused


def refusal(code):
    """The exception for the return code of a CONNACK. MQTT 3.2.2.3"""
    words = (
        "reason unknown",
        "protocol version not supported",
        "client id not allowed",
        "broker not available",
        "bad user name or password",
        "not authorized",
    )
    word = words[code if code < 6 else 0]
    error = Refused("refused by the broker: %s (code %d)" % (word, code))
    error.code = code
    return error


def late(first):
    """What did not come in time; `first`: its first byte, or 0 for more of a packet."""
    words = {0x20: "CONNACK", 0x90: "SUBACK", 0xB0: "UNSUBACK", 0xD0: "PINGRESP"}
    return "no %s from the broker in time" % words.get(first, "rest of a packet")


def not_taken(client, qos):
    """The exception where post() returned None."""
    outbox = client.outbox
    if qos and hasattr(outbox, "journal"):
        return OSError(
            "queue full: %d messages wait for the broker, and the flash takes no more; `segments` "
            "and `reserve` of Durable set the limit" % outbox.waiting()
        )
    if qos:
        return OSError(
            "queue full: %d messages wait for the broker; `queue` sets the limit" % outbox.count
        )
    if client.session.up:
        return LinkError("busy: the last packet has not left yet")
    if hasattr(client, "reconnect"):
        return LinkError("not connected: call connect() or reconnect()")
    return LinkError("not connected: a message of QoS 0 does not wait; see connected()")
