"""Petrel's blocking client at work. See meter for how it is called."""

from time import sleep_ms, ticks_diff, ticks_ms

from meter import (
    CLIENT_ID,
    HOST,
    IDLE_MS,
    IN_FLIGHT,
    OTHER,
    PAYLOAD,
    TOPIC,
    WARM_UP,
    arguments,
    print_modules,
    ready,
)

from mqtt.simple import MQTTClient


def connect(port, **options):
    client = MQTTClient(CLIENT_ID, HOST, port, keepalive=60, **options)
    client.connect()
    return client


def qos0(port, count, meter):
    publish(port, count, meter, 0)


def qos1(port, count, meter):
    publish(port, count, meter, 1)


def publish(port, count, meter, qos):
    client = connect(port)
    for _ in range(WARM_UP):
        client.publish(TOPIC, PAYLOAD, False, qos)
    meter.begin()
    for _ in range(count):
        client.publish(TOPIC, PAYLOAD, False, qos)
    meter.sent()
    client.publish(TOPIC, PAYLOAD, False, 1)  # the broker has taken them all
    meter.end(count)
    client.disconnect()


def pipelined(port, count, meter):
    client = connect(port, queue=IN_FLIGHT, window=IN_FLIGHT)
    outbox = client.outbox
    meter.begin()
    for _ in range(count):
        number = client.post(TOPIC, PAYLOAD, False, 1)
        while outbox.removed + IN_FLIGHT <= number + 1:
            client.check_msg()
    while outbox.removed <= number:
        client.check_msg()
    meter.end(count)
    client.disconnect()


def receive0(port, count, meter):
    receive(port, count, meter, 0)


def receive1(port, count, meter):
    receive(port, count, meter, 1)


def receive(port, count, meter, qos):
    client = connect(port)
    left = WARM_UP + count

    def arrived(topic, payload):
        nonlocal left
        left -= 1
        if left == count:
            meter.begin()
        elif not left:
            meter.end(count)

    client.set_callback(arrived)
    client.subscribe(TOPIC, qos)
    ready()
    while left:
        client.wait_msg()
    client.disconnect()


def idle(port, _, meter):
    client = connect(port)
    client.subscribe(OTHER, 1)
    client.check_msg()
    meter.begin()
    began = ticks_ms()
    while ticks_diff(ticks_ms(), began) < IDLE_MS:
        client.check_msg()
        sleep_ms(10)
    meter.end(IDLE_MS // 1000)
    client.disconnect()


def writes(port, count, _):
    from counted import Counted, dialler

    client = connect(port, dial=dialler(HOST, port))
    client.publish(TOPIC, PAYLOAD, False, 1)
    before = Counted.writes
    for _ in range(count):
        client.publish(TOPIC, PAYLOAD, False, 1)
    print((Counted.writes - before) / count)
    client.disconnect()


def use(port, *_):
    """All that a program does over TCP, a reconnect included; prints what that has loaded."""
    client = connect(port)
    received = []
    client.set_callback(lambda topic, payload: received.append(payload))
    client.subscribe(TOPIC, 2)
    for qos in range(3):
        client.publish(TOPIC, PAYLOAD, True, qos)
    while len(received) < 3:
        client.wait_msg()
    taken_over(port)
    try:
        while True:
            client.wait_msg()
    except OSError:
        client.reconnect()
    client.publish(TOPIC, b"", True, 1)
    while client.untold:  # it is subscribed again
        client.check_msg()
    client.disconnect()
    print_modules()


def taken_over(port):
    """Another client of that name connects: the broker ends the first one's connection."""
    import raw_socket

    raw_socket.connect(port).close()


if __name__ == "__main__":
    mode, port, count, meter = arguments()
    globals()[mode](port, count, meter)
