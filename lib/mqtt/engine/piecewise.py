"""A message of QoS 0 that leaves piece by piece, so that no heap has to hold it.

Imported when one is sent. Its length is known beforehand, so for the broker it is one PUBLISH.
Whenever the client has written all that it had to write, it asks next_packet() for more. While the
message leaves, the next piece is the answer; after the last one all is as it was before. When the
connection ends, so does the message.
"""

from micropython import const

if False:  # for type checkers
    from typing import Any

_PIECE = const(128)  # bytes that are in RAM at a time
_BARRED = const(9)  # topics for which post() takes nothing now, see engine.suspects


def send(core, topic, left, stream, retain=False):
    """Send `left` bytes of an open file, or of whatever has readinto() and close().

    The file is closed in the end. Returns False if nothing can be sent now: without a connection,
    while another packet leaves, or where the broker ended the connection at this topic before. It
    may raise what post() may.
    """
    if not core.up or core.left or core.again is not None and topic in core.past[_BARRED]:
        return False
    if left <= len(core.rx):  # it fits into the buffer, where encode() would put it
        payload = stream.read(left)
        stream.close()
        return core.post(topic, payload, retain, 0) is not None
    # Where the method is that is called; MQTT 5 has its own.
    owner: "Any" = core if core.v5 else type(core)
    while "next_packet" not in owner.__dict__:  # in place: the dict of a class never shrinks
        owner = owner.__bases__[0]
    before = owner.next_packet
    connection = core.stream
    piece = bytearray(_PIECE)

    def next_packet(self=core):
        nonlocal left
        if self is not core:
            return before(self)
        lasts = core.stream is connection
        if left and lasts:
            n = stream.readinto(piece, min(left, _PIECE))
            if not n:
                raise OSError("a file that is being sent ends too early")
            left -= n
            core.data = piece if n == _PIECE else memoryview(piece)[:n]
            core.left = n
            return True
        if lasts:
            core.data = core.tx
        owner.next_packet = before
        stream.close()
        return before() if core.v5 else before(core)

    # Nothing may fail between the header and the rest, which the broker would take from whatever
    # leaves next.
    owner.next_packet = next_packet
    try:
        core.encode(topic, range(left), int(retain))  # which has that length, and takes no room
    except Exception:
        owner.next_packet = before
        raise
    core.tail = None
    try:
        core.send()
    except Exception as error:
        core.failed(error)
    return True
