"""Puts the bytes that arrive together into control packets. It knows lengths, not the protocol.

The caller reads up to `need` bytes to `into` and reports how many came with received(), which
returns the first byte of the packet when one is complete. The packet's body then stands at the
start of `buffer` until the next call. A packet larger than the buffer passes through it piece by
piece, and `skipped` is set: nothing is held of it but the identifier of a PUBLISH.
"""

from mqtt.packet import ProtocolError


class Incoming:
    """The packet that is arriving; `room`: bytes of buffer for its body.

    first: its first byte; size: bytes of body; pid: identifier of a PUBLISH, 0 for QoS 0
    began: the time of its first byte, or of the last buffer full; None between two packets
    """

    def __init__(self, room):
        self.buffer = bytearray(room)
        self._view = memoryview(self.buffer)
        self.reset()

    def reset(self):
        """Begin with a new packet, whatever has arrived of another."""
        self.into = self.buffer
        self.need = 2
        self.began = None
        self._got = 0
        self._head = True

    def received(self, n, now):
        """Note that n bytes came at `now`; returns the first byte of a complete packet, or 0."""
        self._got += n
        self.need -= n
        if not self.need and self._head and self.buffer[self._got - 1] & 0x80:
            # The remaining length goes on in one more byte, up to the fourth. MQTT 2.2.3
            if self._got == 5:
                raise ProtocolError("remaining length of more than four bytes")
            self.need = 1
        if self.need:
            self.into = self._view[self._got :]  # type: ignore[assignment]
            if self.began is None:
                self.began = now
            return 0
        if self._head:
            self._fixed_header()
        else:
            if self._left == self.size:
                self._open()
            self._left -= self._got
        if not self._left:
            self.reset()
            return self.first
        self.into = self.buffer
        self.need = min(self._left, len(self.buffer))
        self.began = now
        self._got = 0
        return 0

    def _fixed_header(self):
        buffer = self.buffer
        size = 0
        for i in range(self._got - 1, 0, -1):
            size = size << 7 | buffer[i] & 0x7F
        self.first = buffer[0]
        self.size = self._left = size
        self.skipped = size > len(buffer)
        self._head = False
        if self.first < 0x10 or not size and self.first & 0xF0 == 0x30:
            raise ProtocolError("packet 0x%02x of %d bytes" % (self.first, size))

    def _open(self):
        """The body has begun: find topic, identifier and payload of a PUBLISH in it."""
        buffer = self.buffer
        held = self._got
        first = self.first
        if first & 0xF0 == 0x30:
            qos = first & 6
            end = 2 + (buffer[0] << 8 | buffer[1])
            body = end + 2 if qos else end
            self._end = end
            self._body = body
            if end > 2 and body <= held and qos < 6:
                self.pid = buffer[end] << 8 | buffer[end + 1] if qos else 0
                if self.pid or not qos:
                    return
        elif not self.skipped:
            return
        raise ProtocolError("packet 0x%02x of %d bytes: malformed" % (first, self.size))

    def topic(self):
        """The topic of the PUBLISH in the buffer, as str. [MQTT-1.5.3-1]"""
        try:
            return str(self._view[2 : self._end], "utf-8")
        except UnicodeError:
            raise ProtocolError("PUBLISH: its topic is not UTF-8")

    def payload(self):
        """Its payload, as bytes."""
        return bytes(self._view[self._body : self.size])
