"""The collector's connection to the broker: paho's client, which takes many messages at once.

paho asks the system four times for each message that comes, and twice for each acknowledgement.
At some thousand messages a second these calls are most of the work, and at each of them its thread
has to wait for Python until the one that writes is willing. So here everything that has come is
read with one call, and all acknowledgements of a transaction leave with one.

Only two things are not paho's: how PUBLISH packets are read, and how PUBACKs are queued. Any other
packet, the connection itself, TLS, keep alive and what is published are.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from typing import Any

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode
from paho.mqtt.exception import MalformedPacket

from tools.backend.inbox import Message
from tools.backend.queries import now_ms

AT_ONCE = 65_536  # bytes of a read
PUBLISH, PUBACK = 0x30, 0x40
LENGTHS = 4  # bytes that the length of a packet takes at most


class Link(paho.Client):
    """A client with a session that the broker keeps; hands over messages of QoS 0 and 1.

    take: gets the messages of each read, in the thread of the network. It may wait.
    """

    def __init__(self, client_id: str, take: Callable[[list[Message]], None]) -> None:
        super().__init__(
            CallbackAPIVersion.VERSION2,
            client_id=client_id,
            clean_session=False,
            manual_ack=True,
        )
        self._take = take
        self._received = bytearray()
        self._connection = 0
        self._acknowledging = threading.Lock()

    def lost(self) -> None:
        """The connection is gone: what came over it can't be acknowledged any more.

        After a new connection the broker may use the same identifiers for other messages.
        """
        with self._acknowledging:
            self._connection += 1

    def acknowledge(self, messages: Sequence[Message]) -> int:
        """Acknowledge what came over this connection; returns how many were. Any thread may."""
        with self._acknowledging:
            packets = [
                b"\x40\x02" + message.mid.to_bytes(2)
                for message in messages
                if message.qos and message.connection == self._connection
            ]
            if packets:
                self._packet_queue(PUBACK, b"".join(packets), 0, 0)
        return len(packets)

    # --- what paho calls

    def reconnect(self) -> MQTTErrorCode:
        """Begin a new connection."""
        self._received.clear()
        return super().reconnect()

    def loop_read(self, max_packets: int = 1) -> MQTTErrorCode:
        """Read what has come, once, and hand over what is whole."""
        try:
            data = self._sock_recv(AT_ONCE)
        except BlockingIOError:
            return MQTTErrorCode.MQTT_ERR_SUCCESS
        except OSError:
            data = b""
        if not data:
            return self._loop_rc_handle(MQTTErrorCode.MQTT_ERR_CONN_LOST)
        with self._msgtime_mutex:
            self._last_bytes_received = time.monotonic()
        self._received += data
        messages: list[Message] = []
        try:
            code = self._handle_all(messages)
        except (MalformedPacket, IndexError):
            code = MQTTErrorCode.MQTT_ERR_PROTOCOL
        if messages:
            self._take(messages)
        return self._loop_rc_handle(code) if code else code

    def _handle_all(self, messages: list[Message]) -> MQTTErrorCode:
        """Go through the packets that are whole; those that publish are added to `messages`."""
        received, at, begin = self._received, now_ms(), 0
        while (body := _begin_and_end(received, begin)) is not None:
            start, end = body
            head = received[begin]
            begin = end
            if head & 0xF0 == PUBLISH:
                messages.append(self._message(head, received[start:end], at))
            elif code := self._other(head, received[start:end]):
                return code
            elif self._received is not received or not received:
                return MQTTErrorCode.MQTT_ERR_SUCCESS  # that packet began a new connection
        del received[:begin]
        return MQTTErrorCode.MQTT_ERR_SUCCESS

    def _message(self, head: int, body: bytearray, at: int) -> Message:
        qos = head >> 1 & 3
        if qos > 1:
            raise MalformedPacket("more than the QoS that was subscribed to")
        size = body[0] << 8 | body[1]
        start = size + 2
        mid = 0
        if qos:
            mid = body[start] << 8 | body[start + 1]
            start += 2
        if start > len(body):
            raise MalformedPacket("a topic beyond the end of its packet")
        try:
            topic = body[2 : size + 2].decode()
        except UnicodeDecodeError:  # MQTT forbids it, but not every broker looks
            topic = ""
        retained = bool(head & 1)
        return Message(topic, bytes(body[start:]), qos, mid, retained, at, self._connection)

    def _other(self, head: int, body: bytearray) -> MQTTErrorCode:
        """Have paho handle a packet."""
        packet: Any = {"command": head, "packet": body, "remaining_length": len(body), "pos": 0}
        self._in_packet.update(packet)
        return self._packet_handle()


def _begin_and_end(data: bytearray, begin: int) -> tuple[int, int] | None:
    """Where the body of a packet begins and ends; None while it isn't whole."""
    length, shift, position, have = 0, 0, begin + 1, len(data)
    while position < have:
        byte = data[position]
        position += 1
        length |= (byte & 127) << shift
        if byte < 128:
            end = position + length
            return (position, end) if end <= have else None
        shift += 7
        if shift == 7 * LENGTHS:
            raise MalformedPacket("a length of more than four bytes")
    return None
