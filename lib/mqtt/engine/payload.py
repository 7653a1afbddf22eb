"""What may be a payload, or the name of something. Imported for what is no plain str or bytes,
and for one that the stream does not take at once.
"""

from micropython import const

_SOON_MS = const(10)  # time to the next try while the stream takes no more


def check(value, name="payload"):
    """Return what can be written of a value: bytes, bytearray or memoryview; else TypeError."""
    if isinstance(value, str):
        return value.encode()
    if isinstance(value, (bytes, bytearray)):
        return value
    if not isinstance(value, memoryview):
        cure = ", such as str(value) or json.dumps(value)" if name == "payload" else ""
        raise TypeError(
            "%s is %s; give str, bytes, bytearray or memoryview%s"
            % (name, type(value).__name__, cure)
        )
    if len(bytes(value[:1])) > 1:  # of an array: it counts elements, and MQTT counts bytes
        return bytes(value)
    return value


def own(core):
    """Copy what the stream has not taken of a payload: from now on its owner may change it."""
    if isinstance(core.tail, (bytearray, memoryview)):
        core.tail = bytes(core.tail)
    elif core.data is not core.tx:
        core.data = bytes(memoryview(core.data)[core.index :])
        core.index = 0


async def left(client, payload):
    """Wait until the stream has taken all of a payload, or the connection is gone."""
    from asyncio import sleep_ms

    try:
        while client.data is payload or client.tail is payload:
            client._alive()
            client._step()
            await sleep_ms(_SOON_MS)
    finally:
        own(client)  # if this was cancelled
