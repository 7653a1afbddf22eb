"""What MQTT 5 changes: the session. Imported with version=5 alone.

An answer that carries a reason code or properties is brought into its 3.1.1 form, and then is a
matter for mqtt.session: the states that a message goes through are the same.
"""

from micropython import const

from mqtt.packet import LinkError, ProtocolError, Refused
from mqtt.properties import decode, encode, length
from mqtt.session import Session
from mqtt.topic import check
from mqtt.wire5 import Incoming5, Packet5

_CONNACK = const(0x20)
_PUBACK = const(0x40)
_PUBREC = const(0x50)
_SUBACK = const(0x90)
_DISCONNECT = const(0xE0)
_AUTH = const(0xF0)
_ANSWERS = const(b"\x40\x50\x62\x70")  # PUBACK, PUBREC, PUBREL and PUBCOMP

_ASK_PID = const(65535)  # see mqtt.subscribe
_FOR_EVER = const(0xFFFFFFFF)  # a session expiry that means never
_REMEMBERED = const(16)  # refusals that are kept until somebody asks


class Session5(Session):
    """A session over MQTT 5; the arguments are those of mqtt.session.Session, and further:

    expiry: seconds that the broker keeps the session after a connection; None: for ever, or with
    `clean` not at all. clean alone decides whether a connection begins a new session.
    receive_maximum: messages of QoS 1 and 2 that the broker may have in flight to us, 1 to 100
    authentication: a method of several steps, see mqtt.auth
    topic_aliases: topics, at most, that go out as a number once they were sent on a connection
    properties: a dict of further ones of CONNECT; a fifth of `will` is a dict of those of the will

    server: the properties of the last CONNACK
    reason: the code of the last answer to a message of ours; told: the properties of that answer
    refusals: messages and filters that the broker refused, or that it said it would not take;
    denied: the last of them, pairs of a message's number, or a filter, and a reason code
    """

    Incoming = Incoming5
    Packet = Packet5

    def __init__(
        self, *arguments, expiry=None, receive_maximum=16, topic_aliases=16, properties=None,
        authentication=None, **options,
    ):  # fmt: skip
        if not 1 <= receive_maximum <= 100:
            raise ValueError("receive_maximum: %r; 1 to 100" % receive_maximum)
        super().__init__(*arguments, **options)
        self.expiry = expiry
        self.receive_maximum = receive_maximum
        self.topic_aliases = topic_aliases
        self.authentication = None
        self.auth = None  # the AUTH that is to leave; True while one is answered; see mqtt.auth
        self._properties = properties
        self._window = self.window
        self._keepalive = self.keepalive
        self.server = self.told = {}
        self.reason = self.refusals = 0
        self.denied = []
        self.encode(0x10)  # what is bad among them is told at once
        self.encode(0)
        if authentication:
            encode({"authentication_method": authentication.method}, 0x10)
            self.authentication = authentication

    @property
    def properties(self):
        """Those of the message being delivered."""
        return self.incoming.properties

    # --- the link

    def connect(self, now):
        """A stream stands: encode CONNECT. What the last broker wanted holds no more."""
        self.keepalive = self._keepalive
        self.auth = None
        self.packet.begin({}, 0)  # type: ignore[attr-defined]
        super().connect(now)

    def encode(self, packet, identifier=0):
        """Encode the properties of CONNECT (0x10), the will (0), SUBSCRIBE or UNSUBSCRIBE (0x82).

        identifier: of a subscription, none if it is not above 0. MQTT 5, 3.1.2.11, 3.8.2.1
        """
        properties = {}
        if packet == 0x10:
            properties["receive_maximum"] = self.receive_maximum
            if self.expiry is None:
                if not self.clean:
                    properties["session_expiry"] = _FOR_EVER
            elif self.expiry:
                properties["session_expiry"] = self.expiry
            if self.incoming.on_large is None:
                properties["maximum_packet_size"] = len(self.incoming.buffer)
            properties.update(self._properties or {})
            if self.authentication:
                from mqtt.auth import properties as named

                properties.update(named(self, self.authentication.first()))
        elif not packet:
            properties = self.will[4] if self.will and len(self.will) > 4 else None
        elif identifier > 0:
            properties["subscription_identifier"] = identifier
        return encode(properties, packet)

    def _accepted(self, incoming):
        """CONNACK: what the broker grants, and what it asks of us."""
        at = incoming.body
        present, code = incoming.buffer[at : at + 2]
        self.server = server = self._told(at + 2, _CONNACK)
        if code:
            from mqtt.reasons import refusal

            raise refusal(code, server)
        if present > (not self.clean):
            raise ProtocolError("CONNACK: session present, and none was asked for")
        if self.authentication or "authentication_method" in server:
            from mqtt.auth import connected

            connected(self, server)
        # What was refused while it waited is no more in flight: see next_packet().
        self.window = min(self._window, server.get("receive_maximum", 65535))
        self.keepalive = server.get("server_keep_alive", self.keepalive)
        self.client_id = server.get("assigned_client_id", self.client_id)
        self._due = self._heard  # the keep alive may be shorter now
        self.packet.begin(server, self.topic_aliases)  # type: ignore[attr-defined]
        from mqtt.connect import accepted

        accepted(self, present, 0)

    # --- sending

    def next_packet(self, now):
        """As in mqtt.session; a message that the broker said it would not take is refused here."""
        if self.auth and self.auth is not True:
            from mqtt.auth import send

            return send(self)
        while True:
            try:
                return super().next_packet(now)
            except Refused as error:
                self._refused(1 << self.sent - 1, error.code)

    def _refused(self, bit, code):
        """That message is done, as one acknowledged is. [MQTT5-4.4.0-2]"""
        index = 0
        while bit >> index > 1:
            index += 1
        self._deny(self.outbox.removed + index, code)
        self.acked |= bit
        self.pop()

    def _deny(self, key, code):
        self.refusals += 1
        if len(self.denied) == _REMEMBERED:
            self.denied.pop(0)
        self.denied.append((key, code))

    # --- receiving

    def handle(self, first, now):
        """As in mqtt.session, for what version 5 makes of the packets."""
        incoming = self.incoming
        size = incoming.end - incoming.body
        if first == _AUTH:
            from mqtt.auth import arrived

            arrived(self, incoming, size, now)
            return first
        if not self.up:
            if first == _CONNACK:
                if size > 2:
                    self._heard = now
                    self._accepted(incoming)
                    return first
                if size < 2 or not incoming.buffer[incoming.body + 1]:
                    raise ProtocolError("CONNACK of a version before 5")
        elif first in _ANSWERS and size > 2:
            if self._answered(first, incoming, size, now):
                return first
        elif first in (_SUBACK, 0xB0):
            self._granted(first, incoming)
        elif first == _DISCONNECT:
            at = incoming.body
            code = incoming.buffer[at] if size else 0
            properties = self._told(at + 1, first) if size > 1 else {}
            from mqtt.reasons import words

            raise LinkError("the broker ended the connection: " + words(code, properties))
        return super().handle(first, now)

    def _told(self, at, first):
        """The properties that stand there, to the end of the packet; their length comes first."""
        buffer = self.incoming.buffer
        size, at = length(buffer, at, self.incoming.end)
        if at + size != self.incoming.end:
            raise ProtocolError("malformed properties of packet 0x%02x" % first)
        return decode(buffer, at, at + size, first)

    def _answered(self, first, incoming, size, now):
        """Take reason code and properties off an acknowledgement; True if that was a refusal."""
        at = incoming.body
        self.reason = code = incoming.buffer[at + 2]
        self.told = self._told(at + 3, first) if size > 3 else {}
        incoming.end = at + 2
        if code < 0x80 or first not in (_PUBACK, _PUBREC):
            return False
        bit = self.in_flight(incoming.number(at), now)
        self._heard = now
        if bit:
            self._refused(bit, code)
        return True

    def _granted(self, first, incoming):
        """Take the properties out of a SUBACK or UNSUBACK, and the reason codes off the latter."""
        body = incoming.body
        buffer = incoming.buffer
        size, at = length(buffer, body + 2, incoming.end)
        at += size
        if at >= incoming.end:
            raise ProtocolError("malformed packet 0x%02x" % first)
        self.told = decode(buffer, at - size, at, first)
        codes = buffer[at : incoming.end]
        if first == self.awaited and incoming.number(body) == _ASK_PID:
            if len(codes) != len(self.asked):
                raise ProtocolError("packet 0x%02x for %d filters" % (first, len(codes)))
            for pattern, code in zip(self.asked, codes):
                if code >= 0x80:
                    self._deny(pattern, code)
        buffer[at - 2 : at] = buffer[body : body + 2]
        incoming.body = at - 2
        if first != _SUBACK:
            incoming.end = at


