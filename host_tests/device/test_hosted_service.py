# heap: 2048K
"""What a node sends to Adafruit IO, ThingsBoard and Ubidots, and how fast."""

import sys

from far import PUBLISH, SUBSCRIBE, Broker, Clock, run

from mqtt.engine.core import Core
from mqtt.link import Link
from node.network import which_cloud

READING = '{"value": %s, "unit": "C", "seq": %d, "boot": 7, "%s": 1795218370%s}'
CHANGED = ("post", "open", "encode", "next_packet")


class Node:
    prefix = "petrel/Shed_1/"
    drops = 0
    client = None

    def __init__(self):
        self.commands = []

    def on_message(self, topic, payload, retained):
        self.commands.append((topic, payload))
        self.client.post(self.prefix + "reply/read", '{"ok": true}', False, 0)


class Joined:
    """A link to the service of that section, at a broker in the same process."""

    def __init__(self, **section):
        self.section = section
        self.node = Node()

    def __enter__(self):
        self.saved = Core.will, Core.on_message, Core.on_large
        self.clock = Clock()
        self.clock.__enter__()
        mqtt = {}
        which_cloud.begin({"cloud": self.section, "mqtt": mqtt})
        self.mqtt = mqtt
        service = sys.modules["the cloud of the node"]
        service.ticks_ms = self.clock
        service.join(self.node, Core)
        self.service = service.service
        self.broker = Broker(self.clock)
        self.link = self.node.client = Link(self.broker, "me", queue=64, clean=False)
        self.run(5000)
        return self

    def __exit__(self, *_):
        self.clock.__exit__()
        for name in CHANGED:
            if name in Link.__dict__:
                delattr(Link, name)
        Core.will, Core.on_message, Core.on_large = self.saved
        sys.modules.pop("the cloud of the node")

    def run(self, ms):
        run(self.link, self.clock, ms)

    def take(self, below, value="21.50", seq=1, time="time", end=""):
        return self.link.post(self.node.prefix + below, READING % (value, seq, time, end), True)

    def sent(self):
        found = []
        for _, first, body in self.broker.of_kind(PUBLISH):
            assert not first & 1 and first & 6 < 4, "neither retained nor QoS 2"
            size = 2 + (body[0] << 8 | body[1])
            payload = body[size + (2 if first & 6 else 0) :]
            found.append((self.broker.topic(body), str(payload, "utf-8")))
        return found


def sent(section, *readings):
    with Joined(**section) as joined:
        for reading in readings:
            assert joined.take(*reading) is not None
        for below in ("log", "rules/dry", "alarm/dry", "diagnostics", "reply/ping"):
            told = '{"value": 1, "unit": "", "did": []}' if below == "rules/dry" else '{"free": 5}'
            joined.link.post(joined.node.prefix + below, told, False, 0)
            joined.run(1000)
        joined.link.post(joined.link.will[0], "online", True, 0)
        joined.run(60_000)
        assert joined.link.outbox.count == 0
        return joined.mqtt, joined.sent()


def test_adafruit_gets_a_feed_for_each_value():
    section = {"service": "adafruit", "user": "alice", "token": "aio_1"}
    mqtt, found = sent(section, ("light",), ("air/Dew_point", '"wet"'))
    assert mqtt == {"host": "io.adafruit.com", "user": "alice", "password": "aio_1", "version": 5}
    assert sorted(found) == [
        ("alice/feeds/shed-1-air-dew-point", "wet"),
        ("alice/feeds/shed-1-light", "21.50"),
        ("alice/feeds/shed-1-status", "online"),
    ]


def test_thingsboard_gets_telemetry_and_attributes():
    section = {"service": "thingsboard", "token": "T0"}
    mqtt, found = sent(section, ("air/temperature",), ("door", "true", 2, "uptime"),
                       ("soil", "3", 3, "time", ', "restamped": true'))  # fmt: skip
    assert mqtt == {"host": "mqtt.thingsboard.cloud", "user": "T0", "version": 5}
    me = "v1/devices/me/"
    assert found == [
        (me + "telemetry", '{"ts": 1795218370000, "values": {"air_temperature": 21.50}}'),
        (me + "telemetry", '{"door": true}'),
        (me + "telemetry", '{"ts": 1795218370000, "values": {"soil": 3}}'),
        (me + "attributes", '{"free": 5}'),
        (me + "attributes", '{"status": "online"}'),
    ]


def test_ubidots_gets_variables_of_a_device():
    section = {"service": "ubidots", "token": "BBFF"}
    mqtt, found = sent(section, ("light",), ("door", "true", 2, "uptime"))
    assert mqtt == {"host": "industrial.api.ubidots.com", "user": "BBFF", "version": 5}
    device = "/v1.6/devices/shed_1"
    assert found == [
        (device, '{"light": {"value": 21.50, "timestamp": 1795218370000}}'),
        (device, '{"door": {"value": 1}}'),
        (device, '{"status": 1}'),
    ]


def test_a_call_of_thingsboard_is_a_command_with_its_reply():
    with Joined(service="thingsboard", token="T0") as joined:
        (asked,) = joined.broker.of_kind(SUBSCRIBE)
        assert b"v1/devices/me/rpc/request/+" in asked[2]
        calls = (b'{"method": "read", "params": "light"}', b'{"method": "ping", "params": {}}',
                 b'{"method": "set", "params": {"output": "pump"}}', b"no JSON",
                 b"[]")  # fmt: skip
        for number, call in enumerate(calls):
            joined.service.arrived("v1/devices/me/rpc/request/%d" % number, call, False)
            joined.run(500)
        commands = joined.node.prefix + "cmd/"
        assert joined.node.commands == [
            (commands + "read", b"light"), (commands + "ping", b""),
            (commands + "set", b'{"output": "pump"}'),
        ]  # fmt: skip
        assert joined.node.drops == 2
        replies = [each for each in joined.sent() if "rpc/response" in each[0]]
        assert replies == [
            ("v1/devices/me/rpc/response/%d" % number, '{"ok": true}') for number in range(3)
        ]


def test_no_reading_leaves_before_its_turn_and_none_is_lost():
    with Joined(service="adafruit", user="alice", token="aio_1", rate=30) as joined:
        for seq in range(40):
            joined.take("light", str(seq), seq)
        joined.run(30_000)
        joined.broker.stream.end()  # what was sent without an answer is sent again, in its turn
        joined.run(90_000)
        came = joined.broker.of_kind(PUBLISH)
        gaps = [b[0] - a[0] for a, b in zip(came, came[1:])]
        assert min(gaps) >= 2000 and max(gaps) < 10_000, gaps
        told = [payload for _, payload in joined.sent()]
        assert [each for i, each in enumerate(told) if each not in told[:i]] == [
            str(seq) for seq in range(40)
        ]


def test_after_weeks_of_rest_it_goes_on_at_once():
    with Joined(service="ubidots", token="BBFF", rate=1) as joined:
        joined.take("light")
        joined.run(1000)
        joined.clock.now += 1 << 29  # ticks wrap: that was in the future, for all one can tell
        joined.take("light")
        joined.run(5000)
        assert len(joined.broker.of_kind(PUBLISH)) == 2
