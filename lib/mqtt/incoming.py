"""Finds the control packets in the bytes that arrive. It knows lengths, not the protocol.

The caller reads up to `need` bytes into `into`, adds their number to `held`, and calls packet()
until there is no whole packet left. A packet larger than the buffer passes through it piece by
piece, see mqtt.large: nothing is held of it but the identifier of a PUBLISH.
"""

from time import ticks_diff

from micropython import const

_PACE = const(64)  # a packet of more bytes holds up others, see mqtt.late


class Incoming:
    """The bytes that have arrived; `room`: how many are held, and so the largest packet.

    buffer[body:end] is the body of the packet found last, until the next is asked for
    began: when the packet began of which the rest is missing, or got on; None if none is
    moved: bytes of such packets since then, either way; busy: ms that they took; see mqtt.late
    pid, payload_at: of a PUBLISH, see opened(); large: the packet that passes, or None
    on_large: see mqtt.connection.Connection; or a pair of that, and caught(error) for what it or
    its sink raises, which is printed otherwise
    unreleased: identifiers of messages of QoS 2 whose PUBREL has not come
    skipped: messages dropped because they did not fit; properties: of a PUBLISH of MQTT 5, see
    mqtt.v5
    """

    properties: dict | None = None
    first: int  # the first byte of the PUBLISH that was found last, see mqtt.session

    def __init__(self, room, on_large=None, unreleased=()):
        self.on_large = on_large
        self.unreleased = unreleased
        self.buffer = bytearray(room)
        self.view = memoryview(self.buffer)
        self.large = self._name = None
        self.skipped = self.moved = self.busy = 0
        self.reset()

    def reset(self):
        """Begin anew, whatever has arrived."""
        self.into = self.buffer
        self.need = len(self.buffer)
        self.held = self._at = 0  # bytes in the buffer, and how many of them were looked at
        self.began = None
        if self.large:
            self.large.abort()
            self.large = None

    def packet(self, now):
        """Find the next packet; returns its first byte, or 0 if none has arrived completely."""
        if self.large:
            return self.large.passed(self, now)
        at = self._at
        body = at + 2
        if body > self.held:
            return self._wait(0, now)
        size = self.buffer[at + 1]
        if size > 127:
            body, size = self._length(body, size - 128)
        self.body = body
        self.end = end = body + size
        if end > self.held:
            return self._wait(end - at, now)
        if end == self.held:
            self.held = end = 0
        self._at = end
        if self.began is not None:
            if size > _PACE:
                self.busy += ticks_diff(now, self.began)
            self.began = None
            self.into = self.buffer
            self.need = len(self.buffer)
        if not self.buffer[at]:
            raise self.forbidden(0, None)  # MQTT 2.2.1: reserved
        return self.buffer[at]

    def _length(self, body, size):
        """The remaining length goes on, up to its fourth byte. MQTT 2.2.3"""
        shift = 7
        while body < self.held:
            more = self.buffer[body]
            body += 1
            size |= (more & 127) << shift
            if more < 128:
                return body, size
            shift += 7
            if shift == 28:
                raise self.forbidden(self.buffer[self._at], None)
        return body + 1, 0  # not all of it has arrived

    def _wait(self, size, now):
        """Make room for the rest of the packet that has begun, `size` bytes in all."""
        at = self._at
        held = self.held - at
        if at or self.began is None:
            self.began = now
            self.moved = 0
        if at and held:
            self.view[:held] = self.view[at : self.held]
        self._at = 0
        self.held = held
        self.need = len(self.buffer) - held
        self.into = self.view[held:] if held else self.buffer  # type: ignore[assignment]
        if not self.need:
            from mqtt.large import Large

            Large(self, size)  # which becomes `large`
        return 0

    def opened(self, first, end):
        """Find topic, identifier and payload of the PUBLISH of which all up to `end` is held."""
        at = self.body + 2
        if at <= self.end:
            at += self.number(self.body)
        qos = first & 6
        self.pid = 0
        self.topic_end = at
        self.payload_at = at + 2 if qos else at
        if at < self.body + 3 or self.payload_at > self.end or qos == 6:
            raise self.forbidden(first, None)
        if qos and self.payload_at <= end:
            self.pid = self.number(at)

    def forbidden(self, first, size):
        """The exception for a packet that MQTT forbids, see mqtt.words."""
        from mqtt.words import forbidden

        return forbidden(first, size)

    def number(self, at):
        """The number of two bytes that stands at that place of the buffer."""
        return self.buffer[at] << 8 | self.buffer[at + 1]

    def topic(self):
        """The topic of the PUBLISH, as bytes."""
        name = self.view[self.body + 2 : self.topic_end]
        if name != self._name:  # the same as before needs no second look, nor room
            topic = bytes(name)
            for byte in topic:
                if byte > 127 or byte in b"\0#+":
                    from mqtt.topic import check_received

                    check_received(topic)
                    break
            self._name = topic
        return self._name

    def payload(self):
        """Its payload, as bytes."""
        return bytes(self.view[self.payload_at : self.end])
