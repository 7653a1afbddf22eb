"""What every part of the engine needs: its errors, and what a plain topic is.

It imports nothing of the engine, so that all the rest may import it.
"""


class LinkError(OSError):
    """The connection is gone, or the broker does not answer: connect again."""


class ProtocolError(LinkError):
    """The broker sent what MQTT forbids; the connection was closed. Connect again."""


class Refused(Exception):
    """The broker refused the connection: correct the configuration.

    `code` is the return code of its CONNACK (MQTT 3.2.2.3); str() says it in words.
    """

    code = 0


def plain(text):
    """The bytes of a topic or filter that is plainly good, wildcards aside; else None."""
    raw = text.encode() if isinstance(text, str) else b""
    # ASCII: as many bytes as characters.
    return raw if 0 < len(raw) == len(text) < 65536 and 0 not in raw else None
