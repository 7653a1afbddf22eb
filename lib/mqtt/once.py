"""Send or fetch a few messages without keeping a connection, as paho's helpers do."""

from time import ticks_add, ticks_diff, ticks_ms

from mqtt.simple import MQTTClient


def publish(topic, msg, server, retain=False, qos=1, **options):
    """Connect, publish one message, disconnect.

    options: those of mqtt.simple.MQTTClient, such as client_id. Raises what its calls raise.
    """
    publish_all([(topic, msg, retain, qos)], server, **options)


def publish_all(messages, server, client_id="", **options):
    """Connect, publish all messages, each (topic, msg[, retain[, qos]]), and disconnect."""
    client = MQTTClient(client_id, server, **options)
    client.connect()
    try:
        for message in messages:
            client.publish(*message)
    finally:
        client.disconnect()


def receive(topic, server, count=1, qos=1, timeout=60, client_id="", **options):
    """Connect, subscribe, and return the first `count` messages as (topic, msg), both bytes.

    topic: a filter or a list of them; timeout: seconds, up to a day. Raises OSError after that.
    """
    if not 0 < timeout <= 86_400:
        raise ValueError("timeout: %r; seconds, up to 86400" % timeout)
    got = []
    client = MQTTClient(client_id, server, **options)
    client.set_callback(lambda topic, msg: got.append((topic, msg)))
    client.connect()
    try:
        client.subscribe(topic, qos)
        until = ticks_add(ticks_ms(), int(timeout * 1000))
        while len(got) < count:
            left = ticks_diff(until, ticks_ms())
            if left <= 0:
                raise OSError("%d of %d messages in %s s" % (len(got), count, timeout))
            client.wait(min(left, 1000))
            client.check_msg()
    finally:
        client.disconnect()
    return got[:count]
