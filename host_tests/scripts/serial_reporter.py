# Publishes numbers over a serial line, and sends back what arrives: PAUSE_MS PRINTS FD
import sys
from time import ticks_add, ticks_diff, ticks_ms

from mqtt.engine.subscribe import want
from mqtt.link import Link
from mqtt.serial import serial

PAUSE = int(sys.argv[1])
PRINTS = sys.argv[2] == "prints"
port = open(int(sys.argv[3]), "r+b")  # noqa: SIM115
dial = serial(port)


def echo(topic, payload, retained):
    link.post("petrel/board/echo", bytes(payload))


link = Link(
    [dial], "board", keepalive=5, clean=False, queue=1000, buffer=8400, on_message=echo,
    on_connect=lambda: print("up"), on_lost=lambda error: print("lost", error),
    backoff_ms=(100, 500),
)  # fmt: skip
want(link, "petrel/board/in", 1)
due = ticks_ms()
number = 0
while True:
    wait = link.step()
    left = ticks_diff(due, ticks_ms())
    if left <= 0:
        due = ticks_add(due, PAUSE)
        number += 1
        link.post("petrel/board/n", '{"seq": %d}' % number)
        if PRINTS:
            port.write("print %d\r\n" % number)
            port.write(b"\x1e no frame \x1f\r\n")
        left = 0
    link.wait(max(0, min(wait, left)))
