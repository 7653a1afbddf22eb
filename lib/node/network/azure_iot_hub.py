"""Lets a node talk to Azure IoT Hub. Loaded by a config that has it, and then it stays.

The hub knows its own topics alone, and ends the connection on any other, on a sixth subscription
and on QoS 2. So what the node publishes leaves as telemetry, with its own topic as the property
`topic`; the diagnostics are reported properties of the device twin; a direct method is a command,
and its reply is the method's response. A message from the cloud to the device is a command too,
and its reply is telemetry.

The password is a signature of the key with an end (SAS): it is made when the node dials, so the
clock has to be set before. Before its end the node connects again.
"""

import binascii
import hashlib
import json
import sys
import time

from micropython import const

from node.config.connection_string import parts

if False:  # for type checkers: it costs a board nothing
    from typing import Any

_HOUR_S = const(3600)  # how long a password holds
_EARLY_S = const(300)  # before its end: connect again
_METHOD = const("$iothub/methods/POST/")
_JSON = const("%24.ct=application%2Fjson&%24.ce=utf-8&topic=")
_KEPT = const("the cloud of the node")
_GONE = const("kind=status")

hub: "Any" = None  # first the parts of the connection string, then what join() has made


class Hub:
    """The node's device there, and what the client does otherwise.

    until: when the password ends, in s since 1970; request: that of the method being obeyed
    """

    def __init__(self, node, given):
        self.node = node
        self.given = given
        self.events = "devices/%s/messages/events/" % given["DeviceId"]
        self.until = 0
        self.request = None
        self.fresh = True  # no connection was begun yet
        self.number = 0  # of the last request for the twin

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

    def now(self):
        return int(time.time()) + self.node.epoch

    def password(self):
        """Return the password for the connection that begins; None with a certificate."""
        key = self.given.get("SharedAccessKey")
        if not key:
            return None
        self.until = self.now() + _HOUR_S
        where = self.given["HostName"] + "/devices/" + self.given["DeviceId"]
        return token(where, key, self.until)

    def topic(self, below):
        """Return the hub's topic for one of the node's, below its prefix, and its status."""
        if below == "diagnostics":
            self.number = self.number % 9999 + 1
            return "$iothub/twin/PATCH/properties/reported/?$rid=%d" % self.number
        if self.request and below.startswith("reply/"):
            request, self.request = self.request, None
            return "$iothub/methods/res/%%d/?$rid=%s" % request
        return self.events + _JSON + quoted(below)

    def arrived(self, topic, payload, retained):
        """Take what the hub sends: a method, or a message."""
        node = self.node
        if topic.startswith(_METHOD):
            name, _, self.request = topic[len(_METHOD) :].partition("/?$rid=")
            node.on_message(node.prefix + "cmd/" + name, plain(payload), False)
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


def begin(config):
    """Give the config's section mqtt what the hub wants. Called before the client is made."""
    global hub
    given = parts(config["cloud"]["azure"])
    if _KEPT not in sys.modules:
        hub = given
    mqtt = config["mqtt"]
    mqtt["host"] = given["HostName"]
    mqtt["client_id"] = given["DeviceId"]
    mqtt["user"] = "%s/%s/?api-version=2021-04-12" % (given["HostName"], given["DeviceId"])
    # Has node.network.version_five look for this module, which is forgotten under its own name,
    # and call join(). It is MQTT 3.1.1 all the same.
    mqtt["version"] = 5
    sys.modules[_KEPT] = sys.modules.get(_KEPT) or sys.modules[__name__]


def join(node, core):
    """Have the client that is about to be made speak as the hub wants it."""
    global hub
    from mqtt.link import Link

    hub = Hub(node, hub)
    core.will = (hub.events + _GONE, b"offline", 1, False)
    core.on_message = hub.arrived
    core.on_large = None
    node.birth = 0  # Home Assistant's topics are none of the hub's
    Link.ready = hub.ready
    Link.post = post  # type: ignore[method-assign]
    Link.open = opened  # type: ignore[method-assign]
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
                     "devices/%s/messages/devicebound/#" % hub.given["DeviceId"]):  # fmt: skip
            client.filters[name] = 1
        client.untold[:] = list(client.filters)
    Core.password = hub.password()
    Core.open(client, dial)


def post(client, topic, payload, retain=False, qos=1, properties=None, wait=False):
    """What post() of the client is here: the same, to the hub's topics."""
    from mqtt.engine.core import Core

    prefix = hub.node.prefix
    if topic.startswith(prefix):
        topic = hub.topic(topic[len(prefix) :])
        if "%d" in topic:  # a reply: the hub wants its status
            text = payload if isinstance(payload, str) else str(payload, "utf-8")
            topic = topic % (400 if '"ok": false' in text else 200)
    return Core.post(client, topic, payload, False, min(qos, 1), properties, wait)


def plain(payload):
    """Return a command's payload as the node takes it; a method's is JSON."""
    text = bytes(payload).strip()
    if text in (b"null", b"{}", b""):
        return b""
    if text[:1] == b'"':
        try:
            return json.loads(text).encode()
        except ValueError:
            pass
    return text


def token(where, key, until):
    """Return a SAS: the right to be `where` until then, in s since 1970; key: in base64."""
    where = quoted(where)
    raw = binascii.a2b_base64(key)
    if len(raw) > 64:
        raw = hashlib.sha256(raw).digest()
    raw += bytes(64 - len(raw))
    inner = hashlib.sha256(bytes([byte ^ 0x36 for byte in raw]))
    inner.update(("%s\n%d" % (where, until)).encode())
    outer = hashlib.sha256(bytes([byte ^ 0x5C for byte in raw]))
    outer.update(inner.digest())
    signature = str(binascii.b2a_base64(outer.digest()).strip(), "utf-8")
    return "SharedAccessSignature sr=%s&sig=%s&se=%d" % (where, quoted(signature), until)


def quoted(text):
    """Return a text as it stands in a URL; RFC 3986 2.3 says what stands as it is."""
    found = []
    for byte in text.encode():
        letter = chr(byte)
        plain = "a" <= letter <= "z" or "A" <= letter <= "Z" or "0" <= letter <= "9"
        found.append(letter if plain or letter in "-._~" else "%%%02X" % byte)
    return "".join(found)
