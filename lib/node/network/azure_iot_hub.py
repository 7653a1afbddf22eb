"""Lets a node talk to Azure IoT Hub. Loaded by a config that has it, and then it stays.

The hub knows its own topics alone, and ends the connection on any other, on a sixth subscription
and on QoS 2. So what the node publishes leaves as telemetry, with its own topic as the property
`topic`; the diagnostics are reported properties of the device twin, and its desired properties may
change the config, see node.network.device_twin; a direct method is a command, and its reply is the
method's response. A message from the cloud to the device is a command too, and its reply is
telemetry.

The password is a signature of the key with an end (SAS): it is made when the node dials, so the
clock has to be set before. Before its end the node connects again.
"""

import json
import time

from micropython import const

from node.overlay import call

if False:  # for type checkers: it costs a board nothing
    from typing import Any

_HOUR_S = const(3600)  # how long a password holds
_EARLY_S = const(300)  # before its end: connect again
_METHOD = const("$iothub/methods/POST/")
_TWIN = const("$iothub/twin/")
_MOST = const(4096)  # bytes of a message from the cloud that is held in RAM
_JSON = const("%24.ct=application%2Fjson&%24.ce=utf-8&topic=")
_GONE = const("kind=status")

# First the parts of the connection string (node.network.which_cloud), then what join() has made.
hub: "Any" = None


class Hub:
    """The node's device there, and what the client does otherwise.

    until: when the password ends, in s since 1970; request: that of the method being obeyed
    asks: s until the twin is asked for, 0 once it is known; told: of which diagnostics it knows
    """

    shadow = ""  # which only AWS has

    def __init__(self, node, given):
        self.node = node
        self.given = given
        self.events = "devices/%s/messages/events/" % given["DeviceId"]
        self.until = 0
        self.request = None
        self.fresh = True  # no connection was begun yet
        self.number = 0  # of the last report to the twin
        self.asks = 0
        self.told = None

    def ready(self):
        """Whether a connection can begin: there is a network, and the time is known."""
        node = self.node
        return not node.unset and (not node.wlan or node.wlan.isconnected())

    def each_second(self):
        """What the node does each second, and the new connection before the password ends."""
        client = self.node.client
        if self.until and client.up and self.now() > self.until - _EARLY_S:
            self.until = 0
            client.close()  # step() connects again; what is in flight is sent again
        if self.asks and client.up and not client.untold:
            self.asks -= 1
            if not self.asks:
                call("network", "device_twin", "ask", self)

    def now(self):
        return int(time.time()) + self.node.epoch

    def password(self):
        """Return the password for the connection that begins; None with a certificate."""
        key = self.given.get("SharedAccessKey")
        if not key:
            return None
        self.until = self.now() + _HOUR_S
        where = quoted(self.given["HostName"] + "/devices/" + self.given["DeviceId"])
        return call("network", "shared_access", "token", where, key, self.until)

    def topic(self, below, payload):
        """Return the hub's topic for one of the node's, below its prefix."""
        if below == "diagnostics":
            self.number = self.number % 9999 + 1
            return "$iothub/twin/PATCH/properties/reported/?$rid=%d" % self.number
        if self.request and below.startswith("reply/"):
            request, self.request = self.request, None
            text = payload if isinstance(payload, (str, range)) else str(payload, "utf-8")
            refused = isinstance(text, str) and '"ok": false' in text
            return "$iothub/methods/res/%d/?$rid=%s" % (400 if refused else 200, request)
        return self.events + _JSON + quoted(below)

    def arrived(self, topic, payload, retained):
        """Take what the hub sends: a method, the twin, or a message."""
        node = self.node
        if topic.startswith(_TWIN):
            call("network", "device_twin", "take", self, topic, payload)
        elif topic.startswith(_METHOD):
            name = self.method(topic, plain(payload))[0]
            if self.request and name == "reboot":
                node.client.post(node.prefix + "reply/" + name, '{"ok": true}', False, 0)
        elif topic.startswith("devices/"):
            try:
                told = json.loads(payload)
                name = told["command"]
            except (ValueError, KeyError, TypeError):
                node.drops += 1
                return
            given = plain(json.dumps(told.get("payload")).encode())
            node.on_message(node.prefix + "cmd/" + name, given, False)

    def method(self, topic, payload):
        """Have the node obey a method; return its name, and what takes a payload that is to come.

        The hub keeps none for a node that is away, so it isn't late.
        """
        node = self.node
        name, _, self.request = topic[len(_METHOD) :].partition("/?$rid=")
        late, node.late = node.late, min(node.late, 0)
        sink = node.on_message(node.prefix + "cmd/" + name, payload, False)
        node.late = late
        return name, sink

    def large(self, topic, size, retained):
        """Return what takes a message that is longer than the client's buffer; None drops it."""
        if topic.startswith(_TWIN):
            return call("network", "device_twin", "sink")
        if topic.startswith(_METHOD):
            return self.method(topic, size)[1]
        if size > _MOST:
            return None
        from mqtt.engine.large import Whole

        return Whole(size)


