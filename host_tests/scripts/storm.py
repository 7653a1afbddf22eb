# Many clients in one process: PORT COUNT. Prints "up MS" for each connection that comes to stand,
# MS since the start, until a line comes in.
import select
import sys
from time import sleep_ms, ticks_diff, ticks_ms

from mqtt.link import Link

PORT, COUNT = int(sys.argv[1]), int(sys.argv[2])
began = ticks_ms()


def up():
    print("up", ticks_diff(ticks_ms(), began))


links = [
    Link("127.0.0.1", "c%d" % i, PORT, keepalive=60, queue=1, buffer=64, on_connect=up)
    for i in range(COUNT)
]
typed = select.poll()
typed.register(sys.stdin, select.POLLIN)
while not typed.poll(0):
    for link in links:
        link.step()
    sleep_ms(5)
