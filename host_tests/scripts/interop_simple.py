# The blocking client, told by lines of JSON on stdin what to do; answers on stdout, after "> ".
import gc
import json
import sys
from time import sleep_ms, ticks_diff, ticks_ms

from mqtt.engine.subscribe import want
from mqtt.simple import MQTTClient

LIMITS = ("answer_ms", "connect_ms")


def filled(leave):
    gc.collect()
    ballast = []
    size = 1 << 20
    while size >= 1024:
        try:
            while gc.mem_free() > leave + size:
                ballast.append(bytearray(size))
        except MemoryError:
            pass  # there is so much, but not in one piece
        size //= 4
    return ballast


class Agent:
    client = None

    def __init__(self):
        self.got = []

    def open(self, port, client_id, clean, will, user, password, keepalive=60, **options):
        limits = [(name, options.pop(name)) for name in LIMITS if name in options]
        self.client = client = MQTTClient(
            client_id, "127.0.0.1", port, user, password, keepalive, on_large=None, **options
        )
        for name, value in limits:
            setattr(client, name, value)
        client.set_callback(self.keep)
        if will:
            topic, payload, qos, retain = will
            client.set_last_will(topic, payload, retain, qos)
        return client.connect(clean)

    def keep(self, topic, payload):
        told = self.client.properties if self.client.version == 5 else {}
        if "correlation_data" in told:
            told["correlation_data"] = told["correlation_data"].decode()
        self.got.append((topic.decode(), payload.decode(), None, told))

    def publish(self, **message):
        message["msg"] = message.pop("payload")
        self.client.publish(**message)

    def subscribe(self, topic, qos):
        self.client.subscribe(topic, qos)

    def unsubscribe(self, topic):
        self.client.unsubscribe(topic)

    def receive(self, count, timeout_ms):
        until = ticks_ms() + timeout_ms
        while len(self.got) < count and ticks_diff(until, ticks_ms()) > 0:
            self.client.check_msg()
            sleep_ms(1)
        got, self.got = self.got, []
        return got

    def reconnect(self):
        return self.client.reconnect()

    def skipped(self):
        return self.client.skipped

    def connects(self):
        return self.client.connects

    def begin(self, **message):
        if self.client.post(**message) is None:
            raise OSError("not taken")

    def pump(self):
        for _ in range(20):
            self.client.check_msg()
            sleep_ms(1)

    def handler(self, name):
        def publishes(topic, payload):
            self.client.publish("t", payload, qos=1)

        def raises(topic, payload):
            raise ValueError("of the handler")

        self.client.set_callback({"none": None, "raises": raises, "publishes": publishes}[name])

    def begin_subscribe(self, topic):
        want(self.client, topic, 1)
        self.client.send()

    def until_waiting(self, count):
        while self.client.outbox.count > count:
            self.client.check_msg()

    def fill(self, leave):
        self.ballast = filled(leave)

    def free(self):
        self.ballast = None

    def waiting(self):
        return self.client.outbox.count

    def count(self, name):
        return getattr(self.client, name)

    def server(self):
        return self.client.server

    def aliases(self):
        return len(self.client.v5._aliases)

    def reopen(self):
        return self.client.reconnect()

    def close(self):
        self.client.disconnect()


agent = Agent()
while True:
    line = sys.stdin.readline()
    if not line:
        break
    call = json.loads(line)
    try:
        answer = {"ok": getattr(agent, call.pop("do"))(**call)}
    except Exception as error:
        sys.print_exception(error)
        answer = {"error": type(error).__name__, "text": str(error)}
        answer["code"] = getattr(error, "code", None)
    print("> " + json.dumps(answer))