def options(qos=0, no_local=False, as_published=False, handling=0, identifier=0):
    """What stands for the QoS of a subscription that wants more than a QoS.

    no_local: not what we publish ourselves; as_published: keep the retain flag as it was
    handling: retained messages 0: are sent; 1: for a new subscription alone; 2: are not
    identifier: 1 to 268435455, comes with every message of this subscription; 0: none
    """
    if handling not in (0, 1, 2) or qos not in (0, 1, 2) or not 0 <= identifier < 1 << 28:
        raise ValueError("qos, handling: 0 to 2; identifier: 0 to 268435455")
    return identifier << 8 | handling << 4 | bool(as_published) << 3 | bool(no_local) << 2 | qos


def check_options(pattern, level):
    """ValueError for a level that no subscription to the filter may have, or a bad share."""
    if level is None:
        level = 0
    if not isinstance(level, int) or level & 3 == 3 or level >> 4 & 15 > 2 or level >> 36:
        raise ValueError("filter %r: QoS %r; 0, 1 or 2, or options()" % (pattern, level))
    levels = check(pattern).split(b"/", 2)
    if levels[0] == b"$share":
        if level & 4:
            raise ValueError("filter %r: no_local, and shared [MQTT5-3.8.3-4]" % pattern)
        if len(levels) < 3 or not levels[1] or not levels[2] or b"+" in levels[1]:
            raise ValueError("filter %r: $share/<name>/<filter> [MQTT5-4.8.2-1]" % pattern)


