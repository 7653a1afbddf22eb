"""A reading as its value alone: 21.5, true, or text without its quotes."""

import json

_VALUE = len('{"value": ')


def encode(message):
    """Return the payload of a reading in JSON."""
    value = message[_VALUE : message.rfind(', "unit": ')]
    return (json.loads(value) if value[0] == '"' else value).encode()
