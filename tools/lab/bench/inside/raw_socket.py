"""The floor: the same loops with packets made beforehand, over a socket, and no client at all."""

import socket
from time import sleep_ms

from meter import CLIENT_ID, HOST, IDLE_MS, IN_FLIGHT, PAYLOAD, TOPIC, WARM_UP, arguments, ready


def connect(port):
    """A connection that the broker has accepted."""
    stream = socket.socket()
    stream.connect(socket.getaddrinfo(HOST, port)[0][-1])
    client_id = CLIENT_ID.encode()
    stream.write(
        bytes((0x10, 12 + len(client_id)))
        + b"\0\4MQTT\4\2\0\0"
        + bytes((0, len(client_id)))
        + client_id
    )
    stream.read(4)
    return stream


def packet(qos):
    """A PUBLISH with identifier 1."""
    topic = TOPIC.encode()
    body = bytes((0, len(topic))) + topic + (b"\0\1" if qos else b"") + PAYLOAD
    return bytes((0x30 | qos << 1, len(body))) + body


def qos0(port, count, meter):
    stream, publish, last, answer = connect(port), packet(0), packet(1), bytearray(4)
    for _ in range(WARM_UP):
        stream.write(publish)
    meter.begin()
    for _ in range(count):
        stream.write(publish)
    meter.sent()
    stream.write(last)
    stream.readinto(answer, 4)  # the broker has taken them all
    meter.end(count)


def qos1(port, count, meter):
    stream, publish, answer = connect(port), packet(1), bytearray(4)
    for _ in range(WARM_UP):
        stream.write(publish)
        stream.readinto(answer, 4)
    meter.begin()
    for _ in range(count):
        stream.write(publish)
        stream.readinto(answer, 4)
    meter.end(count)


def pipelined(port, count, meter):
    stream, publish, answers = connect(port), packet(1), bytearray(4 * IN_FLIGHT)
    turns = range(IN_FLIGHT)
    meter.begin()
    for _ in range(count // IN_FLIGHT):
        for _ in turns:
            stream.write(publish)
        stream.readinto(answers, 4 * IN_FLIGHT)
    meter.end(count // IN_FLIGHT * IN_FLIGHT)


def subscribe(port, qos):
    stream = connect(port)
    topic = TOPIC.encode()
    stream.write(bytes((0x82, 5 + len(topic), 0, 1, 0, len(topic))) + topic + bytes((qos,)))
    stream.read(5)
    ready()
    return stream


def receive0(port, count, meter):
    stream = subscribe(port, 0)
    size = len(packet(0))
    message = bytearray(size)
    for _ in range(WARM_UP):
        stream.readinto(message, size)
    meter.begin()
    for _ in range(count):
        stream.readinto(message, size)
    meter.end(count)


def receive1(port, count, meter):
    stream = subscribe(port, 1)
    size = len(packet(1))
    message, answer = bytearray(size), bytearray(b"\x40\2\0\0")
    at = size - len(PAYLOAD) - 2
    for number in range(WARM_UP + count):
        if number == WARM_UP:
            meter.begin()
        stream.readinto(message, size)
        answer[2] = message[at]
        answer[3] = message[at + 1]
        stream.write(answer)
    meter.end(count)


def idle(port, _, meter):
    _stream = connect(port)
    meter.begin()
    sleep_ms(IDLE_MS)
    meter.end(IDLE_MS // 1000)


if __name__ == "__main__":
    mode, port, count, meter = arguments()
    globals()[mode](port, count, meter)