def join(node, core):
    """Have the client that is about to be made speak as the hub wants it."""
    global hub
    from mqtt.link import Link

    hub = Hub(node, hub)
    core.will = (hub.events + _GONE, b"offline", 1, False)
    core.on_message = hub.arrived
    core.on_large = hub.large
    node.birth = 0  # Home Assistant's topics are none of the hub's
    Link.ready = hub.ready
    Link.post = post  # type: ignore[method-assign]
    Link.open = opened  # type: ignore[method-assign]
    Link.encode = encode  # type: ignore[method-assign]
    own = type(node)._each_second

    def each_second(node):
        own(node)
        hub.each_second()

    type(node)._each_second = each_second


def opened(client, dial):
    """What open() of the client is here: the same, with a password that holds."""
    from mqtt.engine.core import Core

    if hub.fresh:
        hub.fresh = False
        client.filters.clear()
        for name in ("$iothub/methods/POST/#", "$iothub/twin/res/#",
                     "$iothub/twin/PATCH/properties/desired/#",
                     "devices/%s/messages/devicebound/#" % hub.given["DeviceId"]):  # fmt: skip
            client.filters[name] = 1
        client.untold[:] = list(client.filters)
    Core.password = hub.password()
    hub.asks = 1  # what was desired meanwhile, nobody has sent
    Core.open(client, dial)


def post(client, topic, payload, retain=False, qos=1, properties=None, wait=False):
    """What post() of the client is here: the same, to the hub's topics."""
    from mqtt.engine.core import Core

    prefix = hub.node.prefix
    if topic.startswith(prefix):
        below = topic[len(prefix) :]
        if below == "diagnostics":
            payload = call("network", "device_twin", "diagnostics", hub, payload)
        elif (
            below == "reply/config" and not hub.request
            and not call("network", "device_twin", "outcome", hub, payload)
        ):  # fmt: skip
            return None
        topic = hub.topic(below, payload)
    return Core.post(client, topic, payload, False, min(qos, 1), properties, wait)


def encode(client, topic, payload, flags, pid=0):
    """What encode() of the client is here: the same, for what leaves from a file as well.

    So does what waited at a restart before which there was another broker.
    """
    from mqtt.engine.core import Core

    prefix = hub.node.prefix
    if not isinstance(topic, str):
        topic = str(topic, "utf-8")
    if topic.startswith(prefix):
        topic = hub.topic(topic[len(prefix) :], payload)
    Core.encode(client, topic, payload, flags & 0xFE, pid)


def plain(payload):
    """Return a command's payload as the node takes it; a method's is JSON."""
    if hasattr(payload, "at"):
        return payload  # it is on the flash
    text = bytes(payload).strip()
    if text in (b"null", b"{}", b""):
        return b""
    if text[:1] == b'"':
        try:
            return json.loads(text).encode()
        except ValueError:
            pass
    return text


def quoted(text):
    """Return a text as it stands in a URL; RFC 3986 2.3 says what stands as it is."""
    found = []
    for byte in text.encode():
        letter = chr(byte)
        plain = "a" <= letter <= "z" or "A" <= letter <= "Z" or "0" <= letter <= "9"
        found.append(letter if plain or letter in "-._~" else "%%%02X" % byte)
    return "".join(found)
