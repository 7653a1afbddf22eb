"""100 QoS 1 publishes without a client: what of a smallest heap is not the client's."""

import socket
import sys

stream = socket.socket()
stream.connect(socket.getaddrinfo("127.0.0.1", int(sys.argv[1]))[0][-1])
stream.write(b"\x10\x11\0\4MQTT\4\2\0\0\0\5" + sys.argv[2].encode())
stream.read(4)
stream.write(b"\x82\x10\0\1\0\x0bbench/other\1")
stream.read(5)
for _ in range(100):
    stream.write(b"\x32\x4f\0\x0bbench/topic\0\1" + b"x" * 64)
    stream.read(4)
print("done")
