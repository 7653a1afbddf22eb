"""The wire: puts the packets together that are sent. It knows their form, not what they are for.

What a packet carries is written into `out`, an io.BytesIO made once: its `write` takes str and
bytes alike at the speed of C, and allocates nothing while the packet fits. finish() copies that
into the bytearray `tx`, behind a fixed header right-aligned before offset 5; so no length has to
be known beforehand, and the packet leaves in one write.
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


_two = bytearray(2)


class Packet:
    """The packet that is to leave: tx[start:stop], and then `tail` if it is not None.

    out: an io.BytesIO; room: bytes of packet that are held. The payload of a larger PUBLISH stays
    where it is, as `tail`.
    """

    def __init__(self, out, room):
        self.out = out
        self.room = room
        self.tx = bytearray(0)
        self._grow(room)

    def publish(self, topic, payload, flags, pid=0):
        """Encode PUBLISH; flags: the low bits of its first byte; without a pid for QoS 0."""
        self.out.seek(0)
        size = self.out.write(topic)
        if pid:
            self.number(pid)
        self.finish(0x30 | flags, size, payload)

    def short(self, first, pid=0):
        """Encode a packet that is an identifier alone, or, without one, empty."""
        self.out.seek(0)
        self.finish(first, pid)
        if not pid:
            self.tx[4] = 0
            self.stop = 5

    def number(self, value):
        """Write a number of two bytes into `out`."""
        _two[0] = value >> 8
        _two[1] = value & 255
        self.out.write(_two)

    def text(self, value):
        """Write str or bytes behind their length; ValueError for more than 65535 bytes."""
        out = self.out
        at = out.tell()
        self.number(0)
        size = out.write(value)
        if size > 0xFFFF:
            from mqtt.words import too_long

            raise too_long("field", size, 0xFFFF)
        out.seek(at)
        self.number(size)
        out.seek(at + 2 + size)

    def finish(self, first, lead, payload=b""):
        """Make a packet of what was written; `lead`: the number with which its body begins."""
        out = self.out
        size = out.tell() + len(payload)
        self._header(first, size + 2)
        self.tail = None
        if size > self.room:
            self.tail = payload or None
            size = out.tell()
            self._grow(size)
        elif payload:
            out.write(payload)
        out.seek(0)
        out.readinto(self._behind, size)
        self.tx[5] = lead >> 8
        self.tx[6] = lead & 255
        self.stop = size + 7

    def _header(self, first, size):
        """Put first byte and remaining length (MQTT 2.2.3) before the body."""
        tx = self.tx
        at = 3
        left = size
        while left > 127:
            left >>= 7
            at -= 1
        if at < 0:
            from mqtt.words import too_long

            raise too_long("packet", size, 0xFFFFFFF)
        self.start = at
        tx[at] = first
        while at < 3:
            at += 1
            tx[at] = size & 127 | 128
            size >>= 7
        tx[4] = size

    def _grow(self, size):
        if len(self.tx) < size + 7:
            head = self.tx[:7]
            self.tx = bytearray(size + 7)
            self.tx[: len(head)] = head
            self._behind = memoryview(self.tx)[7:]