def broken(client, error):
    """Tell the broker what was wrong, if it was that, before the connection is closed. 4.13.1"""
    session = client.session
    begun = session.up or session.awaited == _CONNACK
    if begun and client._data is None and isinstance(error, (ProtocolError, Refused)):
        from mqtt.reasons import code_of

        code = code_of(error)
        if code:
            session.up = False  # nothing follows
            packet = session.packet
            packet.out.seek(0)
            packet.finish(_DISCONNECT, code << 8)
            client.tell(client.send, True)


def disconnect(client, code=4, **properties):
    """End the connection with a reason; by itself 4: the broker is to publish the last will.

    client: of either kind; call stop() of one for asyncio right after this. properties:
    session_expiry, in seconds; reason_string. Raises ValueError, and sends nothing, for bad ones.
    """
    if code != 0 and code != 4 and not 0x80 <= code <= 0x99:
        raise ValueError("code %r; 0, 4, or 0x80 to 0x99 [MQTT5-3.14.2-1]" % code)
    raw = encode(properties, _DISCONNECT)
    packet = client.session.packet
    if client.session.up and client._data is None:
        packet.out.seek(0)
        packet.out.write(raw[1:])
        packet.finish(_DISCONNECT, code << 8 | raw[0])
        client.send(True)
    client.hang_up()
