"""Lets a node talk to Adafruit IO, ThingsBoard or Ubidots. Loaded by a config that names one.

Each of them knows its own topics alone. What waits is what any node publishes, and becomes what
the service wants when it leaves; so it may wait on the flash, and get its time afterwards. What
the service has no place for is not sent.

With a rate, the next reading leaves when its turn has come; the others wait. Nothing is lost as
long as there is room for them.
"""

import json
from time import ticks_add, ticks_diff, ticks_ms

from micropython import const

from mqtt.engine.core import Core

if False:  # for type checkers: it costs a board nothing
    from typing import Any

_ADAFRUIT = const("adafruit")
_THINGSBOARD = const("thingsboard")
_ME = const("v1/devices/me/")
_ASKS = const("v1/devices/me/rpc/request/")
_VALUE = const(b'{"value": ')
_TIME = const(b', "time": ')

# First the section of the config, see node.network.which_cloud, then what join() has made.
service: "Any" = None


class Service:
    """The node's place there.

    gap: ms between two readings, 0 for no limit; turn: when the next may leave
    request: that of the command being obeyed; fresh: no connection was begun yet
    """

    def __init__(self, node, section):
        self.node = node
        self.kind = section["service"]
        rate = section.get("rate", 30 if self.kind == _ADAFRUIT else 0)
        self.gap = -(-60_000 // rate) if rate else 0
        self.turn = ticks_ms()
        self.request = None
        self.fresh = True
        name = node.prefix.split("/")[-2]
        self.feeds = "%s/feeds/%s-" % (section.get("user"), key(name, "-"))
        self.device = "/v1.6/devices/" + key(name, "_")

    def too_early(self):
        """Whether the next reading has to wait for its turn."""
        return 0 < ticks_diff(self.turn, ticks_ms()) <= self.gap

    def status(self, word):
        """Return the topic and payload that say whether the node is there."""
        if self.kind == _ADAFRUIT:
            return self.feeds + "status", word
        if self.kind == _THINGSBOARD:
            return _ME + "attributes", '{"status": "%s"}' % word
        return self.device, '{"status": %d}' % (word == "online")

    def place(self, below):
        """Return the topic for what leaves at once; None if there is none."""
        if self.kind == _THINGSBOARD:
            if below == "diagnostics":
                return _ME + "attributes"
            if self.request and below.startswith("reply/"):
                request, self.request = self.request, None
                return _ME + "rpc/response/" + request
        return None

    def converted(self, below, payload):
        """Return the topic and payload for a reading."""
        end = payload.rfind(b', "unit": ')
        value = str(payload[len(_VALUE) : end], "utf-8")
        at = payload.find(_TIME, end)
        ms = ""
        if at >= 0:  # as text: the number has no room in a small int
            for byte in payload[at + len(_TIME) :]:
                if not 48 <= byte < 58:
                    break
                ms += chr(byte)
            ms += "000"
        if self.kind == _ADAFRUIT:
            return self.feeds + key(below, "-"), json.loads(value) if value[0] == '"' else value
        name = key(below, "_")
        if self.kind == _THINGSBOARD:
            text = '{"%s": %s}' % (name, value)
            if ms:
                text = '{"ts": %s, "values": %s}' % (ms, text)
            return _ME + "telemetry", text
        value = {"true": "1", "false": "0"}.get(value, value)
        told = ', "timestamp": ' + ms if ms else ""
        return self.device, '{"%s": {"value": %s%s}}' % (name, value, told)

    def arrived(self, topic, payload, retained):
        """Take a command: a call of ThingsBoard's."""
        node = self.node
        if not topic.startswith(_ASKS):
            node.drops += 1
            return
        try:
            told = json.loads(payload)
            name = told["method"]
            given = told.get("params")
        except (ValueError, KeyError, TypeError, AttributeError):
            node.drops += 1
            return
        self.request = topic[len(_ASKS) :]
        if given is None or given == {}:
            given = ""
        elif not isinstance(given, str):
            given = json.dumps(given)
        node.on_message(node.prefix + "cmd/" + str(name), given.encode(), False)


def join(node, core):
    """Have the client that is about to be made speak as the service wants it."""
    global service
    from mqtt.link import Link

    service = Service(node, service)
    topic, word = service.status("offline")
    core.will = (topic, word.encode(), 1, False)
    core.on_message = service.arrived
    core.on_large = None
    node.birth = 0  # Home Assistant's topics are none of the service's
    Link.post = post  # type: ignore[method-assign]
    Link.open = opened  # type: ignore[method-assign]
    Link.encode = encode  # type: ignore[method-assign]
    if service.gap:
        Link.next_packet = next_packet  # type: ignore[method-assign]


def opened(client, dial):
    """What open() of the client is here: the same, with the filters of the service."""
    if service.fresh:
        service.fresh = False
        client.filters.clear()
        if service.kind == _THINGSBOARD:
            client.filters[_ASKS + "+"] = 1
        client.untold[:] = list(client.filters)
    Core.open(client, dial)


def post(client, topic, payload, retain=False, qos=1, properties=None, wait=False):
    """What post() of the client is here: the same, without what has no place there."""
    prefix = service.node.prefix
    if topic == client.will[0]:  # what it says there is a word
        topic, payload = service.status(payload if isinstance(payload, str) else "offline")
    elif topic.startswith(prefix):
        below = topic[len(prefix) :]
        head = payload[: len(_VALUE)]
        if below.startswith("rules/") or (head if isinstance(head, bytes) else head.encode()) != (
            _VALUE
        ):
            topic = service.place(below)
            if not topic:
                return -1
    return Core.post(client, topic, payload, False, min(qos, 1), properties, wait)


def encode(client, topic, payload, flags, pid=0):
    """What encode() of the client is here: the same, for a reading in the service's words."""
    if not isinstance(topic, str):
        topic = str(topic, "utf-8")
    prefix = service.node.prefix
    if topic.startswith(prefix):
        topic, text = service.converted(topic[len(prefix) :], bytes(payload))
        payload = text.encode()
        service.turn = ticks_add(ticks_ms(), service.gap)
    Core.encode(client, topic, payload, flags & 0xFE, pid)


def next_packet(client):
    """What next_packet() of the client is here: the same, but no reading before its turn."""
    if not service.too_early():
        return Core.next_packet(client)
    window = client.window
    client.window = 0
    try:
        return Core.next_packet(client)
    finally:
        client.window = window


def key(name, between):
    """Return the name of a feed or a variable: small letters, and one sign between them."""
    return name.lower().replace("/", between).replace("-", between).replace("_", between)
