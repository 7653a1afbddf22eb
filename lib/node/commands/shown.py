"""Tells the config without its secrets, in whose place it has null. See node.commands.orders.

The reply leaves from a file, so no heap has to hold it.
"""

import os
from time import sleep_ms

from micropython import const

from node.config.used import SECRETS, used
from node.overlay import call, forget

_FILE = const("config.json.part")
_TRIES = const(100)


def send(node):
    """Send the reply; raises ValueError if that can't be done now."""
    head = '{"ok": true, "config": '
    topic = node.prefix + "reply/config/get"
    try:
        if not tell(node.client, used(node), head, "}", topic, _FILE):
            raise ValueError("another message is leaving; send it again")
    finally:
        forget("used", package="node.config")
        forget("config")


def tell(client, name, head, tail, topic, through):
    """Publish head, a config and tail by way of the file `through`; False if it can't be now."""
    with open(name, "rb") as file, open(through, "wb") as out:
        out.write(head.encode())
        if file.read(3) != b"\xef\xbb\xbf":  # which some editors put before a text
            file.seek(0)
        write(file, out)
        out.write(tail.encode())
    for _ in range(_TRIES):
        if not client.left:
            break
        client.send()
        sleep_ms(20)
    file = open(through, "rb")  # noqa: SIM115  # it is closed when all of it has left
    size = os.stat(through)[6]
    if call("homeassistant", "step", "send", client, topic, size, file):
        return True
    file.close()
    return False


def write(file, out):
    """Copy a config, which is JSON, with null in place of the value of each secret."""
    text = bytearray()  # the text that was read last, or is being read
    quoted = escaped = False
    depth = 0
    hidden = -1  # the depth of a value that is a secret, -1: none
    while True:
        piece = file.read(64)
        if not piece:
            return
        shown = bytearray()
        for byte in piece:
            if hidden < 0:
                shown.append(byte)
            if quoted:
                quoted = escaped or byte != 0x22
                escaped = byte == 0x5C and not escaped
                if quoted:
                    text.append(byte)
                continue
            if hidden >= 0 and byte in b",}" and depth == hidden:
                hidden = -1
                shown.append(byte)
            if byte == 0x22:
                quoted = True
                text = bytearray()
            elif byte in b"{[":
                depth += 1
            elif byte in b"}]":
                depth -= 1
            elif byte == 0x3A and hidden < 0 and secret(text):
                shown += b"null"
                hidden = depth
        out.write(shown)


def secret(text):
    """Return whether a key is that of a secret; one with escapes in it may be."""
    return b"\\" in text or str(text, "utf-8") in SECRETS
