"""What MQTT 5 changes: the session. Imported only with version=5.

A Version5 replaces three methods of its core. It turns an answer with a reason code or properties
into its 3.1.1 form, and leaves the rest to engine.core: a message goes through the same states.
"""

from micropython import const

from mqtt.engine.base import LinkError, ProtocolError, Refused
from mqtt.properties import decode, encode, length, varint

_CONNACK = const(0x20)
_PUBACK = const(0x40)
_PUBREC = const(0x50)
_SUBACK = const(0x90)
_UNSUBACK = const(0xB0)
_DISCONNECT = const(0xE0)
_AUTH = const(0xF0)
_ANSWERS = const(b"\x40\x50\x62\x70")  # PUBACK, PUBREC, PUBREL and PUBCOMP

_NO_RETAIN = const(0x9A)
_QOS_TOO_HIGH = const(0x9B)
_TOO_LARGE = const(0x95)

_ASK_PID = const(65535)  # see engine.subscribe
_FOR_EVER = const(0xFFFFFFFF)  # a session expiry that means never
_REMEMBERED = const(16)  # refusals that are kept until somebody asks


def _refuse(code):
    from mqtt.engine.reasons import refusal

    raise refusal(code)


class Version5:
    """What makes a core one of MQTT 5. The further options:

    expiry: seconds that the broker keeps the session after a connection; None: forever, or with
    `clean` not at all. clean alone decides whether a connection begins a new session.
    receive_maximum: messages of QoS 1 and 2 that the broker may have in flight to us, 1 to 100
    authentication: a method of several steps, see mqtt.auth
    topic_aliases: topics, at most, that go out as a number once they were sent on a connection
    properties: a dict of further ones of CONNECT; a fifth of `will` is a dict of those of the will

    What the core has beyond 3.1.1: properties: those of the message being delivered
    server: the properties of the last CONNACK
    reason: the code of the last answer to a message of ours; told: the properties of that answer
    refusals: messages and filters that the broker refused, or that it said it would not take;
    denied: the last of them, pairs of a message's number, or a filter, and a reason code
    """

    def __init__(
        self, core, expiry=None, receive_maximum=16, topic_aliases=16, properties=None,
        authentication=None,
    ):  # fmt: skip
        if not 1 <= receive_maximum <= 100:
            raise ValueError("receive_maximum: %r; 1 to 100" % receive_maximum)
        self.core = core
        self.expiry = expiry
        self.receive_maximum = receive_maximum
        self.topic_aliases = topic_aliases
        self.authentication = None
        self.auth = None  # the AUTH that is to leave; True while one is answered; see mqtt.auth
        self._properties = properties
        self.window = core.window
        self._keepalive = core.keepalive
        core.properties = core.server = core.told = {}
        core.reason = core.refusals = 0
        core.denied = []
        self.properties_of(0x10)  # raises for bad ones at once
        self.properties_of(0)
        if authentication:
            encode({"authentication_method": authentication.method}, 0x10)
            self.authentication = authentication
        self._granted({}, 0)
        core.encode = self._encode
        core.next_packet = self._next_packet
        core.handle = self._handle

    # --- the link

    def begin(self):
        """CONNECT is to leave: what the last broker wanted no longer applies."""
        self.core.keepalive = self._keepalive
        self.auth = None
        self._granted({}, 0)

    def _granted(self, server, aliases):
        """A connection begins, to a broker with these properties; so many topics get an alias."""
        self._aliases = {}
        self._most = min(aliases, server.get("topic_alias_maximum", 0))
        self._qos = server.get("maximum_qos", 2)
        self._retains = server.get("retain_available", 1)
        self._largest = server.get("maximum_packet_size", 1 << 30)

    def properties_of(self, packet, identifier=0):
        """Encode the properties of CONNECT (0x10), the will (0), SUBSCRIBE or UNSUBSCRIBE (0x82).

        identifier: of a subscription, none if it is not above 0. MQTT 5, 3.1.2.11, 3.8.2.1
        """
        core = self.core
        properties = {}
        if packet == 0x10:
            properties["receive_maximum"] = self.receive_maximum
            if self.expiry is None:
                if not core.clean:
                    properties["session_expiry"] = _FOR_EVER
            elif self.expiry:
                properties["session_expiry"] = self.expiry
            if core.on_large is None:
                properties["maximum_packet_size"] = len(core.rx)
            properties.update(self._properties or {})
            if self.authentication:
                from mqtt.auth import properties as named

                properties.update(named(self, self.authentication.first()))
        elif not packet:
            properties = core.will[4] if core.will and len(core.will) > 4 else None
        elif identifier > 0:
            properties["subscription_identifier"] = identifier
        return encode(properties, packet)

    def _accepted(self):
        """CONNACK: what the broker grants, and what it asks of us."""
        core = self.core
        at = core.body
        present, code = core.rx[at : at + 2]
        core.server = server = self.told(at + 2, _CONNACK)
        if code:
            from mqtt.engine.reasons import refusal

            raise refusal(code, server)
        if present > (not core.clean):
            raise ProtocolError("CONNACK: session present, and none was asked for")
        if self.authentication or "authentication_method" in server:
            from mqtt.auth import connected

            connected(self, server)
        # What was refused while it waited is no longer in flight: see _next_packet().
        core.window = min(self.window, server.get("receive_maximum", 65535))
        core.keepalive = server.get("server_keep_alive", core.keepalive)
        core.client_id = server.get("assigned_client_id", core.client_id)
        core.due = core.heard  # the keep alive may be shorter now
        self._granted(server, self.topic_aliases)
        from mqtt.engine.connect import accepted

        accepted(core, present)

    def broken(self, error):
        """Tell the broker what was wrong, if it was that, before we close. MQTT 5, 4.13.1"""
        core = self.core
        begun = core.up or core.awaited == _CONNACK
        if begun and not core.left and isinstance(error, (ProtocolError, Refused)):
            from mqtt.engine.reasons import code_of

            code = code_of(error)
            if code:
                core.up = False  # nothing follows
                core.tx[5:] = bytes((code, 0))
                core.finish(_DISCONNECT)
                core.tell(core.send)

    # --- sending

    def _encode(self, topic, payload, flags, pid=0):
        """Encode PUBLISH; raises Refused for what the broker said it would not take.

        With the bit 0x10 in the flags the payload begins with properties, see joined() of
        mqtt.properties.
        """
        if (flags >> 1 & 3) > self._qos:
            _refuse(_QOS_TOO_HIGH)
        if flags & 1 > self._retains:
            _refuse(_NO_RETAIN)
        aliases = self._aliases
        alias = aliases.get(topic, 0)
        new = not alias and len(aliases) < self._most
        if new:
            alias = len(aliases) + 1
        core = self.core
        tx = core.tx
        tx[5:] = b"\0\0"
        if new or not alias:
            tx.extend(topic)
            size = len(tx) - 7
            tx[5] = size >> 8
            tx[6] = size & 255
        if pid:
            tx.append(pid >> 8)
            tx.append(pid & 255)
        own = b"\0"
        if flags & 16:
            size = payload[0] << 8 | payload[1]
            own = payload[2 : size + 2]
            payload = memoryview(payload)[size + 2 :]
        if alias:
            size, at = length(own, 0, len(own))
            tx.extend(varint(size + 3) if size else b"\x03")
            tx.append(0x23)
            tx.append(alias >> 8)
            tx.append(alias & 255)
            if size:
                tx.extend(own[at:])
        else:
            tx.extend(own)
        core.finish(0x30 | flags & 15, payload)
        if core.left + len(core.tail or b"") > self._largest:
            core.left = 0
            core.tail = None
            _refuse(_TOO_LARGE)
        if new:
            aliases[topic] = alias

    def _next_packet(self):
        """As in engine.core; a message that the broker said it would not take is refused here."""
        if self.auth and self.auth is not True:
            from mqtt.auth import send

            return send(self)
        core = self.core
        while True:
            try:
                return type(core).next_packet(core)  # which this one replaces
            except Refused as error:
                self._refused(1 << core.sent - 1, error.code)

    def _refused(self, bit, code):
        """That message is done, as if it were acknowledged. [MQTT5-4.4.0-2]"""
        core = self.core
        index = 0
        while bit >> index > 1:
            index += 1
        self._deny(core.outbox.removed + index, code)
        core.acked |= bit
        core.pop()

    def _deny(self, key, code):
        core = self.core
        core.refusals += 1
        if len(core.denied) == _REMEMBERED:
            core.denied.pop(0)
        core.denied.append((key, code))

    def check_options(self, pattern, level):
        """ValueError for a level that no subscription to the filter may have, or a bad share."""
        if level is None:
            level = 0
        if not isinstance(level, int) or level & 3 == 3 or level >> 4 & 15 > 2 or level >> 36:
            raise ValueError("filter %r: QoS %r; 0, 1 or 2, or options()" % (pattern, level))
        from mqtt.engine.topic import text

        levels = text(pattern).split(b"/", 2)
        if levels[0] == b"$share":
            if level & 4:
                raise ValueError("filter %r: no_local, and shared [MQTT5-3.8.3-4]" % pattern)
            if len(levels) < 3 or not levels[1] or not levels[2] or b"+" in levels[1]:
                raise ValueError("filter %r: $share/<name>/<filter> [MQTT5-4.8.2-1]" % pattern)

    # --- receiving

    def _handle(self, first, now):
        """As in engine.core, for the packets of version 5."""
        core = self.core
        size = core.end - core.body
        if first == _AUTH:
            from mqtt.auth import arrived

            arrived(self, size, now)
            return
        if not core.up:
            if first == _CONNACK:
                if size > 2:
                    core.heard = now
                    self._accepted()
                    return
                if size < 2 or not core.rx[core.body + 1]:
                    raise ProtocolError("CONNACK of a version before 5")
        elif first < _SUBACK and first in _ANSWERS and size > 2:
            if self._answered(first, size, now):
                return
        elif first in (_SUBACK, _UNSUBACK):
            self._subscribed(first)
        elif first == _DISCONNECT:
            at = core.body
            code = core.rx[at] if size else 0
            properties = self.told(at + 1, first) if size > 1 else {}
            from mqtt.engine.reasons import words

            raise LinkError("the broker ended the connection: " + words(code, properties))
        type(core).handle(core, first, now)

    def told(self, at, first):
        """The properties from there to the end of the packet; their length comes first."""
        core = self.core
        size, at = length(core.rx, at, core.end)
        if at + size != core.end:
            raise ProtocolError("malformed properties of packet 0x%02x" % first)
        return decode(core.rx, at, at + size, first)

    def _answered(self, first, size, now):
        """Take reason code and properties off an acknowledgement; True if that was a refusal."""
        core = self.core
        at = core.body
        core.reason = code = core.rx[at + 2]
        core.told = self.told(at + 3, first) if size > 3 else {}
        core.end = at + 2
        if code < 0x80 or first not in (_PUBACK, _PUBREC):
            return False
        bit = core.in_flight(core.number(at), now)
        core.heard = now
        if bit:
            self._refused(bit, code)
        return True

    def _subscribed(self, first):
        """Take the properties out of a SUBACK or UNSUBACK, and the reason codes off the latter."""
        core = self.core
        body = core.body
        rx = core.rx
        size, at = length(rx, body + 2, core.end)
        at += size
        if at >= core.end:
            raise ProtocolError("malformed packet 0x%02x" % first)
        core.told = decode(rx, at - size, at, first)
        if first == core.awaited and core.number(body) == _ASK_PID:
            if core.end - at != core.asked:
                raise ProtocolError("packet 0x%02x for %d filters" % (first, core.end - at))
            for i in range(core.asked):
                if rx[at + i] >= 0x80:
                    self._deny(core.untold[i], rx[at + i])
        rx[at - 2 : at] = rx[body : body + 2]
        core.body = at - 2
        if first != _SUBACK:
            core.end = at

    def parsed(self, end):
        """Find properties and payload of a PUBLISH; see engine.inbox."""
        core = self.core
        core.properties = properties = {}
        at = core.payload_at
        if end < core.end and at + 4 > end:
            core.payload_at = core.end  # too large to be taken in: nothing of it is looked at
            return
        size, at = length(core.rx, at, end)
        core.payload_at = at + size
        if core.payload_at > core.end:
            raise ProtocolError("malformed PUBLISH")
        if core.payload_at <= end and size:
            properties.update(decode(core.rx, at, at + size, 0x30))
            if "response_topic" in properties:
                from mqtt.engine.topic import received

                received(properties["response_topic"])  # [MQTT5-3.3.2-14]
