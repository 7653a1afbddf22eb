"""What the broker's codes mean. Imported when one has to be said, and not before."""

from mqtt.packet import Refused


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
