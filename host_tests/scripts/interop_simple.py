# The blocking client, told by lines of JSON on stdin what to do; answers on stdout, after "> ".
import json
import sys
from time import sleep_ms, ticks_diff, ticks_ms

from mqtt.simple import MQTTClient


class Agent:
    client = None

    def __init__(self):
        self.got = []

    def open(self, port, client_id, clean, will, user, password, **options):
        self.client = client = MQTTClient(
            client_id, "127.0.0.1", port, user, password, 60, on_large=None, **options
        )
        client.set_callback(self.keep)
        if will:
            topic, payload, qos, retain = will
            client.set_last_will(topic, payload, retain, qos)
        return client.connect(clean)

    def keep(self, topic, payload):
        told = self.client.session.properties if self.client.session.version == 5 else {}
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
        return self.client.session.incoming.skipped

    def connects(self):
        return self.client.connects

    def server(self):
        return self.client.session.server

    def aliases(self):
        return len(self.client.session.packet._aliases)

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
