# Publishes a number every 100 ms and tells what becomes of it: HOST PORT KEEPALIVE.
import gc
import sys
from time import ticks_add, ticks_diff, ticks_ms

from mqtt.link import Link

HOST, PORT, KEEPALIVE = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])


def up():
    print("up", gc.mem_free())


def lost(error):
    print("lost", error)


link = Link(
    HOST, "reporter", PORT, keepalive=KEEPALIVE, clean=False, queue=1000, buffer=128,
    on_connect=up, on_lost=lost,
)  # fmt: skip
due = ticks_ms()
number = 0
slowest = 0
while True:
    began = ticks_ms()
    wait = link.step()
    slowest = max(slowest, ticks_diff(ticks_ms(), began))
    left = ticks_diff(due, ticks_ms())
    if left <= 0:
        due = ticks_add(due, 100)
        number += 1
        if link.post("petrel/reporter/n", '{"seq": %d}' % number) is not None:
            print("accepted", number, slowest)
        left = 0
    link.wait(max(0, min(wait, left)))
