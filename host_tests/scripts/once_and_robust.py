# The one-shot helpers, and a program of umqtt.robust with its import changed: PORT
import sys

from mqtt import once
from mqtt.robust import MQTTClient

PORT = int(sys.argv[1])

once.publish("once/a", "1", "127.0.0.1", retain=True, port=PORT)
once.publish_all([("once/b", "2", True), ("once/c", b"3", True, 2)], "127.0.0.1", port=PORT)
got = once.receive("once/#", "127.0.0.1", 3, port=PORT)
assert sorted(got) == [(b"once/a", b"1"), (b"once/b", b"2"), (b"once/c", b"3")], got
try:
    once.receive("once/none", "127.0.0.1", timeout=0.2, port=PORT)
    raise AssertionError("received")
except OSError as error:
    assert "0 of 1" in str(error)

client = MQTTClient("robust", "127.0.0.1", PORT, keepalive=10)
client.delay = lambda i: None
seen = []
client.set_callback(lambda topic, msg: seen.append(msg))
if not client.connect(clean_session=False):
    client.subscribe(b"robust", 1)
for number in range(6):
    if number % 2:
        client.stream.close()  # the connection ends, as seen from here
    client.publish(b"robust", b"%d" % number, qos=1)
while len(set(seen)) < 6:
    client.wait_msg()
client.stream.close()
client.check_msg()
client.publish(b"robust", b"last")
while seen[-1] != b"last":
    client.wait_msg()
assert sorted(set(seen)) == [b"0", b"1", b"2", b"3", b"4", b"5", b"last"], seen
assert client.outbox.count == 0
client.disconnect()
print("done")
