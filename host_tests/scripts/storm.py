# Many clients in one process: PORT COUNT. Prints "up" for each connection that is accepted, and
# "down" for each that ends, until a line comes in.
import select
import sys
from time import sleep_ms

from mqtt.link import Link

PORT, COUNT = int(sys.argv[1]), int(sys.argv[2])


def client(number):
    accepted = []

    def up():
        print("up")
        accepted.append(True)

    def down(_):
        if accepted:
            print("down")
            accepted.clear()

    return Link(
        "127.0.0.1", "c%d" % number, PORT, keepalive=60, queue=1, buffer=64,
        on_connect=up, on_lost=down,
    )  # fmt: skip


links = [client(number) for number in range(COUNT)]
typed = select.poll()
typed.register(sys.stdin, select.POLLIN)
while not typed.poll(0):
    for link in links:
        link.step()
    sleep_ms(5)
