"""What the broker's codes mean. Imported when one has to be said, and not before."""


def refusal(code):
    """The return code of a CONNACK in words. MQTT 3.2.2.3"""
    words = (
        "reason unknown",
        "protocol version not supported",
        "client id not allowed",
        "broker not available",
        "bad user name or password",
        "not authorized",
    )
    return "refused by the broker: %s (code %d)" % (words[code if code < 6 else 0], code)
