"""What MQTT 5 changes on the wire: PUBLISH, out and in. Imported with version=5 alone."""

from micropython import const

from mqtt.incoming import Incoming
from mqtt.packet import Packet, ProtocolError
from mqtt.properties import decode, length, varint

_NO_RETAIN = const(0x9A)
_QOS_TOO_HIGH = const(0x9B)
_TOO_LARGE = const(0x95)


def _refuse(code):
    from mqtt.reasons import refusal

    raise refusal(code)


class Packet5(Packet):
    """Encodes the PUBLISH of version 5; the other packets differ in what their parts write.

    A payload whose flags have the bit 0x10 begins with properties, see mqtt.properties.joined().
    """

    def begin(self, server, aliases):
        """A connection begins, to a broker with these properties; so many topics get an alias."""
        self._aliases = {}
        self._most = min(aliases, server.get("topic_alias_maximum", 0))
        self._qos = server.get("maximum_qos", 2)
        self._retains = server.get("retain_available", 1)
        self._largest = server.get("maximum_packet_size", 1 << 30)

    def publish(self, topic, payload, flags, pid=0):
        """Encode PUBLISH; raises Refused for what the broker said it would not take."""
        if (flags >> 1 & 3) > self._qos:
            _refuse(_QOS_TOO_HIGH)
        if flags & 1 > self._retains:
            _refuse(_NO_RETAIN)
        aliases = self._aliases
        alias = aliases.get(topic, 0)
        new = not alias and len(aliases) < self._most
        if new:
            alias = len(aliases) + 1
        out = self.out
        out.seek(0)
        lead = out.write(topic) if new or not alias else 0
        if pid:
            self.number(pid)
        own = b"\0"
        if flags & 16:
            size = payload[0] << 8 | payload[1]
            own = payload[2 : size + 2]
            payload = memoryview(payload)[size + 2 :]
        if alias:
            size, at = length(own, 0, len(own))
            out.write(varint(size + 3) if size else b"\x03")
            out.write(b"\x23")
            self.number(alias)
            if size:
                out.write(own[at:])
        else:
            out.write(own)
        self.finish(0x30 | flags & 15, lead, payload)
        if self.stop - self.start + len(self.tail or b"") > self._largest:
            _refuse(_TOO_LARGE)
        if new:
            aliases[topic] = alias


class Incoming5(Incoming):
    """Finds the properties of a PUBLISH; `properties`: those of the last one, a dict."""

    def opened(self, first, end):
        """Find topic, identifier, properties and payload; see mqtt.incoming."""
        super().opened(first, end)
        self.properties = properties = {}
        at = self.payload_at
        if end < self.end and at + 4 > end:
            self.payload_at = self.end  # too large to be taken in: nothing of it is looked at
            return
        size, at = length(self.buffer, at, end)
        self.payload_at = at + size
        if self.payload_at > self.end:
            raise ProtocolError("malformed PUBLISH")
        if self.payload_at <= end and size:
            properties.update(decode(self.buffer, at, at + size, 0x30))
            if "response_topic" in properties:
                from mqtt.topic import check_received

                check_received(properties["response_topic"])  # [MQTT5-3.3.2-14]
