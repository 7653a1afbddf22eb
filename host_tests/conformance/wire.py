"""Packets as the far end reads and makes them; no code is shared with the clients."""

from __future__ import annotations

from dataclasses import dataclass

CONNECT, CONNACK, PUBLISH, PUBACK = 0x10, 0x20, 0x30, 0x40
PUBREC, PUBREL, PUBCOMP = 0x50, 0x60, 0x70
SUBSCRIBE, SUBACK, UNSUBSCRIBE, UNSUBACK = 0x80, 0x90, 0xA0, 0xB0
PINGREQ, PINGRESP, DISCONNECT = 0xC0, 0xD0, 0xE0


@dataclass(frozen=True)
class Packet:
    """A packet as it came; body: without the properties of MQTT 5, and so as 3.1.1 has it."""

    raw: bytes
    body: bytes

    @property
    def kind(self) -> int:
        """The first byte without its flags."""
        return self.raw[0] & 0xF0

    @property
    def flags(self) -> int:
        """The low four bits of the first byte."""
        return self.raw[0] & 0x0F

    @property
    def qos(self) -> int:
        """Of a PUBLISH."""
        return self.flags >> 1 & 3

    @property
    def topic(self) -> bytes:
        """Of a PUBLISH."""
        return self.body[2 : 2 + int.from_bytes(self.body[:2], "big")]

    @property
    def pid(self) -> int:
        """The packet identifier; of a PUBLISH of QoS 0 there is none, 0."""
        at = 0
        if self.kind == PUBLISH:
            if not self.qos:
                return 0
            at = 2 + len(self.topic)
        return int.from_bytes(self.body[at : at + 2], "big")

    @property
    def payload(self) -> bytes:
        """Of a PUBLISH."""
        return self.body[2 + len(self.topic) + (2 if self.qos else 0) :]


def packet(first: int, body: bytes = b"") -> bytes:
    """An encoded packet."""
    size = len(body)
    length = bytearray()
    while size > 127:
        length.append(size & 127 | 128)
        size >>= 7
    length.append(size)
    return bytes((first,)) + bytes(length) + body


def without_properties(first: int, body: bytes) -> bytes:
    """The body of a packet of MQTT 5 as 3.1.1 has it; properties of less than 128 bytes."""

    def cut(at: int) -> bytes:
        assert body[at] < 128 and len(body) > at + body[at], "malformed properties"
        return body[:at] + body[at + 1 + body[at] :]

    kind = first & 0xF0
    if kind == PUBLISH:
        return cut(2 + int.from_bytes(body[:2], "big") + (2 if first & 6 else 0))
    if kind in (SUBSCRIBE, UNSUBSCRIBE):
        return cut(2)
    if kind == CONNECT:
        body = cut(10)
        if body[7] & 4:  # a will has properties, too
            body = cut(12 + int.from_bytes(body[10:12], "big"))
    return body


def filters(got: Packet) -> list[tuple[bytes, int]]:
    """The filters of a SUBSCRIBE or UNSUBSCRIBE, with their options byte (0 for the latter)."""
    found = []
    body = got.body[2:]
    while body:
        size = int.from_bytes(body[:2], "big")
        asked = got.kind == SUBSCRIBE
        found.append((body[2 : 2 + size], body[2 + size] if asked else 0))
        body = body[2 + size + asked :]
    return found


def fields(body: bytes) -> list[bytes]:
    """The fields, each behind its length, of which a body consists."""
    found = []
    while body:
        size = int.from_bytes(body[:2], "big")
        assert len(body) >= 2 + size, "a field runs out"
        found.append(body[2 : 2 + size])
        body = body[2 + size :]
    return found
